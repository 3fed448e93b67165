internal import Columnar
internal import DequeModule
internal import Log
internal import Synchronization

/// Small records of streams, put together as they are scanned: a stream that gets single rows would
/// otherwise be decoded row by row for every query.
///
/// Rows of the log never change, so nothing in it is ever stale; to the block that still grows, what came
/// since is added. The ones that came first go first.
final class BlockCache: Sendable {
  struct Key: Hashable, Sendable {
    var topic: TopicID
    var file: UInt64
    var position: Int
    /// 0 for the block that still grows.
    var byteCount: Int
    /// The version of the columns that the rows were brought into.
    var version: UInt32
  }

  private struct State {
    var blocks: [Key: (batch: Batch, byteCount: Int)] = [:]
    var order = Deque<Key>()
    var byteCount = 0
  }

  private let limitByteCount: Int
  private let state = Mutex(State())

  init(limitByteCount: Int = 64 << 20) { self.limitByteCount = limitByteCount }

  func batch(_ key: Key) -> Batch? { state.withLock { $0.blocks[key]?.batch } }

  /// Keeps a batch, in the place of what was kept under the key before.
  func keep(_ batch: Batch, as key: Key) {
    let byteCount = batch.byteCount + 512
    guard byteCount <= limitByteCount / 16 else { return }
    let limit = limitByteCount
    state.withLock { state in
      let old = state.blocks.updateValue((batch, byteCount), forKey: key)
      state.byteCount += byteCount - (old?.byteCount ?? 0)
      if old == nil { state.order.append(key) }
      while state.byteCount > limit, let oldest = state.order.popFirst() {
        state.byteCount -= state.blocks.removeValue(forKey: oldest)?.byteCount ?? 0
      }
    }
  }
}
