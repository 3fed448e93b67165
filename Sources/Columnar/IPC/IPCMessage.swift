/// One Arrow IPC message: metadata and the bytes it describes.
///
/// Flight ships `header` and `body` as two fields of `FlightData`; a stream or file puts them
/// behind each other (`IPCStream.encapsulated`).
public struct IPCMessage: Sendable {
  /// The flatbuffer `Message`, padded to a multiple of 8 bytes, without the prefix of a stream.
  public var header: [UInt8]
  /// The buffers of the body in order. Each is shipped with zero bytes behind it up to the next
  /// multiple of 8, counted from the start of the body; none of them is empty.
  public var body: [Buffer]
  /// Size of the body with all padding, a multiple of 8.
  public var bodyByteCount: Int

  public init(header: [UInt8], body: [Buffer], bodyByteCount: Int) {
    self.header = header
    self.body = body
    self.bodyByteCount = bodyByteCount
  }
}

/// How the buffers of a body are compressed, each by itself.
public enum IPCCompression: Sendable, Hashable, CaseIterable {
  case lz4Frame, zstd
}

/// What the decoder accepts from a sender, so that a short message cannot claim much memory.
public struct IPCLimits: Sendable, Hashable {
  /// How deep types may nest; a plain column has depth 1.
  public var maxNestingDepth: Int
  /// Fields of a schema, nested ones included.
  public var maxFieldCount: Int
  /// Values in one column or child column of a message.
  public var maxRowCount: Int
  /// Bytes that the compressed buffers of one message may become.
  public var maxDecompressedBytes: Int
  /// Bytes of metadata: the flatbuffer itself.
  public var maxHeaderBytes: Int
  /// Bytes of the dictionaries that one stream may hold.
  public var maxDictionaryBytes: Int

  public init(
    maxNestingDepth: Int = 64, maxFieldCount: Int = 100_000, maxRowCount: Int = Int(Int32.max),
    maxDecompressedBytes: Int = 256 << 20, maxHeaderBytes: Int = 64 << 20,
    maxDictionaryBytes: Int = 1 << 30
  ) {
    self.maxNestingDepth = maxNestingDepth
    self.maxFieldCount = maxFieldCount
    self.maxRowCount = maxRowCount
    self.maxDecompressedBytes = maxDecompressedBytes
    self.maxHeaderBytes = maxHeaderBytes
    self.maxDictionaryBytes = maxDictionaryBytes
  }

  public static let `default` = IPCLimits()
}
