public import SQL

/// Statements that change `metrics` become statements on its table.
extension MetricsRelation {
  /// The columns of a query, as preparing it tells. Used where the text alone does not.
  public typealias ColumnsOfQuery = (_ query: String) throws(SQLError) -> [String]

  /// The statement to run instead, if this one changes `metrics`; nil if it has nothing to do with it.
  ///
  /// - Parameters:
  ///   - session: Where the session looks up names without a schema.
  ///   - columnsOfQuery: Tells the names of the columns of a query, which may have parameters. Called
  ///     for `INSERT INTO metrics SELECT …` without a list of columns.
  /// - Throws: When the statement would change something that belongs to the server, or asks for
  ///   something that `metrics` cannot do.
  public func rewrite(
    _ statement: StatementText, head: StatementHead, session: Session,
    columnsOfQuery: ColumnsOfQuery
  ) throws(SQLError) -> String? {
    switch head.kind {
    case .explain(_, let inner), .prepare(_, let inner):
      return try rewrite(
        statement, head: inner, session: session, columnsOfQuery: columnsOfQuery)
    default: break
    }
    guard let target = head.target, let relation = relation(named: target, in: session) else {
      return nil
    }
    let place = statement.source.position(
      ofByte: statement.source.byteRange(ofTokens: head.verbToken..<head.verbToken + 1)?.lowerBound
        ?? 0)
    switch (relation, head.kind) {
    case (.hidden, _):
      throw SQLError(
        "the schema \(Self.hiddenSchema) belongs to the server and cannot be changed",
        kind: .refused, at: place)
    case (.window(let name), .insert), (.window(let name), .update), (.window(let name), .delete),
      (.window(let name), .merge), (.window(let name), .copy):
      throw SQLError("\(name) is computed from metrics and cannot be changed itself", at: place)
    case (.metrics, .insert(let insert)):
      var rewrite = MetricsInsert(relation: self, statement: statement, head: insert)
      return try rewrite.text(columnsOfQuery)
    case (.metrics, .update(let update)):
      return try rewrite(update, of: statement)
    case (.metrics, .delete(let delete)):
      return try rewrite(delete, of: statement)
    case (.metrics, .merge), (.metrics, .copy):
      throw SQLError("metrics keeps every row that arrives; use INSERT INTO metrics", at: place)
    case (_, .create(let create)) where create.isTemporary && create.onTable == nil: return nil
    default:
      throw SQLError(
        "\(target.name) belongs to the server and cannot be created, altered or dropped",
        kind: .refused, at: place)
    }
  }

  private enum Relation {
    case metrics
    case window(name: String)
    case hidden
  }

  /// Which of its relations a name means, if any.
  private func relation(named name: QualifiedName, in session: Session) -> Relation? {
    let parts = name.parts.map { $0.lowercased() }
    guard let last = parts.last, parts.count <= 3 else { return nil }
    var schema = session.schema.lowercased()
    var catalog = session.catalog.lowercased()
    if parts.count == 3 {
      (catalog, schema) = (parts[0], parts[1])
    } else if parts.count == 2 {
      // `a.b`: a schema of the session's catalog, or a catalog and its schema main.
      if parts[0] == self.catalog.lowercased() {
        (catalog, schema) = (parts[0], "main")
      } else {
        schema = parts[0]
      }
    }
    guard catalog == self.catalog.lowercased() else { return nil }
    if schema == Self.hiddenSchema || (parts.count == 1 && last == Self.hiddenSchema) {
      return .hidden
    }
    guard schema == "main" else { return nil }
    if last == "metrics" { return .metrics }
    return Self.windowViews.contains { $0.name == last } ? .window(name: last) : nil
  }

  func insertStatement(columns: [String], expressions: [String], from source: String) -> String {
    """
    INSERT INTO \(table) (arrival, arrival_row, \(columns.map(quotedIfNeeded).joined(separator: ", "))) \
    \(selection(of: expressions)) FROM \(source)
    """
  }

  /// `row_number() OVER ()` numbers the rows in the order in which the source gives them, which a
  /// sequence asked once per row would not, because several threads ask it.
  func selection(of expressions: [String]) -> String {
    "SELECT (SELECT \(nextArrival)), row_number() OVER (), \(expressions.joined(separator: ", "))"
  }
}

// MARK: - UPDATE and DELETE

extension MetricsRelation {
  private func rewrite(
    _ head: UpdateHead, of statement: StatementText
  ) throws(SQLError) -> String {
    var edit = StatementEdit(statement)
    edit.replace(tokens: head.targetTokens, with: table)
    let source = statement.source
    for item in TopLevelList(source, in: head.setTokens).items {
      try refuseRunningColumns(in: item.dropFirst(), of: statement, what: "UPDATE")
      guard let first = source.tokens[item].first, let name = source.name(of: first)?.lowercased()
      else { continue }
      if Self.runningColumns.contains(name) {
        edit.replace(tokens: item.prefix(1), with: Self.storedName(of: name))
      } else if name == "timestamp" {
        let value = item.dropFirst(2)
        edit.insert("\(timeFunction)(", beforeToken: value.lowerBound)
        edit.insert(")", afterToken: value.upperBound - 1)
      }
    }
    let rest = head.setTokens.upperBound..<statement.tokenRange.upperBound
    try refuseRunningColumns(in: rest, of: statement, what: "UPDATE")
    try rewriteReturning(head.returningTokens, of: statement, edit: &edit)
    return edit.text
  }

  private func rewrite(
    _ head: DeleteHead, of statement: StatementText
  ) throws(SQLError) -> String {
    var edit = StatementEdit(statement)
    edit.replace(tokens: head.targetTokens, with: table)
    if let condition = head.whereTokens, mentionsRunningColumn(in: condition, of: statement) {
      guard head.usingTokens == nil else {
        throw SQLError(
          "DELETE FROM metrics with USING cannot ask for the running columns, "
            + "which are computed when metrics is read")
      }
      // The condition is asked where the columns are computed.
      let alias = head.alias ?? "metrics"
      edit.insert(
        "(arrival, arrival_row) IN (SELECT (arrival, arrival_row) FROM \(runningView) "
          + "AS \(quotedIfNeeded(alias)) WHERE ", beforeToken: condition.lowerBound)
      edit.insert(")", afterToken: condition.upperBound - 1)
    }
    try rewriteReturning(head.returningTokens, of: statement, edit: &edit)
    return edit.text
  }

  /// Makes `*` the columns that a row brings. The running columns do not exist before `metrics` is read.
  func rewriteReturning(
    _ tokens: Range<Int>?, of statement: StatementText, edit: inout StatementEdit
  ) throws(SQLError) {
    guard let tokens else { return }
    try refuseRunningColumns(in: tokens, of: statement, what: "RETURNING")
    let source = statement.source
    for item in TopLevelList(source, in: tokens).items
    where item.count == 1 && source.text(ofTokens: item) == "*" {
      edit.replace(
        tokens: item, with: Self.givenColumns.map(quotedIfNeeded).joined(separator: ", "))
    }
  }

  private func mentionsRunningColumn(in tokens: Range<Int>, of statement: StatementText) -> Bool {
    firstRunningColumn(in: tokens, of: statement) != nil
  }

  private func firstRunningColumn(in tokens: Range<Int>, of statement: StatementText) -> Int? {
    tokens.first { index in
      guard statement.source.tokens.indices.contains(index),
        let name = statement.source.name(of: statement.source.tokens[index])
      else { return false }
      return Self.runningColumns.contains(name.lowercased())
    }
  }

  private func refuseRunningColumns(
    in tokens: Range<Int>, of statement: StatementText, what: String
  ) throws(SQLError) {
    guard let index = firstRunningColumn(in: tokens, of: statement) else { return }
    let token = statement.source.tokens[index]
    throw SQLError(
      "\(what) cannot use \(statement.source.text(of: token)), "
        + "which is computed when metrics is read",
      at: statement.source.position(ofByte: Int(token.start)))
  }
}
