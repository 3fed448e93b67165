internal import Columnar
internal import DequeModule
internal import Log
internal import Synchronization

/// Small records of streams, put together as they are scanned: a stream that gets single rows would
/// otherwise be decoded row by row for every query.
///
/// Blocks of the log never change once another follows, so nothing in it is ever stale. The ones that
/// came first go first.
final class BlockCache: Sendable {
  struct Key: Hashable, Sendable {
    var topic: TopicID
    var file: UInt64
    var position: Int
    var byteCount: Int
    /// The version of the columns that the rows were brought into.
    var version: UInt32
  }

  private struct State {
    var blocks: [Key: Batch] = [:]
    var order = Deque<(key: Key, byteCount: Int)>()
    var byteCount = 0
  }

  private let limitByteCount: Int
  private let state = Mutex(State())

  init(limitByteCount: Int = 64 << 20) { self.limitByteCount = limitByteCount }

  func batch(_ key: Key) -> Batch? { state.withLock { $0.blocks[key] } }

  func keep(_ batch: Batch, as key: Key) {
    let byteCount = batch.byteCount + 512
    guard byteCount <= limitByteCount / 16 else { return }
    let limit = limitByteCount
    state.withLock { state in
      guard state.blocks.updateValue(batch, forKey: key) == nil else { return }
      state.order.append((key, byteCount))
      state.byteCount += byteCount
      while state.byteCount > limit, let oldest = state.order.popFirst() {
        state.blocks[oldest.key] = nil
        state.byteCount -= oldest.byteCount
      }
    }
  }
}
