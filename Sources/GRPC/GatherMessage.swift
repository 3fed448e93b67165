public import NIOCore

/// One gRPC message in pieces: a head and any number of body parts that follow it.
///
/// Large parts are handed to the socket as they are, by reference; small ones are copied together, so
/// that a message of many tiny parts does not become many tiny frames. The parts are read only: what
/// owns their bytes may be shared.
public struct GatherMessage: Sendable {
  public var head: ByteBuffer
  public var body: [ByteBuffer]

  public init(head: ByteBuffer, body: [ByteBuffer] = []) {
    self.head = head
    self.body = body
  }

  public init(bytes: some Sequence<UInt8>) {
    self.init(head: ByteBuffer(bytes: bytes))
  }

  /// The size of the whole message in bytes, without the five-byte prefix.
  public var byteCount: Int {
    var count = head.readableBytes
    for part in body { count += part.readableBytes }
    return count
  }
}
