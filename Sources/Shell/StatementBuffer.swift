internal import SQL

/// Collects lines until they hold whole statements, each ended by a semicolon.
struct StatementBuffer {
  private(set) var text = ""

  var isEmpty: Bool { text.utf8.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 } }

  mutating func clear() { text = "" }

  /// Whether a line is a command to the shell although a statement has begun: a backslash starts no
  /// SQL, unless it stands in a text or a comment that is still open.
  func admitsCommand(_ line: String) -> Bool {
    guard line.first(where: { $0 != " " }) == "\\" else { return false }
    return (try? SQLText(text)) != nil
  }

  /// Adds a line and takes out the statements that it completes.
  mutating func add(line: String) -> [String] {
    text += text.isEmpty ? line : "\n" + line
    // Most lines of a long statement end no statement: only one with a semicolon is looked at.
    guard line.utf8.contains(0x3B) else { return [] }
    return takeComplete()
  }

  /// What is left at the end of the input, its last statement needing no semicolon.
  mutating func takeRest() -> [String] {
    defer { text = "" }
    guard let statements = try? StatementText.split(text) else { return isEmpty ? [] : [text] }
    return statements.map(\.text)
  }

  /// Text that cannot be read yet, such as an open quote, waits for more lines.
  private mutating func takeComplete() -> [String] {
    guard let source = try? SQLText(text) else { return [] }
    let statements = StatementText.split(source)
    guard let end = source.tokens.last(where: { $0.isMark(";") }) else { return [] }
    let endByte = Int(end.start)
    let complete = statements.filter { $0.byteRange.upperBound <= endByte }
    text = String(decoding: text.utf8.dropFirst(endByte + 1), as: UTF8.self)
    if isEmpty { text = "" }
    return complete.map(\.text)
  }
}
