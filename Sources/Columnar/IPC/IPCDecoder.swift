/// What one message turned out to be.
public enum IPCDecoded: Sendable {
  case schema(Schema)
  /// The decoder has kept the dictionary; batches that follow use it.
  case dictionary(id: Int64)
  case batch(Batch)
}

/// Reads Arrow IPC messages (metadata versions V4 and V5) that come from outside.
///
/// Everything is checked before use; a bad message is an error, never a trap. Columns are slices
/// of `body`, without copying, except buffers that are compressed or misaligned. One decoder
/// serves one stream: it keeps the schema and the dictionaries.
public struct IPCDecoder: Sendable {
  public let limits: IPCLimits
  /// The schema of the stream, once known.
  public private(set) var schema: Schema?

  /// - Parameter schema: For a stream whose schema message was handled elsewhere; dictionaries are
  ///   then numbered in depth-first order, as `IPCEncoder` numbers them.
  public init(limits: IPCLimits = .default, schema: Schema? = nil) {
    self.limits = limits
    self.schema = schema
  }

  /// Reads one message. After an error the stream cannot be continued.
  ///
  /// - Parameters:
  ///   - header: The flatbuffer `Message`, without the prefix of a stream.
  ///   - body: All of the body; may be longer than the header says.
  public mutating func decode(header: Buffer, body: Buffer) throws(IPCError) -> IPCDecoded {
    throw .unsupported("not yet")
  }
}
