import Testing
import Threads

@testable import Engine

@Suite struct `Admission control` {
  @Test func `statements beyond the limit wait in the order in which they came`() async throws {
    let admission = Admission(maxRunning: 1, maxQueued: 2)
    try await admission.enter()
    let (events, feed) = AsyncStream<Int>.makeStream()
    var waiting: [Task<Void, any Error>] = []
    for number in 1...2 {
      waiting.append(
        Task {
          try await admission.enter()
          feed.yield(number)
        })
      while admission.load.queued < number { await Task.yield() }
    }
    #expect(admission.load == (1, 2))

    var order: [Int] = []
    var iterator = events.makeAsyncIterator()
    for _ in 1...2 {
      admission.leave()
      order.append(try #require(await iterator.next()))
    }
    #expect(order == [1, 2])
    for task in waiting { try await task.value }
    admission.leave()
    #expect(admission.load == (0, 0))
  }

  @Test func `a full queue refuses, and says which limits it has`() async throws {
    let admission = Admission(maxRunning: 1, maxQueued: 0)
    try await admission.enter()
    do {
      try await admission.enter()
      Issue.record("a second statement entered")
    } catch {
      guard case .overloaded(let sentence) = error else { throw error }
      #expect(sentence.contains("max_running"))
    }
    admission.leave()
    try await admission.enter()
  }

  @Test func `one who is cancelled while waiting leaves the queue`() async throws {
    let admission = Admission(maxRunning: 1, maxQueued: 5)
    try await admission.enter()
    let waiting = Task { try await admission.enter() }
    while admission.load.queued == 0 { await Task.yield() }
    waiting.cancel()
    await #expect(throws: EngineError.self) { try await waiting.value }
    #expect(admission.load == (1, 0))
    admission.leave()
    #expect(admission.load == (0, 0))
  }

  @Test func `more places are given to those who wait at once`() async throws {
    let admission = Admission(maxRunning: 1, maxQueued: 5)
    try await admission.enter()
    let waiting = (1...2).map { _ in Task { try await admission.enter() } }
    while admission.load.queued < 2 { await Task.yield() }
    admission.setLimits(maxRunning: 3, maxQueued: 5)
    for task in waiting { try await task.value }
    #expect(admission.load == (3, 0))
  }

  @Test func `one who has waited too long is turned away`() async throws {
    let admission = Admission(maxRunning: 1, maxQueued: 5)
    try await admission.enter()
    let waiting = Task { try await admission.enter() }
    while admission.load.queued == 0 { await Task.yield() }
    admission.expire(after: .zero)
    #expect(admission.load == (1, 1))
    admission.expire(after: .nanoseconds(1))
    let error = await #expect(throws: EngineError.self) { try await waiting.value }
    guard case .overloaded(let sentence) = error else { return #expect(Bool(false), "\(error)") }
    #expect(sentence.contains("queue_timeout"))
    #expect(admission.load == (1, 0))
  }
}

@Suite struct `Worker threads` {
  @Test func `jobs run on as many threads as there are, and no more`() async {
    let pool = WorkerPool(name: "test", maxThreadCount: 3)
    let sum = await withTaskGroup(of: Int.self) { tasks in
      for number in 1...500 { tasks.addTask { await pool.run { number } } }
      return await tasks.reduce(0, +)
    }
    #expect(sum == 500 * 501 / 2)
  }
}
