extension StatementText {
  /// The statement in a normal form, for use as a key: texts with the same form mean the same.
  ///
  /// White space and comments become at most one space, none beside brackets and commas; reserved
  /// words are in capitals where they cannot be names. Names, literals and operators stay as they
  /// are. The reverse is not promised: texts that mean the same may have different forms.
  public var canonical: String { canonical(replacing: [:]) }

  /// - Parameter replacements: Other text for some tokens, by index.
  func canonical(replacing replacements: [Int: String]) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(byteRange.count)
    var previous: Token?
    for (index, token) in zip(tokenRange, tokens) {
      if let previous { appendSeparator(between: previous, and: token, to: &result) }
      let bytes = source.bytes[token.range]
      if !replacements.isEmpty, let replacement = replacements[index] {
        result.append(contentsOf: replacement.utf8)
      } else if let keyword = token.keyword, keyword.category == .reserved,
        !isName(at: index, after: previous)
      {
        result.append(contentsOf: keyword.rawValue.uppercased().utf8)
      } else {
        result.append(contentsOf: bytes)
      }
      previous = token
    }
    return String(decoding: result, as: UTF8.self)
  }

  private func appendSeparator(
    between previous: Token, and token: Token, to result: inout [UInt8]
  ) {
    guard previous.end < token.start else { return }
    if previous.kind == .string, token.kind == .string {
      // Two strings are one, but only when a line ends between them.
      let between = source.bytes[Int(previous.end)..<Int(token.start)]
      let hasLineEnd = between.contains(0x0A) || between.contains(0x0D)
      result.append(hasLineEnd ? 0x0A : 0x20)
    } else if !previous.isOpen, !token.isClosed {
      result.append(0x20)
    }
  }

  /// Whether a keyword stands where only a name can: after `.` or `AS`, before `:`, `:=` or `=>`.
  private func isName(at index: Int, after previous: Token?) -> Bool {
    if let previous, previous.isMark(".") || previous.isKeyword(.as) { return true }
    guard index + 1 < tokenRange.upperBound else { return false }
    let next = source.tokens[index + 1]
    if next.isMark(":") { return true }
    return next.kind == .symbol
      && (next.firstByte == UInt8(ascii: ":") || source.text(of: next) == "=>")
  }
}

extension Token {
  /// Whether nothing needs to separate it from what follows.
  fileprivate var isOpen: Bool { isMark("(") || isMark(",") }
  /// Whether nothing needs to separate it from what stands before.
  fileprivate var isClosed: Bool { isMark(")") || isMark(",") }
}
