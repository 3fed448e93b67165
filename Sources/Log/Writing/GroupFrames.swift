/// The frames of one group, before they have their places.
struct GroupFrames {
  struct Frame {
    var header: FrameHeader
    var payload: FramePayload
    var topic: SegmentTopic?
    var record: LogRecord?
    var context: LogContext?
  }

  var frames: [Frame] = []
  /// What the group changes besides its records.
  var effects: [Effect] = []
  private let synced: UInt64
  private let ingest: Int64

  init(synced: UInt64, ingest: Int64) {
    self.synced = synced
    self.ingest = ingest
  }

  mutating func add(
    _ header: FrameHeader, _ payload: FramePayload, of topic: SegmentTopic? = nil,
    _ record: LogRecord? = nil
  ) {
    add(Frame(header: header, payload: payload, topic: topic, record: record))
  }

  mutating func add(
    _ header: FrameHeader, _ payload: FramePayload, context: LogContext, of topic: SegmentTopic
  ) {
    add(Frame(header: header, payload: payload, topic: topic, context: context))
  }

  private mutating func add(_ frame: Frame) {
    var frame = frame
    frame.header.synced = synced
    frame.header.ingestMicroseconds = ingest
    frame.header.payloadByteCount = frame.payload.byteCount
    frame.header.payloadChecksum = frame.payload.checksum.value
    frames.append(frame)
  }

  // MARK: With their places

  func contextEffects(_ places: [Int], _ segment: UInt64) -> [Effect] {
    zip(frames, places).compactMap { frame, place in
      guard let context = frame.context, let topic = frame.topic else { return nil }
      return .context(
        topic, id: frame.header.contextID, context,
        SegmentTopic.ContextPlace(segment: segment, position: place))
    }
  }

  func finishedEffects(_ places: [Int], _ segment: UInt64, _ time: Int64) -> [Effect] {
    var all = contextEffects(places, segment)
    // One effect per topic, in the order in which they come.
    var order: [TopicID] = []
    var records: [TopicID: (SegmentTopic, [RecentRecord], [Block])] = [:]
    for (frame, place) in zip(frames, places) {
      guard let topic = frame.topic, let record = frame.record else { continue }
      if records[topic.id] == nil {
        order.append(topic.id)
        records[topic.id] = (topic, [], [])
      }
      records[topic.id]?.1.append(recent(record, frame.header, time))
      records[topic.id]?.2.append(block(record, frame.header, segment, place, time))
    }
    for id in order {
      guard let (topic, recent, blocks) = records[id] else { continue }
      all.append(.records(topic, recent, blocks, keepsRecent: true))
    }
    return all + effects
  }

  func prepared(at places: [Int], segment: UInt64, time: Int64) -> PreparedGroup {
    var group = PreparedGroup()
    for (frame, place) in zip(frames, places) {
      guard let topic = frame.topic, case .batch(let batch) = frame.record else { continue }
      var block = block(.batch(batch), frame.header, segment, place, time)
      block.wasPrepared = true
      group.records.append(
        PreparedGroup.Record(topic: topic.id, rowCount: batch.rowCount, block: block))
    }
    return group
  }

  private func recent(
    _ record: LogRecord, _ header: FrameHeader, _ time: Int64
  ) -> RecentRecord {
    let offset = Offset(header.firstOffset)
    switch record {
    case .batch(let batch):
      let stored = StoredBatch(
        firstOffset: offset, rowCount: batch.rowCount, ingestMicroseconds: time,
        eventMicroseconds: batch.eventMicroseconds, context: batch.context,
        message: batch.message, batch: batch.batch)
      return RecentRecord(
        offsets: offset..<stored.endOffset, record: .batch(stored),
        byteCount: header.frameByteCount)
    case .watermark(let microseconds):
      return RecentRecord(
        offsets: offset..<offset, record: .watermark(microseconds: microseconds, at: offset),
        byteCount: header.frameByteCount)
    case .endOfStream:
      return RecentRecord(
        offsets: offset..<offset, record: .endOfStream(at: offset),
        byteCount: header.frameByteCount)
    }
  }

  private func block(
    _ record: LogRecord, _ header: FrameHeader, _ segment: UInt64, _ place: Int, _ time: Int64
  ) -> Block {
    var block = Block(
      segment: segment, home: segment, position: place, byteCount: header.frameByteCount,
      firstOffset: Offset(header.firstOffset), rowCount: Int(header.rowCount), ingest: time...time)
    if case .batch(let batch) = record {
      block.events = batch.eventMicroseconds
      block.hasUntimed = batch.eventMicroseconds == nil
    }
    return block
  }
}
