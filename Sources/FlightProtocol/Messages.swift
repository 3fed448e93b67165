public import NIOCore
public import SwiftProtobuf

extension SwiftProtobuf.Message {
  /// Reads a message from the bytes of one gRPC message.
  public init(decoding buffer: ByteBuffer) throws(ProtocolError) {
    do {
      try self.init(serializedBytes: Array(buffer.readableBytesView))
    } catch {
      throw .malformed(message: Self.protoMessageName, reason: "\(error)")
    }
  }

  /// Reads a message from bytes inside another one.
  public init(decoding bytes: some SwiftProtobufContiguousBytes) throws(ProtocolError) {
    do {
      try self.init(serializedBytes: bytes)
    } catch {
      throw .malformed(message: Self.protoMessageName, reason: "\(error)")
    }
  }

  /// The bytes of the message, for one gRPC message.
  public func encoded() throws(ProtocolError) -> ByteBuffer {
    ByteBuffer(bytes: try serializedArray())
  }

  func serializedArray() throws(ProtocolError) -> [UInt8] {
    do {
      return try serializedBytes()
    } catch {
      throw .malformed(message: Self.protoMessageName, reason: "\(error)")
    }
  }
}
