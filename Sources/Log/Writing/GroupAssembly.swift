internal import Columnar

/// Puts groups into the bytes of a segment, and says what they change.
///
/// A value: when a write fails, the state before it is taken again.
struct GroupAssembly {
  /// A topic as it will be when everything that is written so far is visible.
  struct WriterTopic {
    var topic: SegmentTopic
    var head: Offset
    var nextContextID: UInt32
    /// Contexts that this segment has already.
    var contexts: [(id: UInt32, context: LogContext)] = []
  }

  var segment: UInt64
  /// Where the next frame goes.
  var position = 0
  var nextSequence: UInt64
  var lastIngestMicroseconds: Int64 = 0
  var topics: [TopicID: WriterTopic] = [:]
  var preparations: [PreparationID: PreparedGroup] = [:]

  /// Frames that wait to be written, with the bytes between them.
  private(set) var parts: [Buffer] = []
  private var small = ByteWriter()
  private var firstFrame = true

  init(segment: UInt64, nextSequence: UInt64) {
    self.segment = segment
    self.nextSequence = nextSequence
  }

  /// Contexts kept per topic and segment for comparison.
  private static let maxContextCount = 8

  // MARK: Groups

  mutating func append(
    _ group: AppendGroup, payloads: [[FramePayload]], at time: Int64, synced: UInt64,
    topic find: (TopicID) -> SegmentTopic?
  ) throws(LogError) -> (effects: [Effect], outcome: AppendOutcome) {
    var frames = GroupFrames(synced: synced, ingest: time)
    for write in group.writes {
      try open(write.topic, find)
      if let expected = write.expectedOffset, let head = topics[write.topic]?.head,
        head != expected
      {
        throw .moved(head: head)
      }
    }
    if let id = group.preparation {
      guard preparations[id] == nil else { throw .invalid("the preparation exists already") }
      frames.add(FrameHeader(.prepare), Payloads.preparation(id))
    }
    var outcome = AppendOutcome(offsets: [])
    for (write, payloads) in zip(group.writes, payloads) {
      let start = topics[write.topic]?.head ?? .zero
      for (record, payload) in zip(write.records, payloads) {
        try add(record, payload, to: write.topic, isPrepared: group.preparation != nil, &frames)
      }
      let end = topics[write.topic]?.head ?? .zero
      outcome.offsets.append(start..<end)
    }
    if let key = group.key, let first = group.writes.first, let offsets = outcome.offsets.first,
      let topic = topics[first.topic]?.topic
    {
      var header = FrameHeader(.key)
      header.topic = first.topic.rawValue
      header.firstOffset = offsets.lowerBound.rawValue
      header.rowCount = UInt32(clamping: offsets.upperBound.rawValue - offsets.lowerBound.rawValue)
      frames.add(header, Payloads.key(key))
      frames.effects.append(.key(topic, key, offsets, microseconds: time))
    }
    let places = close(&frames)
    if let id = group.preparation {
      preparations[id] = frames.prepared(at: places, segment: segment, time: time)
      return (frames.contextEffects(places, segment), AppendOutcome(offsets: []))
    }
    return (frames.finishedEffects(places, segment, time), outcome)
  }

  mutating func resolve(
    _ id: PreparationID, commits: Bool, at time: Int64, synced: UInt64,
    topic find: (TopicID) -> SegmentTopic?
  ) throws(LogError) -> (effects: [Effect], outcome: AppendOutcome) {
    guard let prepared = preparations.removeValue(forKey: id) else { throw .noPreparation(id) }
    var frames = GroupFrames(synced: synced, ingest: time)
    guard commits else {
      frames.add(FrameHeader(.abort), Payloads.preparation(id))
      _ = close(&frames)
      return ([], AppendOutcome(offsets: []))
    }
    var starts: [(TopicID, Offset)] = []
    var effects: [Effect] = []
    var blocks: [TopicID: [Block]] = [:]
    for record in prepared.records {
      // A topic that was dropped meanwhile takes nothing.
      do throws(LogError) { try open(record.topic, find) } catch { continue }
      let head = topics[record.topic]?.head ?? .zero
      if blocks[record.topic] == nil { starts.append((record.topic, head)) }
      var block = record.block
      block.firstOffset = head
      block.home = segment
      blocks[record.topic, default: []].append(block)
      topics[record.topic]?.head = head.advanced(by: record.rowCount)
    }
    for (id, _) in starts {
      guard let topic = topics[id]?.topic, let blocks = blocks[id] else { continue }
      effects.append(.records(topic, [], blocks, keepsRecent: false))
    }
    frames.add(FrameHeader(.commit), Payloads.preparation(id, offsets: starts))
    _ = close(&frames)
    let outcome = AppendOutcome(
      offsets: starts.map { $0.1..<(topics[$0.0]?.head ?? $0.1) })
    return (effects, outcome)
  }

  /// One frame that is a group by itself.
  mutating func append(
    _ header: FrameHeader, _ payload: FramePayload, at time: Int64, synced: UInt64
  ) {
    var frames = GroupFrames(synced: synced, ingest: time)
    frames.add(header, payload)
    _ = close(&frames)
  }

  // MARK: Records

  private mutating func open(
    _ id: TopicID, _ find: (TopicID) -> SegmentTopic?
  ) throws(LogError) {
    if topics[id] != nil { return }
    guard let topic = find(id) else { throw .noTopic(id) }
    let (head, next) = topic.withState { ($0.visible.head, $0.nextContextID) }
    topics[id] = WriterTopic(topic: topic, head: head, nextContextID: next)
  }

  private mutating func add(
    _ record: LogRecord, _ payload: FramePayload, to id: TopicID, isPrepared: Bool,
    _ frames: inout GroupFrames
  ) throws(LogError) {
    guard var topic = topics[id] else { throw .noTopic(id) }
    guard payload.byteCount <= FrameHeader.maxPayloadByteCount else {
      throw .invalid("a batch of \(payload.byteCount) bytes is too large for one record")
    }
    switch record {
    case .batch(let batch):
      let context = contextID(of: batch.context, in: &topic, &frames)
      var header = FrameHeader(.batch)
      header.topic = id.rawValue
      header.rowCount = UInt32(clamping: batch.rowCount)
      header.contextID = context
      header.flags = isPrepared ? .prepared : []
      if !isPrepared {
        header.firstOffset = topic.head.rawValue
        topic.head = topic.head.advanced(by: batch.rowCount)
      }
      frames.add(header, payload, of: topic.topic, .batch(batch))
    case .watermark:
      guard !isPrepared else { break }
      frames.add(Self.mark(.watermark, id, topic.head), payload, of: topic.topic, record)
    case .endOfStream:
      guard !isPrepared else { break }
      frames.add(Self.mark(.endOfStream, id, topic.head), payload, of: topic.topic, record)
    }
    topics[id] = topic
  }

  private static func mark(_ kind: FrameKind, _ id: TopicID, _ head: Offset) -> FrameHeader {
    var header = FrameHeader(kind)
    header.topic = id.rawValue
    header.firstOffset = head.rawValue
    return header
  }

  /// The id of a context in this segment; writes it if it is new here.
  private func contextID(
    of context: LogContext, in topic: inout WriterTopic, _ frames: inout GroupFrames
  ) -> UInt32 {
    if let known = topic.contexts.last(where: { $0.context === context }) { return known.id }
    let id = topic.nextContextID
    topic.nextContextID &+= 1
    topic.contexts.append((id, context))
    if topic.contexts.count > Self.maxContextCount { topic.contexts.removeFirst() }
    var header = FrameHeader(.context)
    header.topic = topic.topic.id.rawValue
    header.contextID = id
    frames.add(header, Payloads.context(context, id: id), context: context, of: topic.topic)
    return id
  }

  // MARK: Bytes

  /// Gives the frames of a group their places.
  ///
  /// - Returns: The position of each.
  private mutating func close(_ frames: inout GroupFrames) -> [Int] {
    var places: [Int] = []
    places.reserveCapacity(frames.frames.count)
    for index in frames.frames.indices {
      var header = frames.frames[index].header
      if index == 0 { header.flags.insert(.first) }
      if index == frames.frames.count - 1 { header.flags.insert(.last) }
      header.sequence = nextSequence
      nextSequence += 1
      frames.frames[index].header = header
      places.append(position)
      header.append(to: &small)
      for part in frames.frames[index].payload.parts {
        if part.count <= 8 << 10 {
          unsafe small.bytes.append(contentsOf: part.unsafeBytes)
        } else {
          flushSmall()
          parts.append(part)
        }
      }
      let count = header.payloadByteCount
      small.bytes.append(contentsOf: repeatElement(0, count: padded(count) - count))
      position += header.frameByteCount
    }
    return places
  }

  private mutating func flushSmall() {
    guard !small.bytes.isEmpty else { return }
    parts.append(Buffer(copying: small.bytes))
    small.bytes.removeAll(keepingCapacity: true)
  }

  /// What is to be written, in order.
  mutating func takeParts() -> [Buffer] {
    flushSmall()
    defer { parts = [] }
    return parts
  }
}
