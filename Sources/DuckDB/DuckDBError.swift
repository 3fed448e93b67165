/// What DuckDB answered instead of a result.
///
/// `message` is DuckDB's own text, with its kind in front ("Binder Error: …") and, for mistakes in
/// SQL, an excerpt with a caret; `position` says the same as a number.
public struct DuckDBError: Error, Hashable, Sendable {
  /// What went wrong, as far as a caller acts on it.
  public enum Kind: Hashable, Sendable {
    /// The text is not SQL.
    case parser
    /// The text is SQL but makes no sense: wrong columns, types, arguments.
    case binder
    /// Something that is named does not exist, or exists already.
    case catalog
    /// A row breaks a constraint of its table.
    case constraint
    /// A value does not fit the type it is converted to, or is out of range.
    case conversion
    /// The memory limit of the instance is reached.
    case outOfMemory
    /// `Connection.interrupt()` was called.
    case interrupted
    /// Another transaction changed the same rows, or this one was aborted by an earlier error.
    case transactionConflict
    /// A setting of the instance forbids it.
    case permission
    /// The file system or the network failed.
    case io
    /// A value or an argument is wrong.
    case invalidInput
    /// A bug in DuckDB. The instance is invalidated: close it and open it again.
    case `internal`
    /// Damage from which DuckDB cannot recover. The instance is invalidated.
    case fatal
    case other
  }

  public var kind: Kind
  /// DuckDB's text, or a sentence of this module about a value that it refuses.
  public var message: String
  /// Where in `sql` the mistake is: a 0-based offset in bytes of UTF-8.
  public var position: Int?
  /// The statement, if there is one.
  public var sql: String?

  public init(kind: Kind, message: String, position: Int? = nil, sql: String? = nil) {
    self.kind = kind
    self.message = message
    self.position = position
    self.sql = sql
  }

  /// Reads kind and position from DuckDB's text.
  init(duckDB message: String, sql: String? = nil) {
    self.init(kind: Kind(of: message), message: message, sql: sql)
    if let sql { position = CaretExcerpt(in: message)?.position(in: sql) }
  }

  /// Whether the instance refuses all further work until it is opened again.
  public var invalidatesDatabase: Bool { kind == .internal || kind == .fatal }
}

extension DuckDBError: CustomStringConvertible {
  public var description: String { message }
}

extension DuckDBError.Kind {
  /// DuckDB's messages start with the kind of the exception and "Error:".
  init(of message: String) {
    let head = message.prefix { $0 != ":" }
    self =
      switch head {
      case "Parser Error", "Syntax Error": .parser
      case "Binder Error", "Expression Error", "Parameter Not Resolved Error",
        "Parameter Not Allowed Error":
        .binder
      case "Catalog Error", "Dependency Error", "Sequence Error": .catalog
      case "Constraint Error": .constraint
      case "Conversion Error", "Out of Range Error", "Mismatch Type Error", "Decimal Error",
        "Divide by Zero Error", "Invalid type Error":
        .conversion
      case "Out of Memory Error": .outOfMemory
      case "INTERRUPT Error": .interrupted
      case "TransactionContext Error", "Transaction Error": .transactionConflict
      case "Permission Error": .permission
      case "IO Error", "HTTP Error", "Connection Error", "Network Error": .io
      case "Invalid Input Error", "Invalid Configuration Error", "Not implemented Error":
        .invalidInput
      case "INTERNAL Error": .internal
      case "FATAL Error": .fatal
      default: .other
      }
  }
}

/// The excerpt at the end of a message, which marks a place in the statement:
///
///     LINE 2: select frm t
///                    ^
struct CaretExcerpt {
  /// 1-based.
  private var line: Int
  private var excerpt: Substring
  /// Characters of the excerpt before the caret.
  private var column: Int
  private var startsInside: Bool
  private var endsInside: Bool

  init?(in message: String) {
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    guard let caret = lines.lastIndex(where: { $0.last == "^" && $0.allSatisfy(Self.isIndent) }),
      caret > 0, lines[caret - 1].hasPrefix("LINE "),
      let colon = lines[caret - 1].firstIndex(of: ":"),
      let line = Int(lines[caret - 1].dropFirst(5).prefix { $0 != ":" })
    else { return nil }
    let text = lines[caret - 1]
    var excerpt = text[text.index(after: colon)...].dropFirst()
    let prefixCount = text.count - excerpt.count
    // Newer versions mark a whole word; the place is where it begins.
    let indent = lines[caret].prefix { $0 == " " }.count
    guard indent >= prefixCount else { return nil }
    var column = indent - prefixCount
    startsInside = excerpt.hasPrefix("...")
    if startsInside {
      excerpt = excerpt.dropFirst(3)
      column -= 3
    }
    endsInside = excerpt.hasSuffix("...")
    if endsInside { excerpt = excerpt.dropLast(3) }
    guard column >= 0, column <= excerpt.count else { return nil }
    self.line = line
    self.excerpt = excerpt
    self.column = column
  }

  private static func isIndent(_ character: Character) -> Bool {
    character == " " || character == "^"
  }

  /// The offset in bytes of the marked place, if the excerpt is found where it says.
  func position(in sql: String) -> Int? {
    var rest = sql[...]
    for _ in 1..<max(line, 1) {
      guard let end = rest.firstIndex(where: \.isNewline) else { return nil }
      rest = rest[rest.index(after: end)...]
    }
    let text = rest.prefix { !$0.isNewline }
    guard let start = startsInside ? Self.range(of: excerpt, in: text) : text.startIndex,
      let place = text.index(start, offsetBy: column, limitedBy: text.endIndex)
    else { return nil }
    return sql.utf8.distance(from: sql.startIndex, to: place)
  }

  private static func range(of part: Substring, in text: Substring) -> String.Index? {
    var rest = text
    while rest.count >= part.count, !rest.isEmpty {
      if rest.hasPrefix(part) { return rest.startIndex }
      rest = rest.dropFirst()
    }
    return nil
  }
}
