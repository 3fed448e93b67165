internal import Columnar

/// Payloads of frames, as `docs/formats/log.md` lays them out.
enum Payloads {
  static func batch(_ record: BatchRecord) -> FramePayload {
    var head = ByteWriter()
    head.put(UInt32(record.message.header.count))
    head.put(UInt32(0))
    head.put(record.eventMicroseconds?.lowerBound ?? 1)
    head.put(record.eventMicroseconds?.upperBound ?? 0)
    var payload = FramePayload()
    payload.append(head.bytes)
    payload.append(record.message)
    return payload
  }

  struct BatchHead {
    var eventMicroseconds: ClosedRange<Int64>?
    var header: Buffer
    var body: Buffer
  }

  static func batch(from payload: Buffer) -> BatchHead? {
    var reader = ByteReader(payload)
    guard let count = reader.number(UInt32.self), reader.number(UInt32.self) != nil,
      let low = reader.number(Int64.self), let high = reader.number(Int64.self),
      let header = reader.take(Int(count))
    else { return nil }
    reader.pad()
    return BatchHead(
      eventMicroseconds: low <= high ? low...high : nil, header: header,
      body: reader.rest)
  }

  static func context(_ context: LogContext, id: UInt32) -> FramePayload {
    var head = ByteWriter()
    head.put(id)
    head.put(context.schemaID)
    head.put(UInt32(context.dictionaries.count + 1))
    head.put(UInt32(0))
    var payload = FramePayload()
    payload.append(head.bytes)
    for message in [context.schema] + context.dictionaries {
      var sizes = ByteWriter()
      sizes.put(UInt32(message.header.count))
      sizes.put(UInt32(0))
      sizes.put(UInt64(message.bodyByteCount))
      payload.append(sizes.bytes)
      payload.append(message)
    }
    return payload
  }

  static func context(from payload: Buffer) -> (id: UInt32, context: LogContext)? {
    var reader = ByteReader(payload)
    guard let id = reader.number(UInt32.self), let schemaID = reader.number(UInt32.self),
      let count = reader.number(UInt32.self), reader.number(UInt32.self) != nil
    else { return nil }
    var messages: [IPCMessage] = []
    for _ in 0..<count {
      guard let headerCount = reader.number(UInt32.self), reader.number(UInt32.self) != nil,
        let bodyCount = reader.number(UInt64.self).flatMap({ Int(exactly: $0) }),
        let header = reader.take(Int(headerCount))
      else { return nil }
      reader.pad()
      guard let body = reader.take(bodyCount) else { return nil }
      let bytes = unsafe Array(header.unsafeBytes)
      messages.append(IPCMessage(header: bytes, body: [body], bodyByteCount: bodyCount))
    }
    guard let schema = messages.first else { return nil }
    return (
      id, LogContext(schemaID: schemaID, schema: schema, dictionaries: Array(messages.dropFirst()))
    )
  }

  static func key(_ key: ProducerKey) -> FramePayload {
    var writer = ByteWriter()
    writer.put(key.sequence)
    writer.put(key.producer)
    return plain(writer)
  }

  static func key(from payload: Buffer) -> ProducerKey? {
    var reader = ByteReader(payload)
    guard let sequence = reader.number(Int64.self),
      let producer = reader.text(byteCount: payload.count - 8)
    else { return nil }
    return ProducerKey(producer: producer, sequence: sequence)
  }

  static func preparation(_ id: PreparationID, offsets: [(TopicID, Offset)] = []) -> FramePayload {
    var writer = ByteWriter()
    writer.put(id.high)
    writer.put(id.low)
    for (topic, offset) in offsets {
      writer.put(topic.rawValue)
      writer.put(UInt32(0))
      writer.put(offset.rawValue)
    }
    return plain(writer)
  }

  static func preparation(
    from payload: Buffer
  ) -> (id: PreparationID, offsets: [TopicID: Offset])? {
    var reader = ByteReader(payload)
    guard let high = reader.number(UInt64.self), let low = reader.number(UInt64.self) else {
      return nil
    }
    var offsets: [TopicID: Offset] = [:]
    while let topic = reader.number(UInt32.self), reader.number(UInt32.self) != nil,
      let offset = reader.number(Int64.self)
    {
      offsets[TopicID(rawValue: topic)] = Offset(offset)
    }
    return (PreparationID(high: high, low: low), offsets)
  }

  static func watermark(_ microseconds: Int64) -> FramePayload {
    var writer = ByteWriter()
    writer.put(microseconds)
    return plain(writer)
  }

  static func watermark(from payload: Buffer) -> Int64? {
    var reader = ByteReader(payload)
    return reader.number(Int64.self)
  }

  static func topic(_ name: String, _ settings: TopicSettings) -> FramePayload {
    var writer = ByteWriter()
    put(settings, in: &writer)
    writer.put(name)
    return plain(writer)
  }

  static func topic(from payload: Buffer) -> (name: String, settings: TopicSettings)? {
    var reader = ByteReader(payload)
    guard let settings = settings(&reader),
      let name = reader.text(byteCount: payload.count - reader.position)
    else { return nil }
    return (name, settings)
  }

  static func put(_ settings: TopicSettings, in writer: inout ByteWriter) {
    writer.put(settings.durability.rawValue)
    let flags: UInt8 =
      (settings.retention == nil ? 0 : 1) | (settings.retentionByteCount == nil ? 0 : 2)
      | (settings.retentionIgnoresHolds ? 4 : 0)
    writer.put(flags)
    writer.put(UInt16(0))
    writer.put(UInt32(0))
    writer.put(settings.retention?.microseconds ?? 0)
    writer.put(Int64(settings.retentionByteCount ?? 0))
    writer.put(settings.keyMemory.microseconds)
  }

  static func settings(_ reader: inout ByteReader) -> TopicSettings? {
    guard let durability = reader.number(UInt8.self).flatMap(Durability.init),
      let flags = reader.number(UInt8.self), reader.number(UInt16.self) != nil,
      reader.number(UInt32.self) != nil, let retention = reader.number(Int64.self),
      let byteCount = reader.number(Int64.self), let keyMemory = reader.number(Int64.self)
    else { return nil }
    return TopicSettings(
      durability: durability, retention: flags & 1 != 0 ? .microseconds(retention) : nil,
      retentionByteCount: flags & 2 != 0 ? Int(byteCount) : nil,
      retentionIgnoresHolds: flags & 4 != 0, keyMemory: .microseconds(keyMemory))
  }

  private static func plain(_ writer: ByteWriter) -> FramePayload {
    var payload = FramePayload()
    payload.append(writer.bytes)
    return payload
  }
}

extension Duration {
  /// Whole microseconds, cut at the ends of the range.
  var microseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, over) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000)
    return over ? (seconds < 0 ? .min : .max) : sum
  }
}
