import Engine
import Log
import Testing

@testable import Database

struct OutboxLedgerTests {
  private func ledger(
    applied: Int64 = 0, head: Int64 = 0, byteCount: Int = 0, max: Int = 1_000
  ) -> OutboxLedger {
    OutboxLedger(
      applied: Offset(applied), head: Offset(head), byteCount: byteCount, maxByteCount: max, time: 0
    )
  }

  private func add(
    _ ledger: inout OutboxLedger, _ end: Int64, _ reach: CacheVersions.Reach, at time: Int64 = 0,
    byteCount: Int = 10
  ) {
    let hasRoom = ledger.reserve(byteCount)
    #expect(hasRoom)
    ledger.add(upTo: Offset(end), reach, byteCount: byteCount, at: time)
  }

  @Test func `a read waits for the last change of what it names, and for nothing else`() {
    var ledger = ledger()
    add(&ledger, 1, .names(["t"]))
    add(&ledger, 2, .names(["u"]))
    add(&ledger, 3, .names(["t", "w"]))
    #expect(ledger.barrier(for: ["t", "id"]) == Offset(3))
    #expect(ledger.barrier(for: ["u"]) == Offset(2))
    #expect(ledger.barrier(for: ["x"]) == nil)
    #expect(ledger.barrier(for: nil) == Offset(3))
    ledger.apply(upTo: Offset(2), byteCount: 20)
    #expect(ledger.barrier(for: ["u"]) == nil)
    #expect(ledger.barrier(for: ["w"]) == Offset(3))
    ledger.apply(upTo: Offset(3), byteCount: 10)
    #expect(ledger.isEmpty && ledger.byteCount == 0 && ledger.barrier(for: nil) == nil)
  }

  @Test func `everybody waits for a change of everything, and for what an earlier life has left`() {
    var ledger = ledger(applied: 5, head: 9, byteCount: 400)
    #expect(ledger.barrier(for: ["x"]) == Offset(9))
    ledger.apply(upTo: Offset(9), byteCount: 1)
    #expect(ledger.byteCount == 0)
    add(&ledger, 10, .everything)
    add(&ledger, 11, .names(["t"]))
    add(&ledger, 12, .nothing)
    #expect(ledger.barrier(for: ["x"]) == Offset(10))
    #expect(ledger.barrier(for: ["t"]) == Offset(11))
  }

  @Test func `what was acknowledged lately may be missed`() {
    var ledger = ledger()
    add(&ledger, 1, .names(["t"]), at: 1_000_000)
    add(&ledger, 2, .names(["t"]), at: 2_000_000)
    add(&ledger, 3, .names(["t"]), at: 3_000_000)
    #expect(ledger.barrier(for: ["t"], acknowledgedBy: 500_000) == nil)
    #expect(ledger.barrier(for: ["t"], acknowledgedBy: 2_500_000) == Offset(2))
    #expect(ledger.barrier(for: ["t"], acknowledgedBy: 9_000_000) == Offset(3))
    #expect(ledger.barrier(for: ["u"], acknowledgedBy: 9_000_000) == nil)
    #expect(ledger.oldest == 1_000_000)
    ledger.apply(upTo: Offset(2), byteCount: 20)
    #expect(ledger.oldest == 3_000_000)
  }

  @Test func `there is room up to the limit, and for one large change in an empty outbox`() {
    var ledger = ledger(max: 100)
    add(&ledger, 1, .everything, byteCount: 500)
    var hasRoom = ledger.reserve(1)
    #expect(!hasRoom)
    ledger.apply(upTo: Offset(1), byteCount: 500)
    let found = [60, 60, 40].map { ledger.reserve($0) }
    #expect(found == [true, false, true])
    ledger.release(60)
    hasRoom = ledger.reserve(60)
    #expect(hasRoom)
  }

  /// Against a list of changes that is looked through each time.
  @Test(arguments: [UInt64(1), 2, 3]) func `it agrees with a list of all changes`(seed: UInt64) {
    var source = SplitMix(seed)
    var ledger = ledger(max: .max)
    var changes: [(end: Int64, names: Set<String>?, time: Int64)] = []
    var (end, time, applied): (Int64, Int64, Int64) = (0, 0, 0)
    for _ in 0..<3_000 {
      time += Int64(source.next() % 20_000)
      switch source.next() % 3 {
      case 0, 1:
        end += 1 + Int64(source.next() % 4)
        let names: Set<String>? = source.next() % 20 == 0 ? nil : ["n\(source.next() % 6)"]
        add(&ledger, end, names.map { .names($0) } ?? .everything, at: time)
        changes.append((end, names, time))
      default:
        guard let some = changes.filter({ $0.end > applied }).randomElement(using: &source)
        else { break }
        applied = some.end
        ledger.apply(upTo: Offset(applied), byteCount: 10)
      }
      let left = changes.filter { $0.end > applied }
      let read: Set<String> = ["n\(source.next() % 7)"]
      let expected = left.last { $0.names.map { !$0.isDisjoint(with: read) } ?? true }?.end
      #expect(ledger.barrier(for: read)?.rawValue == expected, "seed \(seed)")
      // A limit in time never waits for less than it has to, and for no more than without one.
      let limit = time - Int64(source.next() % 100_000)
      let old = left.last {
        $0.time <= limit && $0.names.map { !$0.isDisjoint(with: read) } ?? true
      }?.end
      let found = ledger.barrier(for: read, acknowledgedBy: limit)?.rawValue ?? 0
      #expect(found >= old ?? 0 && found <= expected ?? 0, "seed \(seed)")
    }
  }
}

private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
