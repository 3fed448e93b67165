internal import Columnar

/// What stands at the end of a sealed segment: where its topics' records lie, and all that the log knew
/// then.
struct Footer {
  static let trailerByteCount = 16
  static let magic: UInt64 = 0x4445_4C41_4553_4C48

  struct TopicSnapshot {
    var id: TopicID
    var name = ""
    var settings = TopicSettings()
    var start = Offset.zero
    var head = Offset.zero
    var nextContextID: UInt32 = 1
    var watermarkMicroseconds: Int64?
    var isEnded = false
    var lastIngestMicroseconds: Int64 = 0
    var byteCount = 0
    var contextPlaces: [UInt32: SegmentTopic.ContextPlace] = [:]
    var keys = ProducerKeys()
    var cold: [ColdFile] = []
  }

  var blocks: [TopicID: [Block]] = [:]
  var nextSequence: UInt64 = 1
  var nextTopic: UInt32 = 1
  var topics: [TopicSnapshot] = []
  var preparations: [PreparationID: PreparedGroup] = [:]

  // MARK: Writing

  var payload: FramePayload {
    var writer = ByteWriter()
    let ids = blocks.keys.sorted()
    writer.put(UInt32(ids.count))
    writer.put(UInt32(0))
    for id in ids {
      let list = blocks[id] ?? []
      writer.put(id.rawValue)
      writer.put(UInt32(list.count))
      for block in list { Self.put(block, in: &writer) }
    }
    writer.put(nextSequence)
    writer.put(nextTopic)
    writer.put(UInt32(topics.count))
    for topic in topics { Self.put(topic, in: &writer) }
    putPreparations(in: &writer)
    if hasCold { putCold(in: &writer) }
    var payload = FramePayload()
    payload.append(writer.bytes)
    return payload
  }

  private static func put(_ block: Block, in writer: inout ByteWriter) {
    writer.put(block.segment)
    writer.put(UInt64(block.position))
    writer.put(UInt64(block.byteCount))
    writer.put(block.firstOffset.rawValue)
    writer.put(Int64(block.rowCount))
    writer.put(block.ingest.lowerBound)
    writer.put(block.ingest.upperBound)
    writer.put(block.events?.lowerBound ?? 1)
    writer.put(block.events?.upperBound ?? 0)
    writer.put(UInt64(block.wasPrepared ? 1 : 0) | (block.hasUntimed ? 2 : 0))
  }

  private static func put(_ topic: TopicSnapshot, in writer: inout ByteWriter) {
    writer.put(topic.id.rawValue)
    writer.put(UInt32(topic.name.utf8.count))
    writer.put(topic.name)
    Payloads.put(topic.settings, in: &writer)
    writer.put(topic.start.rawValue)
    writer.put(topic.head.rawValue)
    writer.put(topic.nextContextID)
    writer.put(UInt32(topic.watermarkMicroseconds == nil ? 0 : 1) | (topic.isEnded ? 2 : 0))
    writer.put(topic.watermarkMicroseconds ?? 0)
    writer.put(topic.lastIngestMicroseconds)
    writer.put(Int64(topic.byteCount))
    writer.put(UInt32(topic.contextPlaces.count))
    writer.put(UInt32(0))
    for (id, place) in topic.contextPlaces.sorted(by: { $0.key < $1.key }) {
      writer.put(id)
      writer.put(UInt32(0))
      writer.put(place.segment)
      writer.put(UInt64(place.position))
    }
    let producers = topic.keys.producers.sorted { $0.key < $1.key }
    writer.put(UInt32(producers.count))
    writer.put(UInt32(0))
    for (name, producer) in producers {
      writer.put(UInt32(name.utf8.count))
      writer.put(UInt32(producer.ranges.count))
      writer.put(name)
      writer.put(producer.lastUseMicroseconds)
      for range in producer.ranges {
        writer.put(range.lowerBound)
        writer.put(range.upperBound)
      }
    }
  }

  private func putPreparations(in writer: inout ByteWriter) {
    writer.put(UInt32(preparations.count))
    writer.put(UInt32(0))
    for (id, group) in preparations.sorted(by: {
      ($0.key.high, $0.key.low) < ($1.key.high, $1.key.low)
    }) {
      writer.put(id.high)
      writer.put(id.low)
      writer.put(UInt32(group.records.count))
      writer.put(UInt32(0))
      for record in group.records {
        writer.put(record.topic.rawValue)
        writer.put(UInt32(record.rowCount))
        Self.put(record.block, in: &writer)
      }
    }
  }

  // MARK: Reading

  /// - Parameter segment: The number of the segment that the footer stands in.
  init?(_ payload: Buffer, segment: UInt64) {
    var reader = ByteReader(payload)
    guard let topicCount = reader.number(UInt32.self), reader.number(UInt32.self) != nil else {
      return nil
    }
    for _ in 0..<topicCount {
      guard let id = reader.number(UInt32.self), let count = reader.number(UInt32.self) else {
        return nil
      }
      var list: [Block] = []
      for _ in 0..<count {
        guard let block = Self.block(&reader, home: segment) else { return nil }
        list.append(block)
      }
      blocks[TopicID(rawValue: id)] = list
    }
    guard let sequence = reader.number(UInt64.self), let next = reader.number(UInt32.self),
      let count = reader.number(UInt32.self)
    else { return nil }
    nextSequence = sequence
    nextTopic = next
    for _ in 0..<count {
      guard let topic = Self.topic(&reader) else { return nil }
      topics.append(topic)
    }
    guard readPreparations(&reader), readCold(&reader) else { return nil }
  }

  init() {}

  private static func block(_ reader: inout ByteReader, home: UInt64) -> Block? {
    guard let segment = reader.number(UInt64.self),
      let position = reader.number(UInt64.self).flatMap({ Int(exactly: $0) }),
      let byteCount = reader.number(UInt64.self).flatMap({ Int(exactly: $0) }),
      let first = reader.number(Int64.self), let rows = reader.number(Int64.self), rows >= 0,
      let ingestLow = reader.number(Int64.self), let ingestHigh = reader.number(Int64.self),
      ingestLow <= ingestHigh, let eventLow = reader.number(Int64.self),
      let eventHigh = reader.number(Int64.self), let flags = reader.number(UInt64.self)
    else { return nil }
    return Block(
      segment: segment, home: home, position: position, byteCount: byteCount,
      firstOffset: Offset(first),
      rowCount: Int(rows), ingest: ingestLow...ingestHigh,
      events: eventLow <= eventHigh ? eventLow...eventHigh : nil, wasPrepared: flags & 1 != 0,
      hasUntimed: flags & 2 != 0)
  }

  private static func topic(_ reader: inout ByteReader) -> TopicSnapshot? {
    guard let id = reader.number(UInt32.self), let nameCount = reader.number(UInt32.self),
      let name = reader.text(byteCount: Int(nameCount)),
      let settings = Payloads.settings(&reader), let start = reader.number(Int64.self),
      let head = reader.number(Int64.self), let nextContext = reader.number(UInt32.self),
      let flags = reader.number(UInt32.self), let watermark = reader.number(Int64.self),
      let ingest = reader.number(Int64.self), let byteCount = reader.number(Int64.self),
      let contextCount = reader.number(UInt32.self), reader.number(UInt32.self) != nil
    else { return nil }
    var topic = TopicSnapshot(id: TopicID(rawValue: id))
    topic.name = name
    topic.settings = settings
    topic.start = Offset(start)
    topic.head = Offset(head)
    topic.nextContextID = nextContext
    topic.watermarkMicroseconds = flags & 1 != 0 ? watermark : nil
    topic.isEnded = flags & 2 != 0
    topic.lastIngestMicroseconds = ingest
    topic.byteCount = Int(byteCount)
    for _ in 0..<contextCount {
      guard let id = reader.number(UInt32.self), reader.number(UInt32.self) != nil,
        let segment = reader.number(UInt64.self),
        let position = reader.number(UInt64.self).flatMap({ Int(exactly: $0) })
      else { return nil }
      topic.contextPlaces[id] = SegmentTopic.ContextPlace(segment: segment, position: position)
    }
    return readKeys(&reader, &topic.keys) ? topic : nil
  }

  private static func readKeys(_ reader: inout ByteReader, _ keys: inout ProducerKeys) -> Bool {
    guard let count = reader.number(UInt32.self), reader.number(UInt32.self) != nil else {
      return false
    }
    for _ in 0..<count {
      guard let nameCount = reader.number(UInt32.self), let rangeCount = reader.number(UInt32.self),
        let name = reader.text(byteCount: Int(nameCount)), let lastUse = reader.number(Int64.self)
      else { return false }
      var ranges: [ClosedRange<Int64>] = []
      for _ in 0..<rangeCount {
        guard let low = reader.number(Int64.self), let high = reader.number(Int64.self), low <= high
        else { return false }
        ranges.append(low...high)
      }
      keys.restore(name, ranges: ranges, lastUseMicroseconds: lastUse)
    }
    return true
  }

  private mutating func readPreparations(_ reader: inout ByteReader) -> Bool {
    guard let count = reader.number(UInt32.self), reader.number(UInt32.self) != nil else {
      return false
    }
    for _ in 0..<count {
      guard let high = reader.number(UInt64.self), let low = reader.number(UInt64.self),
        let records = reader.number(UInt32.self), reader.number(UInt32.self) != nil
      else { return false }
      var group = PreparedGroup()
      for _ in 0..<records {
        guard let topic = reader.number(UInt32.self), let rows = reader.number(UInt32.self),
          let block = Self.block(&reader, home: 0)
        else { return false }
        group.records.append(
          PreparedGroup.Record(topic: TopicID(rawValue: topic), rowCount: Int(rows), block: block))
      }
      preparations[PreparationID(high: high, low: low)] = group
    }
    return true
  }

  // MARK: In a file

  /// The footer of a segment, or nil if it was never sealed.
  static func read(_ file: any LogFile, segment: UInt64) throws(FileError) -> Footer? {
    let size = try file.size()
    guard size >= trailerByteCount + FrameHeader.byteCount else { return nil }
    let trailer = try file.read(at: size - trailerByteCount, count: trailerByteCount)
    var reader = ByteReader(trailer)
    guard let position = reader.number(UInt64.self).flatMap({ Int(exactly: $0) }),
      reader.number(UInt64.self) == magic, position <= size - trailerByteCount
    else { return nil }
    let bytes = try file.read(at: position, count: size - trailerByteCount - position)
    guard let header = FrameHeader(bytes, at: 0), header.kind == .footer else { return nil }
    let payload = bytes.slice(from: FrameHeader.byteCount, byteCount: header.payloadByteCount)
    guard payload.count == header.payloadByteCount,
      Checksum.of(payload) == header.payloadChecksum
    else { return nil }
    return Footer(payload, segment: segment)
  }

  /// The bytes of the footer frame and the trailer behind it.
  func parts(at position: Int, sequence: UInt64) -> [Buffer] {
    let payload = payload
    var header = FrameHeader(.footer)
    header.flags = [.first, .last]
    if hasCold { header.version = FrameHeader.coldVersion }
    header.sequence = sequence
    header.synced = sequence
    header.payloadByteCount = payload.byteCount
    header.payloadChecksum = payload.checksum.value
    var head = ByteWriter()
    header.append(to: &head)
    var tail = ByteWriter()
    for _ in payload.byteCount..<padded(payload.byteCount) { tail.put(UInt8(0)) }
    tail.put(UInt64(position))
    tail.put(Self.magic)
    return [Buffer(copying: head.bytes)] + payload.parts + [Buffer(copying: tail.bytes)]
  }
}
