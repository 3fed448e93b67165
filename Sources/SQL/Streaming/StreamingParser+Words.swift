/// Small pieces that the statements are made of.
extension StreamingParser {
  func isAt(_ word: String) -> Bool {
    guard let token = cursor.token, token.kind == .word else { return false }
    return cursor.source.text(of: token).lowercased() == word
  }

  /// Steps over a bare word, in any case.
  mutating func accept(_ word: String) -> Bool {
    guard isAt(word) else { return false }
    cursor.advance()
    return true
  }

  mutating func acceptNumber() -> String? {
    guard let token = cursor.token, token.kind == .number else { return nil }
    cursor.advance()
    return cursor.source.text(of: token).replacing("_", with: "")
  }

  /// `IF NOT EXISTS`, also `IF NOT EXIST`.
  mutating func acceptIfNotExists() throws(SQLError) -> Bool {
    guard accept("if") else { return false }
    guard accept("not"), accept("exists") || accept("exist") else {
      throw expected("NOT EXISTS after IF")
    }
    return true
  }

  mutating func acceptIfExists() throws(SQLError) -> Bool {
    guard accept("if") else { return false }
    guard accept("exists") || accept("exist") else { throw expected("EXISTS after IF") }
    return true
  }

  mutating func name() throws(SQLError) -> QualifiedName {
    guard let name = cursor.acceptQualifiedName()?.name else { throw expected("a name") }
    return name
  }

  /// A name, a string or a number.
  mutating func identifier(_ what: String) throws(SQLError) -> String {
    if let text = cursor.acceptName() ?? cursor.acceptString() ?? acceptNumber() { return text }
    throw expected(what)
  }

  /// `(name = value, …)`.
  mutating func options() throws(SQLError) -> [StreamOption] {
    guard cursor.accept(mark: "(") else { throw expected("( and options") }
    var options: [StreamOption] = []
    repeat {
      if cursor.isAt(mark: ")") { break }
      let position = position
      let name = try identifier("the name of an option").lowercased()
      guard cursor.accept(symbol: "=") else { throw expected("= after the option '\(name)'") }
      options.append(StreamOption(name: name, value: try optionValue(name), position: position))
    } while cursor.accept(mark: ",")
    guard cursor.accept(mark: ")") else { throw expected(", or ) after an option") }
    return options
  }

  private mutating func optionValue(_ name: String) throws(SQLError) -> String {
    if isAt("interval") {
      guard let microseconds = interval() else { throw expected("INTERVAL '…' and a unit") }
      return "\(microseconds) us"
    }
    if let text = cursor.acceptString() ?? acceptNumber() ?? cursor.acceptName() { return text }
    throw expected("a value for the option '\(name)'")
  }

  /// What is left of the statement, as written.
  func rest() -> String { cursor.source.text(ofTokens: cursor.index..<cursor.end) }

  var position: SourcePosition {
    let token = cursor.token ?? cursor.source.tokens.last
    return cursor.source.position(
      ofByte: cursor.isAtEnd ? Int(token?.end ?? 0) : Int(token?.start ?? 0))
  }

  func expected(_ what: String) -> SQLError {
    let found = cursor.token.map { "'\(cursor.source.text(of: $0))'" } ?? "the end"
    return SQLError("expected \(what), found \(found)", at: position)
  }

  func error(_ message: String, at index: Int) -> SQLError {
    guard index < cursor.source.tokens.count else { return SQLError(message) }
    return SQLError(
      message, at: cursor.source.position(ofByte: Int(cursor.source.tokens[index].start)))
  }
}
