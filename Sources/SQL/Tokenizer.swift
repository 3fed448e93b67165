/// Cuts a text into tokens, as DuckDB's own scanner would.
///
/// It reads any bytes without trapping. Comments (`-- …`, nested `/* … */`) and white space, also the
/// Unicode spaces that DuckDB accepts, separate tokens and leave no token.
struct Tokenizer {
  let bytes: [UInt8]
  private(set) var tokens: [Token] = []
  private var index = 0

  /// - Parameter bytes: At most `SQLText.maxByteCount` of them.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    tokens.reserveCapacity(bytes.count / 4 + 4)
  }

  /// - Throws: For a zero byte, and for a comment, string or quoted name that does not end.
  mutating func run() throws(SQLError) {
    let keywords = KeywordTable.shared
    while true {
      try skipTrivia()
      guard index < bytes.count else { return }
      let start = index
      let first = bytes[start]
      switch ByteClass.of(first) {
      case .letter: try scanWord(keywords)
      case .digit: scanNumber()
      case .singleQuote: try scanString(from: start, escapes: false)
      case .doubleQuote: try scanQuotedName()
      case .dollar: try scanDollar()
      case .dot: scanDot()
      case .colon: scanColon()
      case .question:
        index += 1
        skipDigits()
        emit(.parameter, from: start)
      case .mark:
        index += 1
        emit(.punctuation, from: start)
      case .symbol: scanSymbol()
      case .space, .other:
        if first == 0 {
          throw SQLError("a statement may not contain a zero byte", at: position(start))
        }
        index += 1
        emit(.unknown, from: start)
      }
    }
  }

  @inline(__always)
  private func byte(at offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }

  @inline(__always)
  private mutating func emit(_ kind: TokenKind, from start: Int, keyword: Keyword? = nil) {
    tokens.append(
      Token(
        start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: index),
        kind: kind, firstByte: bytes[start], keyword: keyword))
  }

  private func position(_ offset: Int) -> SourcePosition {
    SourcePosition(ofByte: offset, in: bytes)
  }
}

// MARK: - White space and comments

extension Tokenizer {
  private mutating func skipTrivia() throws(SQLError) {
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) {
        index += 1
      } else if byte == UInt8(ascii: "-"), self.byte(at: index + 1) == byte {
        skipLine()
      } else if byte == UInt8(ascii: "/"), self.byte(at: index + 1) == UInt8(ascii: "*") {
        try skipComment()
      } else if byte >= 0xC2, let count = unicodeSpaceByteCount {
        index += count
      } else {
        return
      }
    }
  }

  private mutating func skipLine() {
    while index < bytes.count, bytes[index] != 0x0A, bytes[index] != 0x0D { index += 1 }
  }

  private mutating func skipComment() throws(SQLError) {
    let start = index
    var depth = 0
    while index < bytes.count {
      let (first, second) = (bytes[index], byte(at: index + 1))
      if first == UInt8(ascii: "/"), second == UInt8(ascii: "*") {
        depth += 1
        index += 2
      } else if first == UInt8(ascii: "*"), second == UInt8(ascii: "/") {
        depth -= 1
        index += 2
        if depth == 0 { return }
      } else {
        index += 1
      }
    }
    throw SQLError("a comment that begins with /* does not end", at: position(start))
  }

  /// Length of the Unicode space at `index`, if there is one: the set that DuckDB takes as a space.
  private var unicodeSpaceByteCount: Int? {
    switch (bytes[index], byte(at: index + 1), byte(at: index + 2)) {
    case (0xC2, 0xA0, _): 2
    case (0xE2, 0x80, 0x80...0x8D), (0xE2, 0x80, 0xAF), (0xE2, 0x81, 0x9F), (0xE2, 0x81, 0xA0),
      (0xE3, 0x80, 0x80), (0xEF, 0xBB, 0xBF):
      3
    default: nil
    }
  }
}

// MARK: - Words, numbers, symbols

extension Tokenizer {
  private mutating func scanWord(_ keywords: KeywordTable) throws(SQLError) {
    let start = index
    var word = KeywordTable.Packed()
    var count = 0
    while index < bytes.count {
      let byte = bytes[index]
      guard ByteClass.continuesWord(byte) else { break }
      if byte >= 0xC2, unicodeSpaceByteCount != nil { break }
      if count < KeywordTable.maxByteCount { word.add(byte, at: count) }
      count += 1
      index += 1
    }
    let next = byte(at: index)
    if next == UInt8(ascii: "'"), count == 1 {
      switch bytes[start] | 0x20 {
      case UInt8(ascii: "e"): return try scanString(from: start, escapes: true)
      case UInt8(ascii: "x"), UInt8(ascii: "b"): return try scanString(from: start, escapes: false)
      default: break
      }
    }
    let keyword = count <= KeywordTable.maxByteCount ? keywords.keyword(of: word) : nil
    emit(.word, from: start, keyword: keyword)
  }

  private mutating func skipDigits() {
    while ByteClass.of(byte(at: index)) == .digit
      || (byte(at: index) == UInt8(ascii: "_") && ByteClass.of(byte(at: index + 1)) == .digit)
    {
      index += 1
    }
  }

  private mutating func scanNumber() {
    let start = index
    skipDigits()
    if byte(at: index) == UInt8(ascii: "."), byte(at: index + 1) != UInt8(ascii: ".") {
      index += 1
      skipDigits()
    }
    scanExponent()
    emit(.number, from: start)
  }

  private mutating func scanExponent() {
    guard byte(at: index) | 0x20 == UInt8(ascii: "e") else { return }
    var digits = index + 1
    if byte(at: digits) == UInt8(ascii: "+") || byte(at: digits) == UInt8(ascii: "-") {
      digits += 1
    }
    guard ByteClass.of(byte(at: digits)) == .digit else { return }
    index = digits
    skipDigits()
  }

  private mutating func scanDot() {
    let start = index
    index += 1
    guard ByteClass.of(byte(at: index)) == .digit else { return emit(.punctuation, from: start) }
    skipDigits()
    scanExponent()
    emit(.number, from: start)
  }

  private mutating func scanColon() {
    let start = index
    let next = byte(at: index + 1)
    if next == UInt8(ascii: ":") || next == UInt8(ascii: "=") {
      index += 2
      emit(.symbol, from: start)
    } else {
      index += 1
      emit(.punctuation, from: start)
    }
  }

  /// The longest run of operator bytes, but never into a comment, and without a `+` or `-` at its
  /// end unless a byte before says that it is no arithmetic: `a=-1` has `=` and `-`, `a@-1` has `@-`.
  private mutating func scanSymbol() {
    let start = index
    var keepsSign = false
    while ByteClass.of(byte(at: index)) == .symbol {
      let (first, second) = (bytes[index], byte(at: index + 1))
      if index > start, first == UInt8(ascii: "-"), second == first { break }
      if index > start, first == UInt8(ascii: "/"), second == UInt8(ascii: "*") { break }
      keepsSign = keepsSign || ByteClass.keepsSign(first)
      index += 1
    }
    while !keepsSign, index - start > 1,
      bytes[index - 1] == UInt8(ascii: "+") || bytes[index - 1] == UInt8(ascii: "-")
    {
      index -= 1
    }
    emit(.symbol, from: start)
  }
}

// MARK: - Quoted text

extension Tokenizer {
  /// - Parameter start: Of the token; `index` is at the quote.
  private mutating func scanString(from start: Int, escapes: Bool) throws(SQLError) {
    index += 1
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\\"), escapes {
        index += 1
      } else if byte == UInt8(ascii: "'") {
        guard self.byte(at: index) == byte else { return emit(.string, from: start) }
        index += 1
      }
    }
    index = bytes.count
    throw SQLError("a string that begins with ' does not end", at: position(start))
  }

  private mutating func scanQuotedName() throws(SQLError) {
    let start = index
    index += 1
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\"") {
        guard self.byte(at: index) == byte else { return emit(.quotedName, from: start) }
        index += 1
      }
    }
    throw SQLError("a name that begins with \" does not end", at: position(start))
  }

  /// `$1`, `$name`, `$$text$$`, `$tag$text$tag$` or a stray `$`.
  private mutating func scanDollar() throws(SQLError) {
    let start = index
    var end = index + 1
    if ByteClass.of(byte(at: end)) == .digit {
      index = end
      skipDigits()
      return emit(.parameter, from: start)
    }
    while ByteClass.of(byte(at: end)) == .letter || ByteClass.of(byte(at: end)) == .digit {
      end += 1
    }
    if byte(at: end) == UInt8(ascii: "$") { return try scanDollarString(tagEnd: end + 1) }
    index = end
    emit(end > start + 1 ? .parameter : .unknown, from: start)
  }

  /// - Parameter tagEnd: One past the second dollar.
  private mutating func scanDollarString(tagEnd: Int) throws(SQLError) {
    let start = index
    let tag = bytes[start..<tagEnd]
    index = tagEnd
    while index + tag.count <= bytes.count {
      if bytes[index] == UInt8(ascii: "$"), bytes[index..<index + tag.count].elementsEqual(tag) {
        index += tag.count
        return emit(.string, from: start)
      }
      index += 1
    }
    index = bytes.count
    throw SQLError(
      "a string that begins with \(String(decoding: tag, as: UTF8.self)) does not end",
      at: position(start))
  }
}
