/// A test of SQL as text: records, separated by empty lines, that are run in order by one runner.
///
/// ```text
/// # a comment
/// statement ok
/// CREATE TABLE t (a INTEGER)
///
/// statement error
/// INSERT INTO t VALUES ('x')
/// ----
/// Could not convert string 'x' to INT32
///
/// query IT rowsort
/// SELECT a, 'x' FROM t
/// ----
/// 1	x
/// ```
///
/// - `statement ok` expects success; `statement error` expects a failure, whose description matches
///   the regular expression after `----`, if there is one.
/// - `query <types> [nosort | rowsort | valuesort]` expects rows: one line per row, values separated
///   by tabs. Types are one letter per column: `I` integer, `R` number, compared to nine digits, `T`
///   text, `?` anything. An empty text is written `(empty)`.
/// - `session <name>` lets the next record be run by a session of that name; the first is `default`.
/// - `halt` ends the file.
public struct SQLTestFile: Sendable, CustomStringConvertible {
  public enum Sort: String, Sendable { case nosort, rowsort, valuesort }

  public enum Expectation: Sendable {
    case success
    /// A regular expression that the error's description must contain a match of; empty for any.
    case failure(pattern: String)
    case rows(types: String, sort: Sort, [[String]])
  }

  public struct Record: Sendable {
    public var line: Int
    public var session: String
    public var sql: String
    public var expectation: Expectation
  }

  /// What is wrong with a test file itself.
  public struct SyntaxError: Error, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var message: String
    public var description: String { "\(file):\(line): \(message)" }
  }

  public let name: String
  public let records: [Record]
  public var description: String { name }

  public init(name: String, text: String) throws(SyntaxError) {
    self.name = name
    var parser = Parser(file: name, text: text)
    records = try parser.records()
  }
}

/// Reads records line by line.
private struct Parser {
  let file: String
  let lines: [Substring]
  var index = 0
  var session = "default"

  init(file: String, text: String) {
    self.file = file
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  mutating func records() throws(SQLTestFile.SyntaxError) -> [SQLTestFile.Record] {
    var records: [SQLTestFile.Record] = []
    while index < lines.count {
      let line = lines[index]
      if line.isEmpty || line.hasPrefix("#") {
        index += 1
        continue
      }
      let words = line.split(separator: " ").map(String.init)
      switch words[0] {
      case "halt": return records
      case "session":
        guard words.count == 2 else { throw error("session needs a name") }
        session = words[1]
        index += 1
      case "statement": records.append(try statement(words))
      case "query": records.append(try query(words))
      default: throw error("a record begins with statement, query, session or halt")
      }
    }
    return records
  }

  private func error(_ message: String) -> SQLTestFile.SyntaxError {
    SQLTestFile.SyntaxError(file: file, line: index + 1, message: message)
  }

  /// The lines up to an empty one or to `----`.
  private mutating func block() -> [String] {
    var block: [String] = []
    while index < lines.count, !lines[index].isEmpty, lines[index] != "----" {
      block.append(String(lines[index]))
      index += 1
    }
    return block
  }

  /// The block after `----`, if that is next.
  private mutating func result() -> [String] {
    guard index < lines.count, lines[index] == "----" else { return [] }
    index += 1
    return block()
  }

  private mutating func statement(
    _ words: [String]
  ) throws(SQLTestFile.SyntaxError) -> SQLTestFile.Record {
    guard words.count == 2, words[1] == "ok" || words[1] == "error" else {
      throw error("statement ok, or statement error")
    }
    let line = index + 1
    index += 1
    let sql = block().joined(separator: "\n")
    let result = result()
    defer { session = "default" }
    return SQLTestFile.Record(
      line: line, session: session, sql: sql,
      expectation: words[1] == "ok"
        ? .success : .failure(pattern: result.joined(separator: "\n")))
  }

  private mutating func query(
    _ words: [String]
  ) throws(SQLTestFile.SyntaxError) -> SQLTestFile.Record {
    guard words.count == 2 || words.count == 3,
      let sort = SQLTestFile.Sort(rawValue: words.count == 3 ? words[2] : "nosort")
    else { throw error("query types [nosort | rowsort | valuesort]") }
    let line = index + 1
    index += 1
    let sql = block().joined(separator: "\n")
    let rows = result().map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map {
        $0 == "(empty)" ? "" : String($0)
      }
    }
    defer { session = "default" }
    return SQLTestFile.Record(
      line: line, session: session, sql: sql,
      expectation: .rows(types: words[1], sort: sort, rows))
  }
}
