import Synchronization
import TestSupport
import Testing

@testable import ADBC

@Suite struct PoolMachineTests {
  private let refused = ADBCError(.io, "refused")

  private func options(_ change: (inout PoolOptions) -> Void = { _ in }) -> PoolOptions {
    var options = PoolOptions()
    options.maxCount = 2
    change(&options)
    return options
  }

  @Test func `a connection is made for whoever wants one, and used again, the last one first`() {
    var machine = PoolMachine(options())
    #expect(machine.request(1, at: .zero) == [.connect])
    #expect(machine.request(2, at: .zero) == [.connect])
    #expect(machine.made(at: .zero).1 == [.grant(1, 1)])
    #expect(machine.made(at: .zero).1 == [.grant(2, 2)])
    #expect(machine.returned(1, isReusable: true, at: .seconds(1)) == [])
    #expect(machine.returned(2, isReusable: true, at: .seconds(2)) == [])
    #expect(machine.request(3, at: .seconds(3)) == [.grant(3, 2)])
    #expect(machine.figures.leased == 3)
  }

  @Test func `no more than so many, the others wait in order`() {
    var machine = PoolMachine(options())
    for caller in 1...4 { _ = machine.request(UInt64(caller), at: .zero) }
    _ = machine.made(at: .zero)
    _ = machine.made(at: .zero)
    #expect(machine.figures.inUse == 2)
    #expect(machine.figures.waiting == 2)
    #expect(machine.returned(2, isReusable: true, at: .seconds(1)) == [.grant(3, 2)])
    #expect(machine.returned(1, isReusable: false, at: .seconds(1)) == [.close(1), .connect])
    #expect(machine.made(at: .seconds(1)).1 == [.grant(4, 3)])
  }

  @Test func `whoever waits too long is told so`() {
    var machine = PoolMachine(options { $0.waitTimeout = .seconds(5) })
    for caller in 1...3 { _ = machine.request(UInt64(caller), at: .seconds(Int(caller))) }
    _ = machine.made(at: .seconds(3))
    _ = machine.made(at: .seconds(3))
    #expect(machine.nextDeadline == .seconds(8))
    #expect(machine.tick(at: .seconds(7)) == [])
    #expect(
      machine.tick(at: .seconds(8))
        == [.refuse(3, .waitTimeout(limit: .seconds(5), inUse: 2, last: nil))])
    #expect(machine.figures.timedOut == 1)
    #expect(
      PoolError.waitTimeout(limit: .seconds(5), inUse: 2, last: nil).adbcError.status == .timeout)
  }

  @Test func `a connection that was idle for long is tried out before it is used`() {
    var machine = PoolMachine(options { $0.checkAfter = .seconds(30) })
    _ = machine.request(1, at: .zero)
    _ = machine.made(at: .zero)
    _ = machine.returned(1, isReusable: true, at: .seconds(1))
    #expect(machine.request(2, at: .seconds(30)) == [.grant(2, 1)])
    _ = machine.returned(1, isReusable: true, at: .seconds(31))
    #expect(machine.request(3, at: .seconds(61)) == [.check(1)])
    #expect(machine.figures.idle == 0)
    #expect(machine.checked(1, isHealthy: true, at: .seconds(62)) == [.grant(3, 1)])
    _ = machine.returned(1, isReusable: true, at: .seconds(63))
    #expect(machine.request(4, at: .seconds(100)) == [.check(1)])
    #expect(machine.checked(1, isHealthy: false, at: .seconds(100)) == [.close(1), .connect])
    #expect(machine.made(at: .seconds(101)).1 == [.grant(4, 2)])
  }

  @Test func `when one is dead, the other idle ones are tried out`() {
    var machine = PoolMachine(options())
    _ = machine.request(1, at: .zero)
    _ = machine.request(2, at: .zero)
    _ = machine.made(at: .zero)
    _ = machine.made(at: .zero)
    _ = machine.returned(1, isReusable: true, at: .seconds(1))
    #expect(machine.returned(2, isReusable: false, isLost: true, at: .seconds(1)) == [.close(2)])
    #expect(machine.request(3, at: .seconds(1)) == [.check(1)])
    #expect(machine.checked(1, isHealthy: true, at: .seconds(1)) == [.grant(3, 1)])
  }

  @Test func `what is unused is closed, down to the minimum, and what is old`() {
    var machine = PoolMachine(
      options {
        $0.maxCount = 3
        $0.minCount = 1
        $0.idleTimeout = .seconds(10)
        $0.maxLifetime = .seconds(100)
      })
    for caller in 1...3 { _ = machine.request(UInt64(caller), at: .zero) }
    for _ in 1...3 { _ = machine.made(at: .zero) }
    for id in 1...3 { _ = machine.returned(UInt64(id), isReusable: true, at: .seconds(id)) }
    #expect(machine.nextDeadline == .seconds(11))
    #expect(machine.tick(at: .seconds(11)) == [.close(1)])
    #expect(machine.tick(at: .seconds(50)) == [.close(2)])
    #expect(machine.nextDeadline == .seconds(100))
    #expect(machine.tick(at: .seconds(100)) == [.close(3), .connect])
    _ = machine.made(at: .seconds(100))
    #expect(machine.request(9, at: .seconds(101)) == [.grant(9, 4)])
    #expect(machine.returned(4, isReusable: true, at: .seconds(200)) == [.close(4)])
  }

  @Test func `the minimum is kept open`() {
    var machine = PoolMachine(options { $0.minCount = 2 })
    #expect(machine.tick(at: .zero) == [.connect, .connect])
    #expect(machine.tick(at: .zero) == [])
    _ = machine.made(at: .zero)
    #expect(machine.failed(refused, at: .zero) == [])
    #expect(machine.nextDeadline == .milliseconds(100))
    #expect(machine.tick(at: .milliseconds(100)) == [.connect])
  }

  @Test func `a caller learns why connecting failed`() {
    var machine = PoolMachine(options())
    _ = machine.request(1, at: .zero)
    #expect(machine.failed(refused, at: .zero) == [.refuse(1, .connect(refused))])
    #expect(machine.figures.lastError == refused)
  }

  @Test func `a caller waits on when connecting fails but a connection may become free`() {
    var machine = PoolMachine(options { $0.breakerFailures = 0 })
    _ = machine.request(1, at: .zero)
    _ = machine.made(at: .zero)
    #expect(machine.request(2, at: .zero) == [.connect])
    #expect(machine.failed(refused, at: .zero) == [])
    #expect(machine.figures.waiting == 1)
    // No attempt after the other.
    #expect(machine.tick(at: .milliseconds(99)) == [])
    #expect(machine.nextDeadline == .milliseconds(100))
    #expect(machine.tick(at: .milliseconds(100)) == [.connect])
    #expect(machine.returned(1, isReusable: true, at: .milliseconds(100)) == [.grant(2, 1)])
  }

  @Test func `the breaker opens, fails fast, tries once, and doubles its delay`() {
    var machine = PoolMachine(
      options {
        $0.breakerFailures = 2
        $0.breakerDelay = .seconds(1)
        $0.breakerMaxDelay = .seconds(3)
      })
    var caller: UInt64 = 0
    func ask(_ time: Duration) -> [PoolMachine.Action] {
      caller += 1
      return machine.request(caller, at: time)
    }
    for _ in 1...2 {
      #expect(ask(.zero) == [.connect])
      #expect(machine.failed(refused, at: .zero) == [.refuse(caller, .connect(refused))])
    }
    #expect(machine.figures.breaker == .open)
    // At once, without an attempt.
    #expect(
      ask(.milliseconds(400))
        == [.refuse(3, .open(last: refused, failures: 2, retryAfter: .milliseconds(600)))])
    // One attempt, others wait for it.
    #expect(ask(.seconds(1)) == [.connect])
    #expect(machine.figures.breaker == .halfOpen)
    #expect(ask(.seconds(1)) == [])
    #expect(
      machine.failed(refused, at: .seconds(1)) == [
        .refuse(4, .connect(refused)),
        .refuse(5, .open(last: refused, failures: 3, retryAfter: .seconds(2))),
      ])
    // Two seconds, then three at most.
    #expect(ask(.milliseconds(2900)).first != .connect)
    #expect(ask(.seconds(3)) == [.connect])
    _ = machine.failed(refused, at: .seconds(3))
    #expect(ask(.milliseconds(5900)).first != .connect)
    #expect(ask(.seconds(6)) == [.connect])
    // And closes when it works.
    #expect(machine.made(at: .seconds(6)).1 == [.grant(caller, 1)])
    #expect(machine.figures.breaker == .closed)
    #expect(machine.figures.lastError == nil)
    #expect(ask(.seconds(6)) == [.connect])
  }

  @Test func `the error of an open breaker keeps what it was, and tells when to come again`() {
    let last = ADBCError(.unauthenticated, "password refused", sqlState: "28P01")
    let error = PoolError.open(last: last, failures: 5, retryAfter: .seconds(2)).adbcError
    #expect(error.status == .unauthenticated)
    #expect(error.sqlState == "28P01")
    #expect(error.message.contains("password refused"))
    #expect(error.message.contains("2.0 seconds"))
  }

  @Test func `a caller who leaves is not served, and its connection goes to the next`() {
    var machine = PoolMachine(options())
    _ = machine.request(1, at: .zero)
    let (first, second) = (machine.cancel(1), machine.cancel(1))
    #expect(first && !second)
    #expect(machine.made(at: .zero).1 == [])
    #expect(machine.request(2, at: .zero) == [.grant(2, 1)])
    let third = machine.cancel(2)
    #expect(!third)
  }

  @Test func `a closed pool refuses, and closes what comes back`() {
    var machine = PoolMachine(options())
    for caller in 1...3 { _ = machine.request(UInt64(caller), at: .zero) }
    _ = machine.made(at: .zero)
    #expect(Set(machine.shutDown()) == [.refuse(2, .closed), .refuse(3, .closed)])
    #expect(machine.made(at: .zero).1 == [.close(2)])
    #expect(machine.returned(1, isReusable: true, at: .zero) == [.close(1)])
    #expect(machine.request(4, at: .zero) == [.refuse(4, .closed)])
    #expect(machine.figures.open == 0)
    #expect(machine.nextDeadline == nil)
  }

  @Test func `those who wait while an attempt fails fail with it`() async {
    let attempts = Attempts()
    let tries = Counter()
    let errors = await withTaskGroup(of: ADBCError?.self) { group in
      for _ in 0..<4 {
        group.addTask {
          await withCheckedContinuation { continuation in
            runOnThread {
              do throws(ADBCError) {
                try attempts.run { () throws(ADBCError) in
                  tries.value.add(1, ordering: .relaxed)
                  // Until all have come.
                  while attempts.waitingCount < 4 {}
                  throw ADBCError(.io, "no answer")
                }
                continuation.resume(returning: nil)
              } catch {
                continuation.resume(returning: error)
              }
            }
          }
        }
      }
      return await group.reduce(into: [ADBCError?]()) { $0.append($1) }
    }
    #expect(errors.compactMap { $0?.message } == Array(repeating: "no answer", count: 4))
    #expect(tries.value.load(ordering: .relaxed) == 1)
    // And the next one tries again.
    let value = try? attempts.run { () throws(ADBCError) in 7 }
    #expect(value == 7)
  }

  /// Random events against what must hold at every moment.
  @Test(arguments: 1...40)
  func `whatever happens, connections are given to one caller each, and nobody is forgotten`(
    _ round: Int
  ) {
    let seed = UInt64(round) &* 0x9E37_79B9
    print("seed \(seed)")
    var model = PoolModel(seed: seed)
    for _ in 0..<2000 { model.step() }
    model.finish()
  }
}

/// A number that several threads add to.
private final class Counter: Sendable {
  let value = Atomic(0)
}

/// A pool's surroundings: callers, connections and attempts, at random.
private struct PoolModel {
  private var random: SeededRandom
  private var machine: PoolMachine
  private let options: PoolOptions
  private var now: Duration = .zero
  private var waiting: Set<UInt64> = []
  private var held: [UInt64: UInt64] = [:]
  private var existing: Set<UInt64> = []
  private var checking: Set<UInt64> = []
  private var attempts = 0
  private var nextCaller: UInt64 = 0

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
    var options = PoolOptions()
    options.maxCount = Int.random(in: 1...5, using: &random)
    options.minCount = Int.random(in: 0...options.maxCount, using: &random)
    options.checkAfter = .seconds(Int.random(in: 0...3, using: &random))
    options.idleTimeout = .seconds(Int.random(in: 0...5, using: &random))
    options.maxLifetime = .seconds(Int.random(in: 0...20, using: &random))
    options.waitTimeout = .seconds(Int.random(in: 0...4, using: &random))
    options.breakerFailures = Int.random(in: 0...3, using: &random)
    self.options = options
    machine = PoolMachine(options)
  }

  mutating func step() {
    if Bool.random(using: &random) {
      now += .milliseconds(Int.random(in: 0...1500, using: &random))
    }
    switch Int.random(in: 0..<9, using: &random) {
    case 0, 1, 2:
      nextCaller += 1
      waiting.insert(nextCaller)
      take(machine.request(nextCaller, at: now))
    case 3 where attempts > 0: answerAttempt(isGood: Int.random(in: 0..<3, using: &random) > 0)
    case 4, 5:
      guard let id = held.keys.sorted().randomElement(using: &random) else { return }
      held[id] = nil
      let fate = Int.random(in: 0..<6, using: &random)
      take(machine.returned(id, isReusable: fate > 1, isLost: fate == 0, at: now))
    case 6:
      guard let id = checking.sorted().randomElement(using: &random) else { return }
      checking.remove(id)
      take(machine.checked(id, isHealthy: Bool.random(using: &random), at: now))
    case 7:
      guard let caller = waiting.sorted().randomElement(using: &random) else { return }
      let isCancelled = machine.cancel(caller)
      #expect(isCancelled, "a caller that has no answer waits")
      waiting.remove(caller)
    default: take(machine.tick(at: now))
    }
    check()
  }

  private mutating func answerAttempt(isGood: Bool) {
    attempts -= 1
    if isGood {
      let (id, actions) = machine.made(at: now)
      #expect(existing.insert(id).inserted)
      take(actions)
    } else {
      take(machine.failed(ADBCError(.io, "no"), at: now))
    }
  }

  /// From now on all goes well: everybody must be served.
  mutating func finish() {
    for id in held.keys.sorted() {
      held[id] = nil
      take(machine.returned(id, isReusable: true, at: now))
    }
    var rounds = 0
    while !waiting.isEmpty, rounds < 10_000 {
      rounds += 1
      while attempts > 0 { answerAttempt(isGood: true) }
      for id in checking.sorted() {
        checking.remove(id)
        take(machine.checked(id, isHealthy: true, at: now))
      }
      for id in held.keys.sorted() {
        held[id] = nil
        take(machine.returned(id, isReusable: true, at: now))
      }
      if attempts == 0, checking.isEmpty, held.isEmpty, !waiting.isEmpty {
        guard let next = machine.nextDeadline else { break }
        now = max(now, next)
        take(machine.tick(at: now))
      }
    }
    #expect(waiting.isEmpty, "callers \(waiting) wait for ever")
  }

  private mutating func take(_ actions: [PoolMachine.Action]) {
    for action in actions {
      switch action {
      case .connect: attempts += 1
      case .check(let id):
        #expect(existing.contains(id) && held[id] == nil)
        #expect(checking.insert(id).inserted)
      case .grant(let caller, let id):
        #expect(waiting.remove(caller) != nil, "a caller gets one answer")
        #expect(existing.contains(id) && held[id] == nil && !checking.contains(id))
        held[id] = caller
      case .refuse(let caller, _): #expect(waiting.remove(caller) != nil)
      case .close(let id):
        #expect(held[id] == nil && !checking.contains(id))
        #expect(existing.remove(id) != nil)
      }
    }
  }

  private func check() {
    let figures = machine.figures
    #expect(existing.count + attempts <= options.maxCount)
    #expect(figures.open == existing.count)
    #expect(figures.inUse == held.count)
    #expect(figures.connecting == attempts)
    #expect(figures.waiting == waiting.count)
    #expect(figures.idle == existing.count - held.count - checking.count)
    if !waiting.isEmpty, attempts == 0, checking.isEmpty, held.isEmpty {
      // Nothing goes on: time must bring something.
      #expect(machine.nextDeadline != nil, "callers wait for nothing")
    }
  }
}
