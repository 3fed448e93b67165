internal import DequeModule
internal import Synchronization

/// A record that was written lately, as it is kept in memory.
struct RecentRecord: Sendable {
  var offsets: Range<Offset>
  var record: StoredRecord
  var byteCount: Int
}

/// How much of the newest records stays in memory, over all topics.
///
/// The oldest go first, whatever topic they belong to.
final class RecentRecords: Sendable {
  private struct State {
    var byteCount = 0
    var order = Deque<(topic: SegmentTopic, byteCount: Int)>()
  }

  private let limitByteCount: Int
  private let state = Mutex(State())

  init(limitByteCount: Int) { self.limitByteCount = limitByteCount }

  /// A topic has kept a record more.
  func added(_ byteCount: Int, by topic: SegmentTopic) {
    let limit = limitByteCount
    let evicted = state.withLock { state -> [SegmentTopic] in
      state.order.append((topic, byteCount))
      state.byteCount += byteCount
      var evicted: [SegmentTopic] = []
      while state.byteCount > limit, let oldest = state.order.popFirst() {
        state.byteCount -= oldest.byteCount
        evicted.append(oldest.topic)
      }
      return evicted
    }
    for topic in evicted { topic.dropOldestRecent() }
  }
}
