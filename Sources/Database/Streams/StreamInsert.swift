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
  /// What follows RETURNING.
  var returning: String?
  /// What RETURNING may call the rows.
  var alias: String
  /// How many values the rows of `VALUES` have.
  var valueCount: Int?

  init(_ stream: Stream, _ insert: InsertHead, _ statement: StatementText, _ head: StatementHead)
    throws(SQLError)
  {
    guard insert.conflict == nil, insert.onConflictTokens == nil else {
      throw SQLError("a stream has no keys, so nothing can conflict: leave ON CONFLICT out")
    }
    self.stream = stream
    alias = insert.alias ?? insert.target.name
    returning = insert.returningTokens.map { statement.source.text(ofTokens: $0) }
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
    if insert.source == .values {
      let rows = TopLevelList(statement.source, in: insert.sourceTokens.dropFirst()).items
      valueCount = rows.first.map {
        TopLevelList(statement.source, in: $0.dropFirst().dropLast()).items.count
      }
    }
  }

  /// Reads an INSERT, with the expressions that DEFAULT stands for.
  static func read(
    _ stream: Stream, _ insert: InsertHead, _ statement: StatementText, _ head: StatementHead
  ) throws(SQLError) -> StreamInsert {
    if let edited = try withDefaults(stream.definition, insert, statement),
      case .insert(let again) = edited.head.kind
    {
      return try StreamInsert(stream, again, edited, edited.head)
    }
    return try StreamInsert(stream, insert, statement, head)
  }

  /// The statement with the expressions that DEFAULT stands for; nil if no row of `VALUES` has one.
  private static func withDefaults(
    _ definition: StreamDefinition, _ insert: InsertHead, _ statement: StatementText
  ) throws(SQLError) -> StatementText? {
    let source = statement.source
    guard insert.source == .values,
      source.tokens[insert.sourceTokens].contains(where: { $0.isKeyword(.default) })
    else { return nil }
    let names = insert.columns ?? definition.current.columns.map(\.field.name)
    var edit = StatementEdit(statement)
    var isEdited = false
    for row in TopLevelList(source, in: insert.sourceTokens.dropFirst()).items {
      let inner = row.dropFirst().dropLast()
      for (name, item) in zip(names, TopLevelList(source, in: inner).items)
      where item.count == 1 && source.tokens[item.lowerBound].isKeyword(.default) {
        let column = definition.column(named: name)
        let expression = column?.defaultExpression ?? "NULL"
        edit.replace(
          tokens: item,
          with: column.map { "CAST(\(expression) AS \($0.sqlType))" } ?? expression)
        isEdited = true
      }
    }
    return isEdited ? try StatementText.single(edit.text) : nil
  }

  /// What RETURNING selects from the rows of a relation.
  func returningQuery(_ relation: String) -> String? {
    returning.map { "SELECT \($0) FROM \(relation) AS \(quotedName(alias))" }
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
        if column.id == definition.runningTimeColumn?.id {
          return "\(EventTime.expression(name, column.field.type)) AS \(name)"
        }
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
