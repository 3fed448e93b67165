internal import NIOCore

/// Reads the protobuf wire format from a buffer, field by field, without copying.
///
/// Every length is checked against what is left, so no bytes can make it trap.
struct WireReader {
  /// One field: its number and, for a length-delimited one, its bytes.
  struct Field {
    var number: Int
    /// `nil` when the field is of another wire type; it has been skipped.
    var bytes: ByteBuffer?
  }

  /// Protobuf's own limit on nesting; groups are the only nesting that is followed here.
  static let maxGroupDepth = 64

  private var buffer: ByteBuffer
  private let message: String

  /// - Parameter message: The name of what is read, for errors.
  init(_ buffer: ByteBuffer, message: String) {
    self.buffer = buffer
    self.message = message
  }

  /// The next field, or `nil` at the end.
  mutating func next() throws(ProtocolError) -> Field? {
    guard buffer.readableBytes > 0 else { return nil }
    let (number, wireType) = try tag()
    if wireType == 2 { return Field(number: number, bytes: try delimited()) }
    try skip(wireType: wireType, number: number, depth: 0)
    return Field(number: number, bytes: nil)
  }

  private mutating func tag() throws(ProtocolError) -> (number: Int, wireType: Int) {
    let value = try varint()
    let number = value >> 3
    guard number >= 1, number < 1 << 29 else { throw failure("field number \(number)") }
    return (Int(number), Int(value & 7))
  }

  private mutating func varint() throws(ProtocolError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = buffer.readInteger(as: UInt8.self) {
      if shift == 63, byte > 1 { throw failure("a number of more than 64 bits") }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
      if shift > 63 { throw failure("a number of more than 64 bits") }
    }
    throw failure("it ends inside a number")
  }

  private mutating func delimited() throws(ProtocolError) -> ByteBuffer {
    let count = try varint()
    guard count <= UInt64(buffer.readableBytes) else {
      throw failure("a field of \(count) bytes, but \(buffer.readableBytes) are left")
    }
    // A copy of the value shares its memory; moving the indices never copies, while a slice that
    // begins beyond 16 MiB would.
    var part = buffer
    let end = buffer.readerIndex + Int(count)
    part.moveWriterIndex(to: end)
    buffer.moveReaderIndex(to: end)
    return part
  }

  private mutating func skip(
    wireType: Int, number: Int, depth: Int
  ) throws(ProtocolError) {
    switch wireType {
    case 0: _ = try varint()
    case 1: try drop(8)
    case 2: _ = try delimited()
    case 3: try skipGroup(number: number, depth: depth + 1)
    case 5: try drop(4)
    default: throw failure("wire type \(wireType)")
    }
  }

  private mutating func skipGroup(number: Int, depth: Int) throws(ProtocolError) {
    guard depth <= Self.maxGroupDepth else { throw failure("groups nest too deeply") }
    while true {
      let (inner, wireType) = try tag()
      if wireType == 4 {
        guard inner == number else { throw failure("a group ends that did not start") }
        return
      }
      try skip(wireType: wireType, number: inner, depth: depth)
    }
  }

  private mutating func drop(_ count: Int) throws(ProtocolError) {
    guard buffer.readableBytes >= count else { throw failure("it ends inside a field") }
    buffer.moveReaderIndex(forwardBy: count)
  }

  private func failure(_ reason: String) -> ProtocolError {
    .malformed(message: message, reason: reason)
  }
}
