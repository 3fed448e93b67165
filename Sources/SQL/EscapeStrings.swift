extension SQLText {
  /// The text of an `E'…'` string between its quotes: `\n`, `\t`, `\\`, `\'`, `\x41`, `\101`,
  /// `\u0041`, `\U00000041` and doubled quotes.
  func unescaped(_ range: Range<Int>) -> String {
    var result: [UInt8] = []
    var index = range.lowerBound
    let end = min(range.upperBound, bytes.count)
    while index < end {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "'") {
        result.append(byte)
        if index < end, bytes[index] == byte { index += 1 }
      } else if byte == UInt8(ascii: "\\"), index < end {
        appendEscape(at: &index, end: end, to: &result)
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private func appendEscape(at index: inout Int, end: Int, to result: inout [UInt8]) {
    let kind = bytes[index]
    index += 1
    switch kind {
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "x"): appendScalar(at: &index, end: end, digits: 2, radix: 16, to: &result)
    case UInt8(ascii: "u"): appendScalar(at: &index, end: end, digits: 4, radix: 16, to: &result)
    case UInt8(ascii: "U"): appendScalar(at: &index, end: end, digits: 8, radix: 16, to: &result)
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      index -= 1
      appendScalar(at: &index, end: end, digits: 3, radix: 8, to: &result)
    default: result.append(kind)
    }
  }

  private func appendScalar(
    at index: inout Int, end: Int, digits: Int, radix: UInt32, to result: inout [UInt8]
  ) {
    var value: UInt32 = 0
    var count = 0
    while count < digits, index < end,
      let digit = Character(Unicode.Scalar(bytes[index]))
        .hexDigitValue, digit < radix
    {
      value = value &* radix &+ UInt32(truncatingIfNeeded: digit)
      index += 1
      count += 1
    }
    if let scalar = Unicode.Scalar(value) { result.append(contentsOf: Array(String(scalar).utf8)) }
  }
}
