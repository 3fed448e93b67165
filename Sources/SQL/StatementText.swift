/// One statement of a text, with its tokens but without its semicolon.
public struct StatementText: Sendable {
  /// The whole text that it is part of.
  public let source: SQLText
  /// Its tokens, as indices into `source.tokens`. Never empty.
  public let tokenRange: Range<Int>
  /// Its bytes in `source`, from the first token to the last: no comments around it.
  public let byteRange: Range<Int>

  init(source: SQLText, tokenRange: Range<Int>) {
    self.source = source
    self.tokenRange = tokenRange
    byteRange = source.byteRange(ofTokens: tokenRange) ?? 0..<0
  }

  /// The statements of a text, in order; empty ones (`;;`, only comments) are left out.
  public static func split(_ sql: String) throws(SQLError) -> [StatementText] {
    split(try SQLText(sql))
  }

  /// The same for a text that has been read.
  public static func split(_ text: SQLText) -> [StatementText] {
    var statements: [StatementText] = []
    var start = 0
    for (index, token) in text.tokens.enumerated() where token.isMark(";") {
      if start < index {
        statements.append(StatementText(source: text, tokenRange: start..<index))
      }
      start = index + 1
    }
    if start < text.tokens.count {
      statements.append(StatementText(source: text, tokenRange: start..<text.tokens.count))
    }
    return statements
  }

  /// The only statement of a text.
  ///
  /// - Throws: When there is none, or more than one.
  public static func single(_ sql: String) throws(SQLError) -> StatementText {
    let statements = try split(sql)
    guard let first = statements.first else { throw SQLError("the text holds no statement") }
    guard statements.count == 1 else {
      throw SQLError(
        "the text holds \(statements.count) statements where one is expected",
        at: first.source.position(ofByte: statements[1].byteRange.lowerBound))
    }
    return first
  }

  /// Its text as written.
  public var text: String { source.text(in: byteRange) }

  /// Its tokens.
  public var tokens: ArraySlice<Token> { source.tokens[tokenRange] }

  /// Where a token of it lies, for an error.
  func position(ofToken index: Int) -> SourcePosition {
    let offset =
      tokenRange.contains(index) ? Int(source.tokens[index].start) : byteRange.upperBound
    return source.position(ofByte: offset)
  }
}
