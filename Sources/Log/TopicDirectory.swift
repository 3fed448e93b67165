internal import Synchronization

/// All topics of a log by number.
final class TopicDirectory: Sendable {
  private struct State {
    var topics: [TopicID: SegmentTopic] = [:]
    var nextTopic: UInt32 = 1
  }

  private let state = Mutex(State())

  func topic(_ id: TopicID) -> SegmentTopic? { state.withLock { $0.topics[id] } }

  var all: [SegmentTopic] {
    state.withLock { $0.topics.values.sorted { $0.id < $1.id } }
  }

  /// A number that no topic has ever had.
  func takeNumber() -> TopicID {
    state.withLock { state in
      defer { state.nextTopic += 1 }
      return TopicID(rawValue: state.nextTopic)
    }
  }

  /// Numbers below `next` were used.
  func reserve(below next: UInt32) { state.withLock { $0.nextTopic = max($0.nextTopic, next) } }

  func add(_ topic: SegmentTopic) {
    state.withLock { state in
      state.topics[topic.id] = topic
      state.nextTopic = max(state.nextTopic, topic.id.rawValue + 1)
    }
  }

  func remove(_ id: TopicID) -> SegmentTopic? {
    state.withLock { $0.topics.removeValue(forKey: id) }
  }

  /// What a sealed segment tells: where its records lie, and what is known of all topics.
  func footer(
    of segment: UInt64, nextSequence: UInt64, preparations: [PreparationID: PreparedGroup]
  ) -> Footer {
    var footer = Footer()
    footer.nextSequence = nextSequence
    footer.nextTopic = state.withLock { $0.nextTopic }
    footer.preparations = preparations
    for topic in all {
      let (snapshot, blocks) = topic.snapshot(of: segment)
      footer.topics.append(snapshot)
      if !blocks.isEmpty { footer.blocks[topic.id] = blocks }
    }
    return footer
  }
}

extension SegmentTopic {
  func snapshot(of segment: UInt64) -> (Footer.TopicSnapshot, [Block]) {
    withState { state in
      var snapshot = Footer.TopicSnapshot(id: id)
      snapshot.name = state.visible.name
      snapshot.settings = state.visible.settings
      snapshot.start = state.visible.start
      snapshot.head = state.visible.head
      snapshot.nextContextID = state.nextContextID
      snapshot.watermarkMicroseconds = state.visible.watermarkMicroseconds
      snapshot.isEnded = state.visible.isEnded
      snapshot.lastIngestMicroseconds = state.visible.lastIngestMicroseconds ?? 0
      snapshot.byteCount = state.visible.byteCount
      snapshot.contextPlaces = state.contextPlaces
      snapshot.keys = state.keys
      snapshot.cold = state.cold
      let blocks = state.index.blocks.reversed().prefix { $0.home >= segment }
        .filter { $0.home == segment }
      return (snapshot, blocks.reversed())
    }
  }

  /// Takes over what a footer told.
  func restore(_ snapshot: Footer.TopicSnapshot) {
    withState { state in
      state.visible.name = snapshot.name
      state.visible.settings = snapshot.settings
      state.visible.start = snapshot.start
      state.visible.head = snapshot.head
      state.visible.watermarkMicroseconds = snapshot.watermarkMicroseconds
      state.visible.isEnded = snapshot.isEnded
      state.visible.byteCount = snapshot.byteCount
      state.visible.lastIngestMicroseconds =
        snapshot.lastIngestMicroseconds == 0 ? nil : snapshot.lastIngestMicroseconds
      state.nextContextID = snapshot.nextContextID
      state.contextPlaces = snapshot.contextPlaces
      state.keys = snapshot.keys
      state.cold = snapshot.cold
      state.visible.hotStart = max(snapshot.start, snapshot.cold.last?.offsets.upperBound ?? .zero)
      state.visible.coldByteCount = snapshot.cold.reduce(0) { $0 + $1.byteCount }
    }
  }
}
