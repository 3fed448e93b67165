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

  private enum State {
    /// Before a prefix, of which these bytes (at most four) have arrived.
    case prefix(ByteBuffer)
    /// In a message of `length` bytes, of which `payload` has arrived.
    case payload(isCompressed: Bool, length: Int, payload: ByteBuffer)
    /// Something was wrong. Terminal: where the next message begins is no longer known.
    case failed(GRPCError)
  }

  static let prefixByteCount = 5
  /// What may be reserved ahead of the bytes that have arrived.
  static let maxReservedAhead = 64 * 1024

  private var state = State.prefix(ByteBuffer())
  private let maxMessageBytes: Int

  /// - Parameter maxMessageBytes: A longer message is refused by its prefix.
  init(maxMessageBytes: Int) {
    self.maxMessageBytes = maxMessageBytes
  }

  /// Whether the stream may end here: no message has begun.
  var isBetweenMessages: Bool {
    if case .prefix(let bytes) = state { bytes.readableBytes == 0 } else { false }
  }

  /// The memory held for a message that is not complete.
  var reservedBytes: Int {
    if case .payload(_, _, let payload) = state { payload.capacity } else { 0 }
  }

  /// Takes `bytes` and passes every message that is now complete to `body`.
  mutating func decode(
    _ bytes: consuming ByteBuffer, _ body: (Message) -> Void
  ) throws(GRPCError) {
    while true {
      let (next, message) = try step(&bytes)
      state = next
      if let message { body(message) } else { return }
    }
  }

  /// One step: a message, or `nil` when more bytes are needed.
  private mutating func step(_ bytes: inout ByteBuffer) throws(GRPCError) -> (State, Message?) {
    var current = State.prefix(ByteBuffer())
    swap(&current, &state)  // taken out, so that its buffer is not shared while it grows
    switch consume current {
    case .failed(let error):
      throw fail(error)
    case .payload(let isCompressed, let length, let payload):
      return Self.stepInPayload(isCompressed, length, payload, &bytes)
    case .prefix(let prefix):
      return try stepAtPrefix(prefix, &bytes)
    }
  }

  private mutating func stepAtPrefix(
    _ arrived: consuming ByteBuffer, _ bytes: inout ByteBuffer
  ) throws(GRPCError) -> (State, Message?) {
    let isCompressed: Bool
    let length: Int
    if arrived.readableBytes == 0, bytes.readableBytes >= Self.prefixByteCount {
      (isCompressed, length) = try readPrefix(&bytes)
    } else {
      let missing = Self.prefixByteCount - arrived.readableBytes
      if var part = bytes.readSlice(length: min(missing, bytes.readableBytes)) {
        arrived.writeBuffer(&part)
      }
      guard arrived.readableBytes == Self.prefixByteCount else { return (.prefix(arrived), nil) }
      (isCompressed, length) = try readPrefix(&arrived)
    }
    if let payload = bytes.readSlice(length: length) {
      return (.prefix(ByteBuffer()), Message(isCompressed: isCompressed, payload: payload))
    }
    return Self.stepInPayload(isCompressed, length, ByteBuffer(), &bytes)
  }

  private static func stepInPayload(
    _ isCompressed: Bool, _ length: Int, _ payload: consuming ByteBuffer, _ bytes: inout ByteBuffer
  ) -> (State, Message?) {
    if var part = bytes.readSlice(length: min(length - payload.readableBytes, bytes.readableBytes))
    {
      let arrived = payload.readableBytes + part.readableBytes
      if payload.writerIndex + part.readableBytes > payload.capacity {
        payload.reserveCapacity(min(length, max(arrived + maxReservedAhead, arrived * 2)))
      }
      payload.writeBuffer(&part)
    }
    guard payload.readableBytes == length else {
      return (.payload(isCompressed: isCompressed, length: length, payload: payload), nil)
    }
    return (.prefix(ByteBuffer()), Message(isCompressed: isCompressed, payload: payload))
  }

  private mutating func readPrefix(_ bytes: inout ByteBuffer) throws(GRPCError) -> (Bool, Int) {
    guard let flag = bytes.readInteger(as: UInt8.self),
      let length = bytes.readInteger(as: UInt32.self)
    else { throw fail(.truncated) }
    guard flag <= 1 else {
      throw fail(GRPCError(.internal, "A message begins with the flag \(flag), not 0 or 1."))
    }
    guard Int(length) <= maxMessageBytes else {
      throw fail(.messageTooLarge(Int(length), limit: maxMessageBytes))
    }
    return (flag == 1, Int(length))
  }

  private mutating func fail(_ error: GRPCError) -> GRPCError {
    state = .failed(error)
    return error
  }
}
