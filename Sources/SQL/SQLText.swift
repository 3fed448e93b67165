/// A text and its tokens: read once, looked at often.
public struct SQLText: Sendable {
  /// Longer texts are refused before anything is allocated for their tokens: 64 MiB.
  public static let maxByteCount = 64 << 20

  public let bytes: [UInt8]
  public let tokens: [Token]

  /// - Throws: When the text is longer than `maxByteCount`, holds a zero byte, or when a comment,
  ///   string or quoted name does not end.
  public init(_ sql: String) throws(SQLError) { try self.init(bytes: Array(sql.utf8)) }

  /// The same for bytes from outside, which need not be UTF-8.
  public init(bytes: [UInt8]) throws(SQLError) {
    guard bytes.count <= Self.maxByteCount else {
      throw SQLError(
        "the text has \(bytes.count) bytes, more than the \(Self.maxByteCount) that are accepted")
    }
    var tokenizer = Tokenizer(bytes)
    try tokenizer.run()
    self.bytes = bytes
    tokens = tokenizer.tokens
  }

  /// The text of a token, as written.
  public func text(of token: Token) -> String { text(in: token.range) }

  /// The text of some bytes; what lies outside is left out.
  public func text(in range: Range<Int>) -> String {
    String(decoding: bytes[range.clamped(to: 0..<bytes.count)], as: UTF8.self)
  }

  /// The text of some tokens with everything between them.
  public func text(ofTokens range: Range<Int>) -> String {
    guard let span = byteRange(ofTokens: range) else { return "" }
    return text(in: span)
  }

  /// The bytes from the first of some tokens to the last; nil if there is none.
  public func byteRange(ofTokens range: Range<Int>) -> Range<Int>? {
    let range = range.clamped(to: 0..<tokens.count)
    guard !range.isEmpty else { return nil }
    return Int(tokens[range.lowerBound].start)..<Int(tokens[range.upperBound - 1].end)
  }

  /// The name that a bare word or a quoted name means, with its own case; nil for other tokens.
  public func name(of token: Token) -> String? {
    switch token.kind {
    case .word: text(of: token)
    case .quotedName:
      unquoted(token.range.dropFirst().dropLast(), quote: UInt8(ascii: "\""))
    default: nil
    }
  }

  /// Whether the token is this name, which is ASCII in lower case; quoted or not, in any case.
  public func isName(_ token: Token, _ lowercased: StaticString) -> Bool {
    guard let name = name(of: token) else { return false }
    return name.lowercased() == "\(lowercased)"
  }

  /// Where a token or an error lies.
  public func position(ofByte offset: Int) -> SourcePosition {
    SourcePosition(ofByte: offset, in: bytes)
  }

  /// The text that a string literal means; nil for other tokens and for bit and hex strings.
  public func stringValue(of token: Token) -> String? {
    guard token.kind == .string else { return nil }
    switch token.firstByte {
    case UInt8(ascii: "'"):
      return unquoted(token.range.dropFirst().dropLast(), quote: UInt8(ascii: "'"))
    case UInt8(ascii: "e"), UInt8(ascii: "E"):
      return unescaped(token.range.dropFirst(2).dropLast())
    case UInt8(ascii: "$"):
      let range = token.range
      guard let second = bytes[range].dropFirst().firstIndex(of: UInt8(ascii: "$")) else {
        return nil
      }
      let tagCount = second + 1 - range.lowerBound
      return text(in: range.dropFirst(tagCount).dropLast(tagCount))
    default: return nil
    }
  }

  private func unquoted(_ range: Range<Int>, quote: UInt8) -> String {
    let inner = bytes[range]
    guard inner.contains(quote) else { return String(decoding: inner, as: UTF8.self) }
    var result: [UInt8] = []
    var skipNext = false
    for byte in inner {
      if byte == quote, skipNext {
        skipNext = false
        continue
      }
      skipNext = byte == quote
      result.append(byte)
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension SourcePosition {
  /// The place of a byte in a text; one past the end is allowed, more is taken as the end.
  public init(ofByte offset: Int, in bytes: [UInt8]) {
    let offset = min(max(offset, 0), bytes.count)
    var (line, column) = (1, 1)
    for byte in bytes[..<offset] {
      if byte == 0x0A {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    self.init(byteOffset: offset, line: line, column: column)
  }
}
