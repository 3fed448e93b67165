internal import NIOCore

/// Writes the protobuf wire format.
enum WireWriter {
  /// Room for a tag and a length.
  static let maxPrefixBytes = 20

  static func write(varint value: UInt64, into buffer: inout ByteBuffer) {
    var rest = value
    while rest >= 0x80 {
      buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    buffer.writeInteger(UInt8(truncatingIfNeeded: rest))
  }

  /// Tag and length of a length-delimited field; its bytes follow.
  static func write(prefixOf field: UInt64, byteCount: Int, into buffer: inout ByteBuffer) {
    write(varint: field << 3 | 2, into: &buffer)
    write(varint: UInt64(byteCount), into: &buffer)
  }
}
