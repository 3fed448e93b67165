/// The IPC stream format: messages behind each other, each with a prefix and a length.
public enum IPCStream {
  /// A whole stream: schema, dictionaries, batches, end marker. Written in order, without gaps.
  public static func write(
    schema: Schema, batches: [Batch], compression: IPCCompression? = nil
  ) throws(IPCError) -> [Buffer] {
    var encoder = IPCEncoder(schema: schema, compression: compression)
    var pieces = pieces(of: encoder.schemaMessage)
    for batch in batches {
      for message in try encoder.encode(batch) { pieces += self.pieces(of: message) }
    }
    pieces.append(Buffer(copying: endMarker))
    return pieces
  }

  /// `message` as a stream holds it: header with prefix, then the buffers and their padding.
  public static func pieces(of message: IPCMessage) -> [Buffer] {
    var pieces = [Buffer(copying: encapsulated(message))]
    for buffer in message.body {
      pieces.append(buffer)
      let padding = (8 - buffer.count % 8) % 8
      if padding > 0 { pieces.append(zeros.slice(from: 0, byteCount: padding)) }
    }
    return pieces
  }

  private static let zeros = Buffer(copying: Array(repeating: UInt8(0), count: 8))

  /// The header of `message` with its stream prefix: `0xFFFFFFFF`, length, flatbuffer. The body
  /// follows it in a stream.
  public static func encapsulated(_ message: IPCMessage) -> [UInt8] {
    let length = UInt32(truncatingIfNeeded: message.header.count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + message.header.count)
    bytes += [0xFF, 0xFF, 0xFF, 0xFF]
    for shift in [UInt32(0), 8, 16, 24] {
      bytes.append(UInt8(truncatingIfNeeded: length >> shift))
    }
    bytes += message.header
    return bytes
  }

  /// What ends a stream.
  public static let endMarker: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]

  /// An encapsulated schema message, as `FlightInfo.schema` and `SchemaResult` carry it.
  public static func schemaBytes(_ schema: Schema) -> [UInt8] {
    encapsulated(IPCEncoder(schema: schema).schemaMessage)
  }

  /// The inverse of `schemaBytes`.
  public static func schema(
    fromEncapsulated bytes: [UInt8], limits: IPCLimits = .default
  ) throws(IPCError) -> Schema {
    try IPCStreamReader(Buffer(copying: bytes), limits: limits).schema
  }
}

/// Reads the batches of a stream that lies in memory.
public struct IPCStreamReader: Sendable {
  private var decoder: IPCDecoder
  private let bytes: Buffer
  private var position = 0

  /// Reads up to and including the schema.
  public init(_ bytes: Buffer, limits: IPCLimits = .default) throws(IPCError) {
    decoder = IPCDecoder(limits: limits)
    self.bytes = bytes
    guard case .schema? = try nextMessage() else {
      throw .unexpectedMessage("the stream does not start with a schema")
    }
  }

  public var schema: Schema { decoder.schema ?? Schema() }

  /// The next batch, or nil at the end of the stream.
  public mutating func next() throws(IPCError) -> Batch? {
    while let message = try nextMessage() {
      if case .batch(let batch) = message { return batch }
    }
    return nil
  }

  private mutating func nextMessage() throws(IPCError) -> IPCDecoded? {
    guard position < bytes.count else { return nil }
    guard var length = bytes.number(at: position, as: UInt32.self) else {
      throw .truncated(expectedBytes: 4, actualBytes: bytes.count - position)
    }
    position += 4
    // Arrow before 0.15 had no prefix in front of the length.
    if length == 0xFFFF_FFFF {
      guard let next = bytes.number(at: position, as: UInt32.self) else {
        throw .truncated(expectedBytes: 4, actualBytes: bytes.count - position)
      }
      length = next
      position += 4
    }
    if length == 0 {
      position = bytes.count
      return nil
    }
    let header = try take(Int(length))
    let body = try take(try MessageHeader(header, limits: decoder.limits).bodyByteCount)
    return try decoder.decode(header: header, body: body)
  }

  private mutating func take(_ byteCount: Int) throws(IPCError) -> Buffer {
    guard byteCount <= bytes.count - position else {
      throw .truncated(expectedBytes: byteCount, actualBytes: bytes.count - position)
    }
    defer { position += byteCount }
    return bytes.slice(from: position, byteCount: byteCount)
  }
}
