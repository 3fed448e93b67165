import NIOCore

/// The few protobuf messages that the load needs, written and read without generated code.
enum Message {
  /// `google.protobuf.Any` around a message of Flight SQL.
  static func command(_ name: String, _ fields: ByteBuffer) -> ByteBuffer {
    var bytes = ByteBuffer()
    bytes.writeField(1, ByteBuffer(string: "type.googleapis.com/arrow.flight.protocol.sql." + name))
    bytes.writeField(2, fields)
    return bytes
  }

  /// A message whose only field is `bytes` under number 1: tickets, queries, handles.
  static func one(_ bytes: ByteBuffer) -> ByteBuffer {
    var message = ByteBuffer()
    message.writeField(1, bytes)
    return message
  }

  /// A `FlightDescriptor` of type CMD.
  static func descriptor(_ command: ByteBuffer) -> ByteBuffer {
    var message = ByteBuffer(bytes: [1 << 3, 2])
    message.writeField(2, command)
    return message
  }

  /// The `Ticket` of the first endpoint of a `FlightInfo`.
  static func ticket(ofInfo info: ByteBuffer) throws(LoadError) -> ByteBuffer {
    guard let endpoint = try info.field(3), let ticket = try endpoint.field(1) else {
      throw .unexpected("a FlightInfo without an endpoint")
    }
    return ticket
  }
}

extension ByteBuffer {
  mutating func writeVarint(_ value: UInt64) {
    var rest = value
    while rest > 0x7F {
      writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    writeInteger(UInt8(truncatingIfNeeded: rest))
  }

  mutating func writeField(_ number: UInt64, _ bytes: ByteBuffer) {
    writeVarint(number << 3 | 2)
    writeVarint(UInt64(bytes.readableBytes))
    writeImmutableBuffer(bytes)
  }

  private mutating func readVarint() throws(LoadError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte: UInt8 = readInteger() else { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw .unexpected("a number that does not end")
  }

  /// The first length-delimited field with this number.
  func field(_ number: UInt64) throws(LoadError) -> ByteBuffer? {
    var rest = self
    while rest.readableBytes > 0 {
      let key = try rest.readVarint()
      switch key & 7 {
      case 0: _ = try rest.readVarint()
      case 1: rest.moveReaderIndex(forwardBy: min(8, rest.readableBytes))
      case 5: rest.moveReaderIndex(forwardBy: min(4, rest.readableBytes))
      case 2:
        guard let count = Int(exactly: try rest.readVarint()),
          let slice = rest.readSlice(length: count)
        else { throw .unexpected("a field that does not end") }
        if key >> 3 == number { return slice }
      default: throw .unexpected("wire type \(key & 7)")
      }
    }
    return nil
  }
}

enum LoadError: Error {
  case usage(String)
  case unexpected(String)
}
