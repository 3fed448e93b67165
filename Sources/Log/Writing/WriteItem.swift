internal import Columnar

/// Something on its way into the log.
struct WriteItem: Sendable {
  enum Action: Sendable {
    case append(AppendGroup, payloads: [[FramePayload]])
    case topic(SegmentTopic, name: String, TopicSettings)
    case removed(SegmentTopic)
    case trim(SegmentTopic, Offset)
    case resolve(PreparationID, commits: Bool)
    case cold(SegmentTopic, ColdFile)
    /// Ends a segment, if it is still the newest and has something in it.
    case seal(UInt64)
  }

  var action: Action
  var syncs: Bool
  /// About as many bytes as it takes in the file.
  var byteCount: Int
  /// Called once, from a thread of the log.
  var completion: @Sendable (Result<AppendOutcome, LogError>) -> Void
}

/// What becomes true of topics when a group is visible.
enum Effect: Sendable {
  case records(SegmentTopic, [RecentRecord], [Block], keepsRecent: Bool)
  case context(SegmentTopic, id: UInt32, LogContext, SegmentTopic.ContextPlace)
  case key(SegmentTopic, ProducerKey, Range<Offset>, microseconds: Int64)
  case settings(SegmentTopic, name: String, TopicSettings)
  case trim(SegmentTopic, Offset)
  case cold(SegmentTopic, ColdFile)

  func apply() {
    switch self {
    case .records(let topic, let records, let blocks, let keepsRecent):
      topic.publish(records, blocks: blocks, keepsRecent: keepsRecent)
    case .context(let topic, let id, let context, let place):
      topic.withState { state in
        state.keep(context, as: id)
        state.contextPlaces[id] = place
        state.nextContextID = max(state.nextContextID, id &+ 1)
      }
    case .key(let topic, let key, let offsets, let microseconds):
      topic.withState { $0.keys.remember(key, at: offsets, microseconds: microseconds) }
    case .settings(let topic, let name, let settings):
      topic.withState { state in
        state.visible.name = name
        state.visible.settings = settings
      }
    case .trim(let topic, let start):
      topic.withState { $0.trim(to: start) }
    case .cold(let topic, let file):
      topic.withState { $0.freeze(file) }
    }
  }

  /// The topic whose watchers are to be told.
  var changedTopic: SegmentTopic? {
    if case .records(let topic, _, _, _) = self { return topic }
    return nil
  }
}

/// A group that is in the file and not yet visible.
struct WrittenGroup: Sendable {
  var effects: [Effect]
  var outcome: AppendOutcome
  var completions: [@Sendable (Result<AppendOutcome, LogError>) -> Void]
  var syncs: Bool
  var lastSequence: UInt64
  /// Topics whose order it must keep.
  var topics: Set<TopicID>
  var key: TopicKey?
}

/// A key and the topic that remembers it.
struct TopicKey: Hashable, Sendable {
  var topic: TopicID
  var key: ProducerKey
}

/// A group that was prepared: where its records lie.
struct PreparedGroup: Sendable {
  struct Record: Sendable {
    var topic: TopicID
    var rowCount: Int
    /// Offsets of the block are not known yet.
    var block: Block
  }

  var records: [Record] = []
}
