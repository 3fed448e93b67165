/// What a token is, as far as its spelling says.
public enum TokenKind: UInt8, Sendable {
  /// A bare word: a keyword or a name.
  case word
  /// `"name"`.
  case quotedName
  /// `'text'`, `E'text'`, `X'00'`, `B'01'`, `$$text$$`, `$tag$text$tag$`.
  case string
  /// `1`, `1_000`, `1.5`, `.5`, `1e-9`.
  case number
  /// `?`, `?1`, `$1`, `$name`.
  case parameter
  /// One or more of `~ ! @ # ^ & | ` + - * / % < > =`, also `::`, `:=` and `=>`.
  case symbol
  /// One of `( ) [ ] { } , . ; :`.
  case punctuation
  /// A byte that no statement may contain here; DuckDB says so better than we could.
  case unknown
}

/// A piece of a statement: what it is and where, not its text. 12 bytes.
public struct Token: Hashable, Sendable {
  /// The first byte, counted from the start of the whole text.
  public var start: UInt32
  /// One past the last byte.
  public var end: UInt32
  public var kind: TokenKind
  /// The first byte, which says all there is to know of punctuation.
  public var firstByte: UInt8
  /// The keyword that a bare word is, if it is one.
  public var keyword: Keyword?

  /// The bytes it covers.
  public var range: Range<Int> { Int(start)..<Int(max(start, end)) }

  /// Whether it is this punctuation mark.
  public func isMark(_ mark: Unicode.Scalar) -> Bool {
    kind == .punctuation && UInt32(firstByte) == mark.value
  }

  public func isKeyword(_ keyword: Keyword) -> Bool { self.keyword == keyword }
}
