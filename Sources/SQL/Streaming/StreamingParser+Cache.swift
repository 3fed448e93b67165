/// `CACHE` and `UNCACHE`, of tables and of statements.
extension StreamingParser {
  /// `TABLE t …` or `[REFRESH EVERY '1m'] SELECT …`, behind CACHE.
  mutating func cache() throws(SQLError) -> StreamStatement {
    if accept("table") { return .cacheTable(try cacheTable()) }
    let refresh = try acceptRefresh()
    guard isAt("select") || isAt("with") || cursor.isAt(mark: "(") else {
      throw expected("TABLE and a table, or a query, after CACHE")
    }
    let query = rest()
    cursor.index = cursor.end
    return .cacheQuery(query, refreshMicroseconds: refresh)
  }

  /// `TABLE t` or `SELECT …`, behind UNCACHE.
  mutating func uncache() throws(SQLError) -> StreamStatement {
    if accept("table") {
      let isIfExists = try acceptIfExists()
      return .uncacheTable(try name(), isIfExists: isIfExists)
    }
    guard isAt("select") || isAt("with") || cursor.isAt(mark: "(") else {
      throw expected("TABLE and a table, or a query, after UNCACHE")
    }
    let query = rest()
    cursor.index = cursor.end
    return .uncacheQuery(query)
  }

  private mutating func cacheTable() throws(SQLError) -> CacheTable {
    guard let (name, tokens) = cursor.acceptQualifiedName() else { throw expected("a table") }
    var table = CacheTable(name: name)
    table.isQuoted = cursor.source.tokens[tokens].filter { !$0.isMark(".") }.map {
      $0.kind == .quotedName
    }
    if accept("where") {
      let start = cursor.index
      while !cursor.isAtEnd, !isAtCacheOption { cursor.skipTokenOrGroup() }
      guard cursor.index > start else { throw expected("a condition after WHERE") }
      table.condition = cursor.source.text(ofTokens: start..<cursor.index)
    }
    while !cursor.isAtEnd {
      if let refresh = try acceptRefresh() {
        table.refreshMicroseconds = refresh
      } else if accept("change") {
        guard accept("column") else { throw expected("COLUMN after CHANGE") }
        guard let token = cursor.token, let column = cursor.acceptName() else {
          throw expected("the column that grows with every change")
        }
        table.changeColumn = token.kind == .quotedName ? column : column.lowercased()
      } else if accept("poll") {
        table.pollMicroseconds = try every("POLL")
      } else {
        throw expected("WHERE, REFRESH EVERY, CHANGE COLUMN or POLL EVERY")
      }
    }
    if table.pollMicroseconds != nil, table.changeColumn == nil {
      throw SQLError("POLL EVERY needs a column to look at: CHANGE COLUMN c", at: position)
    }
    return table
  }

  private var isAtCacheOption: Bool {
    func follows(_ word: String) -> Bool {
      guard let next = cursor.token(ahead: 1) else { return false }
      return cursor.source.text(of: next).lowercased() == word
    }
    return (isAt("refresh") && follows("every")) || (isAt("poll") && follows("every"))
      || (isAt("change") && follows("column"))
  }

  private mutating func acceptRefresh() throws(SQLError) -> Int64? {
    guard accept("refresh") else { return nil }
    return try every("REFRESH")
  }

  /// `EVERY '30s'`.
  private mutating func every(_ word: String) throws(SQLError) -> Int64 {
    guard accept("every") else { throw expected("EVERY after \(word)") }
    let place = position
    guard let text = cursor.acceptString() else { throw expected("a time as '30s'") }
    guard let micros = DurationText.microseconds(text), micros >= 10_000 else {
      throw SQLError(
        "\(word) EVERY takes a time from '10ms' on, as '30s' or '5m', not '\(text)'", at: place)
    }
    return micros
  }
}

/// `CACHE TABLE pg.public.orders WHERE day >= '2026-01-01' REFRESH EVERY '30s'`.
public struct CacheTable: Hashable, Sendable {
  /// The last part is the table; before it may stand its schema, and before that an engine.
  public var name: QualifiedName
  /// Which parts of the name are written in quotes.
  public var isQuoted: [Bool] = []
  /// What must be true of the rows that are kept, as written; nil for all rows.
  public var condition: String?
  /// How often all rows are read again; nil for when something has changed.
  public var refreshMicroseconds: Int64?
  /// A column whose largest value grows with every change.
  public var changeColumn: String?
  /// How often it is looked at; nil for every second.
  public var pollMicroseconds: Int64?

  public init(name: QualifiedName) { self.name = name }
}
