/// A command to the shell itself: `\d orders`, or `.tables` for those whose fingers know that.
enum MetaCommand: Hashable {
  case quit
  case help
  case relations(tablesOnly: Bool)
  case columns(of: String)
  case databases
  /// nil turns it over.
  case timing(Bool?)
  case expanded(Bool?)
  /// nil shows it.
  case format(OutputFormat?)
  /// nil is standard output.
  case output(path: String?)
  /// Rows of a table that are shown; 0 means all, nil shows it.
  case rows(Int?)

  /// Whether the line is for the shell rather than SQL.
  static func isCommand(_ line: String) -> Bool {
    guard let first = line.first(where: { $0 != " " }) else { return false }
    if first == "\\" { return true }
    let word = line.drop { $0 == " " }.prefix { $0 != " " }
    if first == ":" { return colonNames[Self.bare(String(word))] != nil }
    return first == "." && dotNames[String(word)] != nil
  }

  /// As HStreamDB's shell has them.
  private static let colonNames = [":h": "\\?", ":help": "\\?", ":q": "\\q", ":quit": "\\q"]

  private static func bare(_ word: String) -> String {
    word.hasSuffix(";") ? String(word.dropLast()) : word
  }

  private static let dotNames = [
    ".help": "\\?", ".quit": "\\q", ".exit": "\\q", ".tables": "\\d", ".schema": "\\d",
    ".databases": "\\l", ".timer": "\\timing", ".mode": "\\format", ".output": "\\o",
    ".maxrows": "\\rows",
  ]

  init(_ line: String) throws(ShellFailure) {
    var words = line.split(separator: " ").map(String.init)
    while let last = words.last, last == ";" || last.isEmpty { words.removeLast() }
    if let last = words.last, words.count > 1 || last.count > 2, last.hasSuffix(";") {
      words[words.count - 1] = String(last.dropLast())
    }
    let name = words.first ?? ""
    let argument = words.count > 1 ? words[1...].joined(separator: " ") : nil
    switch Self.colonNames[Self.bare(name)] ?? Self.dotNames[name] ?? name {
    case "\\q", "\\quit": self = .quit
    case "\\?", "\\h", "\\help": self = .help
    case "\\d": self = argument.map { .columns(of: $0) } ?? .relations(tablesOnly: false)
    case "\\dt": self = argument.map { .columns(of: $0) } ?? .relations(tablesOnly: true)
    case "\\l": self = .databases
    case "\\timing": self = .timing(try Self.flag(argument))
    case "\\x": self = .expanded(try Self.flag(argument))
    case "\\format": self = .format(try argument.map(Self.format))
    case "\\o": self = .output(path: argument)
    case "\\rows": self = .rows(try argument.map(Self.count))
    default: throw .command("there is no command \(name); \\? lists them")
    }
  }

  private static func flag(_ text: String?) throws(ShellFailure) -> Bool? {
    switch text?.lowercased() {
    case nil: return nil
    case "on", "true", "1": return true
    case "off", "false", "0": return false
    default: throw .command("say on or off")
    }
  }

  private static func format(_ text: String) throws(ShellFailure) -> OutputFormat {
    guard let format = OutputFormat(rawValue: text.lowercased()) else {
      let names = OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw .command("the formats are \(names)")
    }
    return format
  }

  private static func count(_ text: String) throws(ShellFailure) -> Int {
    guard let count = Int(text), count >= 0 else { throw .command("say how many rows, or 0") }
    return count
  }

  static let helpText = """
    End a statement with a semicolon; it may go over several lines. Ctrl-C stops a running statement.

      \\d             tables and views        \\d NAME        columns of a table or view
      \\dt            tables                  \\l             databases
      \\x [on|off]    one line per value      \\format NAME   table, csv, json, jsonl, markdown, arrow
      \\timing        show times or not       \\rows N        rows of a table shown; 0 means all
      \\o [FILE]      write results to a file \\q or :q       leave (or Ctrl-D)

    Streams: CREATE STREAM s (…);  INSERT INTO s …;  SELECT … FROM s EMIT CHANGES;  SHOW STREAMS;
    SHOW QUERIES;  TERMINATE QUERY id;  Rows of EMIT CHANGES come until Ctrl-C.

    """
}
