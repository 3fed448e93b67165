internal import Columnar
internal import SQL

/// `INSERT INTO s …`, taken apart: what is run to get the rows.
struct StreamInsert: Sendable {
  var stream: Stream
  /// The columns that are named; nil for all of them in their order.
  var columns: [String]?
  var isByName: Bool
  /// The query or `VALUES`, with a WITH that stands before the verb; nil for DEFAULT VALUES.
  var source: String?
  /// For many rows of parameters at once.
  var singleRow: SingleRowInsert?

  init(_ stream: Stream, _ insert: InsertHead, _ statement: StatementText, _ head: StatementHead)
    throws(SQLError)
  {
    guard insert.conflict == nil, insert.onConflictTokens == nil else {
      throw SQLError("a stream has no keys, so nothing can conflict: leave ON CONFLICT out")
    }
    guard insert.returningTokens == nil else {
      throw SQLError(
        "INSERT into a stream has no RETURNING; the rows can be read from the stream")
    }
    self.stream = stream
    columns = insert.columns
    isByName = insert.isByName
    if insert.source != .defaultValues {
      let leading =
        head.hasLeadingWith
        ? statement.source.text(
          ofTokens: statement.tokenRange.lowerBound..<head.verbToken) + " " : ""
      source = leading + statement.source.text(ofTokens: insert.sourceTokens)
    }
    singleRow = SingleRowInsert(statement, head)
    singleRow?.head = ""
  }

  /// The query whose rows are to be stored, with the columns of the stream in their order.
  ///
  /// - Parameter given: The columns of the source; nil where their number says enough.
  func query(
    _ definition: StreamDefinition, source: String?, given: [String]? = nil
  ) throws(DatabaseError) -> String {
    let all = definition.current.columns
    let names = given ?? columns ?? all.map(\.field.name)
    for name in names where definition.column(named: name) == nil {
      throw DatabaseError(
        .invalidArgument,
        "the stream \(definition.qualifiedName) has no column '\(name)'; it has "
          + all.map(\.field.name).joined(separator: ", "))
    }
    let lowered = names.map { $0.lowercased() }
    let expressions = all.map { column in
      let name = quotedName(column.field.name)
      if lowered.contains(column.field.name.lowercased()), source != nil {
        return "CAST(\(name) AS \(column.sqlType)) AS \(name)"
      }
      return "CAST(\(column.defaultExpression ?? "NULL") AS \(column.sqlType)) AS \(name)"
    }
    let list = expressions.joined(separator: ", ")
    guard let source else { return "SELECT \(list)" }
    let aliases = isByName ? "" : "(\(names.map(quotedName).joined(separator: ", ")))"
    return "SELECT \(list) FROM (\(source)) AS __rows\(aliases)"
  }

  /// The query for a stream whose columns appear as rows bring them.
  func openQuery(source: String) -> String {
    let aliases =
      columns.map { "(\($0.map(quotedName).joined(separator: ", ")))" } ?? ""
    return "SELECT * FROM (\(source)) AS __rows\(isByName ? "" : aliases)"
  }
}
