/// What a byte may begin.
enum ByteClass: UInt8 {
  case letter, digit, singleQuote, doubleQuote, dollar, dot, colon, question, mark, symbol
  case space, other

  @inline(__always)
  static func of(_ byte: UInt8) -> ByteClass {
    switch byte {
    case 0x61...0x7A, 0x41...0x5A, 0x5F, 0x80...0xFF: .letter
    case 0x30...0x39: .digit
    case 0x20, 0x09...0x0D: .space
    case UInt8(ascii: "'"): .singleQuote
    case UInt8(ascii: "\""): .doubleQuote
    case UInt8(ascii: "$"): .dollar
    case UInt8(ascii: "."): .dot
    case UInt8(ascii: ":"): .colon
    case UInt8(ascii: "?"): .question
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"),
      UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: ";"):
      .mark
    case UInt8(ascii: "~"), UInt8(ascii: "!"), UInt8(ascii: "@"), UInt8(ascii: "#"),
      UInt8(ascii: "^"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "`"),
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"),
      UInt8(ascii: "%"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "="):
      .symbol
    default: .other
    }
  }

  /// Letters, digits, `_`, `$` and everything beyond ASCII.
  @inline(__always)
  static func continuesWord(_ byte: UInt8) -> Bool {
    let kind = of(byte)
    return kind == .letter || kind == .digit || kind == .dollar
  }

  /// Whether an operator that contains the byte may end in `+` or `-`.
  @inline(__always)
  static func keepsSign(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "~"), UInt8(ascii: "!"), UInt8(ascii: "@"), UInt8(ascii: "#"),
      UInt8(ascii: "^"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "`"),
      UInt8(ascii: "%"):
      true
    default: false
    }
  }
}
