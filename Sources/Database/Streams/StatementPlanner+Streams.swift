internal import Columnar
internal import SQL
internal import Synchronization

/// Statements of plain SQL that are about streams.
extension StatementPlanner {
  /// The stream that a name means for a session; nil if it means something else.
  func stream(_ name: QualifiedName, _ session: MetricsRelation.Session) -> Stream? {
    guard name.parts.count <= 3 else { return nil }
    if let catalog = name.catalog, catalog.lowercased() != metrics.catalog.lowercased() {
      return nil
    }
    guard let first = name.schema else {
      guard session.catalog == metrics.catalog else { return nil }
      return streams.stream(StreamName(schema: session.schema, name: name.name))
        ?? streams.stream(StreamName(schema: "main", name: name.name))
    }
    if let stream = streams.stream(StreamName(schema: first, name: name.name)) { return stream }
    // `a.b` may be a catalog and a name.
    guard name.catalog == nil, first.lowercased() == metrics.catalog.lowercased() else {
      return nil
    }
    return streams.stream(StreamName(schema: session.schema, name: name.name))
  }

  func streamPlan(
    _ statement: StatementText, _ head: StatementHead, _ session: MetricsRelation.Session
  ) throws(SQLError) -> StatementPlan? {
    if case .insert(let insert) = head.kind, let stream = stream(insert.target, session) {
      return StatementPlan(
        sql: statement.text,
        effect: .insertIntoStream(try StreamInsert.read(stream, insert, statement, head)),
        returnsRows: head.returnsRows)
    }
    try refuseChange(head, session)
    try refuseSchemaDrop(head)
    if let scan = PlainScan(statement), let stream = stream(scan.relation, session),
      !stream.definition.current.columns.isEmpty
    {
      return StatementPlan(
        sql: statement.text, effect: .scanStream(stream, limit: scan.limit), returnsRows: true)
    }
    return nil
  }

  /// The windows of a stream are computed from it.
  private func refuseChangeOfView(
    _ head: StatementHead, _ session: MetricsRelation.Session
  ) throws(SQLError) {
    guard let target = head.target, target.parts.count <= 3 else { return }
    if case .create(let create) = head.kind, create.isTemporary { return }
    let view = target.name.lowercased()
    // The name of the stream stands before one of the underscores.
    let owner = view.indices.filter { view[$0] == "_" }.lazy.compactMap { place -> Stream? in
      let owner = self.stream(
        QualifiedName(parts: target.parts.dropLast() + [String(view[..<place])]), session)
      let isView = owner.map {
        RunningViews.names($0.definition).contains { $0.lowercased() == view }
      }
      return isView == true ? owner : nil
    }.first
    guard let owner else { return }
    throw SQLError(
      "\(target.name) is computed from \(owner.definition.qualifiedName) and cannot be changed itself"
    )
  }

  /// A schema that holds streams stays: its relations would be gone, and the streams not.
  private func refuseSchemaDrop(_ head: StatementHead) throws(SQLError) {
    guard case .drop(let drop) = head.kind, drop.object == .schema, let name = drop.name,
      [nil, metrics.catalog.lowercased()].contains(name.schema?.lowercased()),
      let stream = streams.all.first(where: {
        $0.definition.schemaName.lowercased() == name.name.lowercased()
      })
    else { return }
    throw SQLError(
      "the schema \(name) holds the stream \(stream.definition.qualifiedName): DROP STREAM first")
  }

  /// Rows of a stream are never changed, and its relation is not a view to whoever made it.
  private func refuseChange(
    _ head: StatementHead, _ session: MetricsRelation.Session
  ) throws(SQLError) {
    let (name, what): (QualifiedName?, String) =
      switch head.kind {
      case .update(let update): (update.target, "its rows cannot be updated")
      case .delete(let delete):
        (delete.target, "its rows cannot be deleted; retention removes old ones")
      case .merge(let target, _): (target, "rows can only be inserted into it")
      case .create(let create) where create.object == .view || create.object == .table:
        (create.isIfNotExists ? nil : create.name, "choose another name, or DROP STREAM first")
      case .drop(let drop) where drop.object == .view || drop.object == .table:
        (drop.name, "DROP STREAM removes it")
      case .alter(let object, let name) where object == .view || object == .table:
        (name, "ALTER STREAM changes it")
      default: (nil, "")
      }
    if let name, let stream = stream(name, session) {
      if let create = head.created, create.isTemporary { return }
      throw SQLError("\(stream.definition.qualifiedName) is a stream: \(what)")
    }
    try refuseChangeOfView(head, session)
  }
}

extension Session {
  /// What a statement returns that asks a stream for columns which no row has brought yet: one column
  /// of JSON, `row`, and no rows. Nil if that is not what is wrong with it.
  func openSchema(_ sql: String, _ error: DatabaseError) -> Schema? {
    guard error.code == .invalidArgument, error.message.contains("Referenced column"),
      !database.streams.isEmpty, let statement = try? StatementText.single(sql)
    else { return nil }
    let place = state.withLock { $0.place } ?? database.defaultPlace
    let isOpen = statement.relationNames.contains { name in
      database.planner.stream(name, place)?.definition.options.isSchemaless == true
    }
    return isOpen ? Schema([Field("row", .utf8)]) : nil
  }
}

extension StatementHead {
  fileprivate var created: CreateHead? {
    if case .create(let create) = kind { return create }
    return nil
  }
}
