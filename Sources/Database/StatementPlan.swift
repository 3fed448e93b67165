/// What has to be known about a statement before it may run: what it does to the session and to
/// the database, and the text that DuckDB gets.
struct StatementPlan: Sendable {
  enum Effect: Hashable, Sendable {
    /// Changes nothing, returns rows.
    case read
    /// Changes rows of tables.
    case write
    /// Changes the catalog: kept statements have to be prepared again.
    case define
    case begin
    case commit
    case rollback
    /// Changes a setting of the session; `nil` as statement sets it back.
    case setting(name: String, statement: String?)
  }

  /// The text for DuckDB.
  var sql: String
  var effect: Effect
  /// Whether it makes or needs something that lives in one connection: a temporary table, a
  /// variable, a statement prepared in SQL.
  var needsOwnConnection = false
  /// Where each parameter of a plain `INSERT … VALUES (…)` of one row stands, so that many rows of
  /// parameters can be inserted at once.
  var singleRowInsert: SingleRowInsert?

  /// Whether its answer is rows for the client, also if it changes something: `INSERT … RETURNING`.
  var returnsRows = false

  /// Whether it has to run exactly once, before its result is fetched.
  var isUpdate: Bool { effect != .read }
}

/// An INSERT of one row of expressions over parameters, taken apart.
struct SingleRowInsert: Hashable, Sendable {
  /// Everything before `VALUES`.
  var head: String
  /// The text between the parentheses, cut at the parameters: one more piece than parameters.
  var pieces: [String]
  /// The 0-based index of the parameter between piece `i` and piece `i + 1`.
  var parameters: [Int]

  /// The same insert for all rows of a relation whose columns are the parameters.
  func statement(from relation: String, columns: [String]) -> String {
    var text = head + "SELECT "
    for (index, piece) in pieces.enumerated() {
      text += piece
      if index < parameters.count { text += columns[parameters[index]] }
    }
    return text + " FROM " + relation
  }
}
