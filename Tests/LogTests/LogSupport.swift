import Columnar
import Log
import Synchronization

/// Rows that can be told apart: `marker` is in the body of the message.
func rows(_ count: Int, _ marker: Int, _ context: LogContext, byteCount: Int = 40) -> LogRecord {
  var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: marker), count: max(byteCount, 8))
  for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: marker >> (8 * index)) }
  let body = Buffer(copying: bytes)
  return .batch(
    BatchRecord(
      context: context,
      message: IPCMessage(
        header: [UInt8](repeating: 7, count: 24), body: [body],
        bodyByteCount: (bytes.count + 7) / 8 * 8),
      rowCount: count, eventMicroseconds: Int64(marker)...Int64(marker)))
}

func marker(of batch: StoredBatch) -> Int {
  guard let body = batch.message.body.first else { return -1 }
  return unsafe Int(body.unsafeBytes.loadUnaligned(as: Int64.self))
}

func makeContext(_ schemaID: UInt32 = 1) -> LogContext {
  LogContext(
    schemaID: schemaID,
    schema: IPCMessage(header: [UInt8](repeating: 9, count: 16), body: [], bodyByteCount: 0))
}

/// A clock that tests set.
final class TestClock: Sendable {
  private let time = Atomic<Int64>(1_000_000)

  var now: Int64 {
    get { time.load(ordering: .relaxed) }
    set { time.store(newValue, ordering: .relaxed) }
  }
}

func openLog(
  _ disk: any FileSystem, segmentByteCount: Int = 64 << 10, recentByteCount: Int = 4 << 10,
  clock: TestClock = TestClock(), isReadOnly: Bool = false
) throws -> SegmentLog {
  try SegmentLog(
    disk,
    SegmentLog.Configuration(
      segmentByteCount: segmentByteCount, recentByteCount: recentByteCount,
      allocationByteCount: 8 << 10),
    clock: { clock.now }, isReadOnly: isReadOnly)
}

/// All batches of a topic from an offset on.
func batches(
  of topic: any Topic, from start: Offset? = nil, _ filter: ScanFilter = ScanFilter()
) throws -> [StoredBatch] {
  let state = topic.state
  let units = try topic.units(in: (start ?? state.start)..<state.head, filter)
  return try units.flatMap { try topic.read($0) }.compactMap { record in
    if case .batch(let batch) = record, batch.endOffset > (start ?? state.start) { return batch }
    return nil
  }
}

func markers(of topic: any Topic) throws -> [Int] {
  try batches(of: topic).map { marker(of: $0) }
}
