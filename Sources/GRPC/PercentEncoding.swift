/// How a status message travels in the `grpc-message` trailer.
enum PercentEncoding {
  /// Keeps printable ASCII apart from `%`, and writes every other UTF-8 byte as `%XX`.
  static func encode(_ message: String) -> String {
    if message.utf8.allSatisfy(isPlain) { return message }
    var text: [UInt8] = []
    text.reserveCapacity(message.utf8.count + 16)
    for byte in message.utf8 {
      if isPlain(byte) {
        text.append(byte)
      } else {
        text.append(UInt8(ascii: "%"))
        text.append(hexDigit(byte >> 4))
        text.append(hexDigit(byte & 0xF))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Undoes ``encode(_:)``. What is not a valid escape is kept as it came, never an error: a message
  /// that is hard to read is better than none.
  static func decode(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      if digits.count == 2, let high = digits.first.flatMap(hexValue),
        let low = digits.last.flatMap(hexValue)
      {
        bytes.append(high << 4 | low)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "%")
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
