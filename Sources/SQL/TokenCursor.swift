/// A place among the tokens of one statement. Looking past the end gives nil, never a trap.
struct TokenCursor {
  let source: SQLText
  /// One past the last token of the statement.
  let end: Int
  /// The next token.
  var index: Int

  init(_ statement: StatementText) {
    source = statement.source
    index = statement.tokenRange.lowerBound
    end = min(statement.tokenRange.upperBound, statement.source.tokens.count)
  }

  init(_ statement: StatementText, tokens: Range<Int>) {
    source = statement.source
    let all = 0..<statement.source.tokens.count
    index = tokens.clamped(to: all).lowerBound
    end = tokens.clamped(to: all).upperBound
  }

  var isAtEnd: Bool { index >= end }

  var token: Token? { index < end ? source.tokens[index] : nil }

  func token(ahead count: Int) -> Token? {
    index + count < end ? source.tokens[index + count] : nil
  }

  /// The keyword of the next token, if it is a bare word that is one.
  var keyword: Keyword? { token?.keyword }

  func isAt(_ keyword: Keyword) -> Bool { token?.keyword == keyword }

  func isAt(mark: Unicode.Scalar) -> Bool { token?.isMark(mark) ?? false }

  mutating func advance() { index += 1 }

  /// Steps over the keyword if it is next.
  mutating func accept(_ keyword: Keyword) -> Bool {
    guard isAt(keyword) else { return false }
    index += 1
    return true
  }

  /// Steps over the keywords if all of them follow one another.
  mutating func accept(_ first: Keyword, _ rest: Keyword...) -> Bool {
    guard isAt(first) else { return false }
    for (offset, keyword) in rest.enumerated() where token(ahead: offset + 1)?.keyword != keyword {
      return false
    }
    index += 1 + rest.count
    return true
  }

  mutating func accept(mark: Unicode.Scalar) -> Bool {
    guard isAt(mark: mark) else { return false }
    index += 1
    return true
  }

  /// Whether the next token is a symbol with just this spelling.
  func isAt(symbol: StaticString) -> Bool {
    guard let token, token.kind == .symbol else { return false }
    return source.text(of: token) == "\(symbol)"
  }

  mutating func accept(symbol: StaticString) -> Bool {
    guard isAt(symbol: symbol) else { return false }
    index += 1
    return true
  }

  /// Steps over a name, bare or in quotes, and returns it. Any word counts: where a keyword may not
  /// stand, DuckDB says so.
  mutating func acceptName() -> String? {
    guard let token, let name = source.name(of: token) else { return nil }
    index += 1
    return name
  }

  /// Steps over `a`, `a.b`, `a.b.c` … and returns it with its tokens.
  mutating func acceptQualifiedName() -> (name: QualifiedName, tokens: Range<Int>)? {
    let start = index
    guard let first = acceptName() else { return nil }
    var parts = [first]
    while isAt(mark: "."), let next = token(ahead: 1), let part = source.name(of: next) {
      parts.append(part)
      index += 2
    }
    return (QualifiedName(parts: parts), start..<index)
  }

  /// Steps over a plain string and returns what it means; nil, without a step, for other tokens and
  /// for a string that a second one continues.
  mutating func acceptString() -> String? {
    guard let token, let value = source.stringValue(of: token) else { return nil }
    if self.token(ahead: 1)?.kind == .string { return nil }
    index += 1
    return value
  }

  /// Steps over one token, or over a bracket and everything up to the one that closes it.
  mutating func skipTokenOrGroup() {
    var depth = 0
    repeat {
      guard let token else { return }
      depth += token.nesting
      index += 1
    } while depth > 0
  }

  /// Steps forward to the first of the keywords outside brackets, or to the end.
  mutating func skip(to keywords: Keyword...) {
    while let token {
      if let keyword = token.keyword, keywords.contains(keyword), !isAfterDotOrAs { return }
      skipTokenOrGroup()
    }
  }

  /// Whether the next word can only be a name, because `.` or `AS` stands before it.
  private var isAfterDotOrAs: Bool {
    guard index > 0, index <= source.tokens.count else { return false }
    let previous = source.tokens[index - 1]
    return previous.isMark(".") || previous.isKeyword(.as)
  }
}

extension Token {
  /// +1 for an opening bracket, −1 for a closing one, else 0.
  var nesting: Int {
    guard kind == .punctuation else { return 0 }
    switch firstByte {
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): return 1
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): return -1
    default: return 0
    }
  }
}
