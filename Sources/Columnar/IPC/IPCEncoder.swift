/// Writes batches of one schema as Arrow IPC messages (metadata version V5).
///
/// Buffers are shipped as they are: a plain column costs no work per row. It remembers the
/// dictionaries it has sent, so one encoder serves one stream.
public struct IPCEncoder: Sendable {
  public let schema: Schema
  public let compression: IPCCompression?

  public init(schema: Schema, compression: IPCCompression? = nil) {
    self.schema = schema
    self.compression = compression
  }

  /// The message that starts a stream.
  public var schemaMessage: IPCMessage { IPCMessage(header: [], body: [], bodyByteCount: 0) }

  /// The messages for `batch`: dictionaries that are new or have changed, then the batch itself.
  ///
  /// - Throws: `IPCError.cannotEncode` when the columns are not of this encoder's schema.
  public mutating func encode(_ batch: Batch) throws(IPCError) -> [IPCMessage] {
    throw .cannotEncode("not yet")
  }
}
