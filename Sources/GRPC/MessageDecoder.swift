internal import NIOCore

/// Cuts a stream of bytes into gRPC messages.
///
///     offset  bytes
///          0      1  1 if the message is compressed, else 0
///          1      4  length n, big-endian
///          5      n  the message
///
/// A pure state machine: it is fed what arrives and says what is complete. A message that lies wholly
/// in what arrives is a view of it; one that comes in pieces is put together in memory that grows with
/// what has arrived, never on the word of the prefix alone.
struct MessageDecoder {
  struct Message {
    var isCompressed: Bool
    var payload: ByteBuffer
  }

  private struct Prefix {
    var isCompressed: Bool
    var byteCount: Int
  }

  static let prefixByteCount = 5
  /// What may be reserved ahead of the bytes that have arrived.
  static let maxReservedAhead = 64 * 1024

  private let maxMessageBytes: Int
  /// The prefix of the message that has begun, once it is whole.
  private var prefix: Prefix?
  /// What has arrived of a prefix or of a message that is not complete. Changed in place: a copy of
  /// it anywhere would make each piece copy all that came before.
  private var partial = ByteBuffer()
  /// Something was wrong; where the next message begins is no longer known.
  private var failure: GRPCError?

  /// - Parameter maxMessageBytes: A longer message is refused by its prefix.
  init(maxMessageBytes: Int) {
    self.maxMessageBytes = maxMessageBytes
  }

  /// Whether the stream may end here: no message has begun.
  var isBetweenMessages: Bool {
    failure == nil && prefix == nil && partial.readableBytes == 0
  }

  /// The memory held for what is not complete.
  var reservedBytes: Int { partial.capacity }
  /// Where that memory is: changes when it is copied.
  var partialAddress: Int {
    unsafe partial.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
  }

  /// Takes `bytes` and passes every message that is now complete to `body`.
  mutating func decode(
    _ bytes: consuming ByteBuffer, _ body: (Message) -> Void
  ) throws(GRPCError) {
    while let message = try next(&bytes) { body(message) }
  }

  /// The next message, or `nil` when more bytes are needed.
  private mutating func next(_ bytes: inout ByteBuffer) throws(GRPCError) -> Message? {
    if let failure { throw failure }
    if prefix == nil { prefix = try readPrefix(&bytes) }
    guard let prefix else { return nil }

    if partial.readableBytes == 0, let payload = bytes.readSlice(length: prefix.byteCount) {
      self.prefix = nil
      return Message(isCompressed: prefix.isCompressed, payload: payload)
    }
    append(&bytes, upTo: prefix.byteCount)
    guard partial.readableBytes == prefix.byteCount else { return nil }
    let payload = partial
    partial = ByteBuffer()
    self.prefix = nil
    return Message(isCompressed: prefix.isCompressed, payload: payload)
  }

  private mutating func readPrefix(_ bytes: inout ByteBuffer) throws(GRPCError) -> Prefix? {
    if partial.readableBytes == 0, bytes.readableBytes >= Self.prefixByteCount {
      return try check(bytes.readInteger(as: UInt8.self), bytes.readInteger(as: UInt32.self))
    }
    append(&bytes, upTo: Self.prefixByteCount)
    guard partial.readableBytes == Self.prefixByteCount else { return nil }
    let prefix = try check(
      partial.readInteger(as: UInt8.self), partial.readInteger(as: UInt32.self))
    partial = ByteBuffer()
    return prefix
  }

  private mutating func check(_ flag: UInt8?, _ length: UInt32?) throws(GRPCError) -> Prefix {
    guard let flag, let length else { throw fail(.truncated) }
    guard flag <= 1 else {
      throw fail(GRPCError(.internal, "A message begins with the flag \(flag), not 0 or 1."))
    }
    guard Int(length) <= maxMessageBytes else {
      throw fail(.messageTooLarge(Int(length), limit: maxMessageBytes))
    }
    return Prefix(isCompressed: flag == 1, byteCount: Int(length))
  }

  private mutating func append(_ bytes: inout ByteBuffer, upTo byteCount: Int) {
    let missing = byteCount - partial.readableBytes
    guard var part = bytes.readSlice(length: min(missing, bytes.readableBytes)) else { return }
    let arrived = partial.readableBytes + part.readableBytes
    if arrived > partial.capacity {
      partial.reserveCapacity(min(byteCount, max(arrived + Self.maxReservedAhead, arrived * 2)))
    }
    partial.writeBuffer(&part)
  }

  private mutating func fail(_ error: GRPCError) -> GRPCError {
    failure = error
    return error
  }
}
