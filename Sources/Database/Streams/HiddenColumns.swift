internal import SQL

/// Statements that name `_offset` or `_ingest_time`.
extension StatementPlanner {
  /// The statement with other relations in the place of streams, which have the hidden columns too; nil
  /// if it names none of them.
  func showingHiddenColumns(
    _ statement: StatementText, _ session: MetricsRelation.Session
  ) throws(SQLError) -> StatementText? {
    guard !streams.isEmpty,
      statement.mentions([StreamTable.offsetColumn, StreamTable.ingestTimeColumn])
    else { return nil }
    var edit = StatementEdit(statement)
    var isEdited = false
    for reference in statement.relationReferences {
      guard let stream = stream(reference.name, session) else { continue }
      let name = StreamRelations.hiddenName(stream.definition, catalog: metrics.catalog)
      edit.replace(tokens: reference.tokens, with: name.description)
      isEdited = true
    }
    return isEdited ? try StatementText.single(edit.text) : nil
  }
}

extension StreamStatement {
  /// The statement with the hidden columns in reach of the query that makes a stream.
  func showingHiddenColumns(
    _ planner: StatementPlanner, _ session: MetricsRelation.Session
  ) throws(SQLError) -> StreamStatement {
    guard case .createStream(var create) = self, let query = create.query,
      let shown = try planner.showingHiddenColumns(try StatementText.single(query), session)
    else { return self }
    create.queryAtRest = shown.text
    return .createStream(create)
  }
}
