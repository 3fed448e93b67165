/// The IPC stream format: messages behind each other, each with a prefix and a length.
public enum IPCStream {
  /// A whole stream: schema, dictionaries, batches, end marker. Written in order, without gaps.
  public static func write(
    schema: Schema, batches: [Batch], compression: IPCCompression? = nil
  ) throws(IPCError) -> [Buffer] {
    throw .cannotEncode("not yet")
  }

  /// The header of `message` with its stream prefix: `0xFFFFFFFF`, length, flatbuffer. The body
  /// follows it in a stream.
  public static func encapsulated(_ message: IPCMessage) -> [UInt8] { [] }

  /// What ends a stream.
  public static let endMarker: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]

  /// An encapsulated schema message, as `FlightInfo.schema` and `SchemaResult` carry it.
  public static func schemaBytes(_ schema: Schema) -> [UInt8] { [] }

  /// The inverse of `schemaBytes`.
  public static func schema(
    fromEncapsulated bytes: [UInt8], limits: IPCLimits = .default
  ) throws(IPCError) -> Schema {
    throw .unsupported("not yet")
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
    throw .unsupported("not yet")
  }

  public var schema: Schema { decoder.schema ?? Schema() }

  /// The next batch, or nil at the end of the stream.
  public mutating func next() throws(IPCError) -> Batch? { nil }
}
