#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
internal import NIOCore
public import SwiftProtobuf

/// A message that travels packed: inside a `google.protobuf.Any`.
public typealias FlightSQLMessage = SwiftProtobuf.Message

extension SwiftProtobuf.Message {
  /// The message inside a `google.protobuf.Any`, serialized.
  public func packed() throws(ProtocolError) -> Data {
    let value = try serializedArray()
    let url = "type.googleapis.com/" + Self.protoMessageName
    var buffer = ByteBufferAllocator().buffer(
      capacity: url.utf8.count + value.count + 2 * WireWriter.maxPrefixBytes)
    WireWriter.write(prefixOf: 1, byteCount: url.utf8.count, into: &buffer)
    buffer.writeString(url)
    if !value.isEmpty {
      WireWriter.write(prefixOf: 2, byteCount: value.count, into: &buffer)
      buffer.writeBytes(value)
    }
    return Data(buffer.readableBytesView)
  }

  /// Reads a packed message, which must be of this type.
  public init(unpacking bytes: Data) throws(ProtocolError) {
    let packed = try PackedMessage(bytes)
    guard packed.typeName == Self.protoMessageName else {
      throw .unexpectedType(expected: Self.protoMessageName, actual: packed.typeName)
    }
    try self.init(decoding: packed.value)
  }
}

/// A `google.protobuf.Any`: the name of a message type and its bytes, which are not yet read.
public struct PackedMessage: Sendable {
  /// What follows the last slash of the type's URL, as in
  /// `arrow.flight.protocol.sql.CommandStatementQuery`.
  public let typeName: String
  public let value: [UInt8]

  /// Reads the outer message.
  public init(_ bytes: Data) throws(ProtocolError) {
    var reader = WireReader(ByteBuffer(bytes: bytes), message: "google.protobuf.Any")
    var url = ""
    var value: [UInt8] = []
    while let field = try reader.next() {
      guard let part = field.bytes else { continue }
      if field.number == 1 { url = String(buffer: part) }
      if field.number == 2 { value = Array(part.readableBytesView) }
    }
    guard let slash = url.utf8.lastIndex(of: UInt8(ascii: "/")) else {
      throw .malformed(message: "google.protobuf.Any", reason: "its type URL has no slash")
    }
    typeName = String(url[url.utf8.index(after: slash)...])
    self.value = value
  }
}
