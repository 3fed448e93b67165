internal import SQL

/// What is known of a statement for a database behind.
struct BackendPlan: Sendable {
  /// Where it runs.
  var backend: Backend
  var traits: StatementTraits
  var hint: CacheHint
  /// The form in which equal statements are equal.
  var canonical: String
  /// The table whose rows it changes, if it changes those of one table only.
  var target: String?
  /// Whether it is an INSERT, UPDATE, DELETE or MERGE: it changes rows, and what it answers is a count.
  var isRowChange = false

  /// Why its result is neither looked up nor kept; nil if it is.
  var bypass: String? {
    if hint.isOff { return "it says no_cache" }
    if traits.changesSomething { return "it changes something" }
    return hint.isForced ? nil : traits.variance
  }
}

extension StatementPlanner {
  /// A statement for the database behind: in its own dialect, and as it was written.
  ///
  /// - Returns: Nil if the statement is for us, because it names a stream or our own catalog.
  func backendPlan(
    _ statement: StatementText, _ engine: Backend?, _ session: MetricsRelation.Session
  ) throws(SQLError) -> StatementPlan? {
    guard let engine else { return nil }
    let head = statement.head
    if isForSession(head) { return nil }
    var relations = statement.relationReferences.map(\.name)
    if let target = head.target { relations.append(target) }
    if relations.contains(where: { isOurs($0, session) }) { return nil }
    return try plan(statement, for: engine)
  }

  /// A statement that changes something of an engine that it names.
  func plan(
    _ change: EngineChange, _ statement: StatementText, _ session: MetricsRelation.Session
  ) throws(SQLError) -> StatementPlan {
    switch change {
    case .passed(let engine, let passed): return try plan(passed, for: engine)
    case .load(let load):
      try refuseLiveTables(statement)
      try policy.check(statement, head: statement.head)
      return StatementPlan(sql: statement.text, effect: .loadEngine(load))
    }
  }

  private func plan(
    _ statement: StatementText, for backend: Backend
  ) throws(SQLError) -> StatementPlan {
    let head = statement.head
    let traits = statement.traits
    var plan = StatementPlan(sql: statement.text, effect: effect(of: head, traits))
    plan.returnsRows = head.returnsRows
    plan.needsOwnConnection = needsOwnConnection(head)
    var details = BackendPlan(
      backend: backend, traits: traits, hint: try statement.cacheHint,
      canonical: statement.canonical,
      target: head.isDML && !head.hasLeadingWith ? head.target?.name : nil)
    details.isRowChange = head.isDML && !head.returnsRows
    plan.backend = details
    return plan
  }

  /// Whether it changes a setting that no database behind has.
  private func isForSession(_ head: StatementHead) -> Bool {
    switch head.kind {
    case .set(let setting), .reset(let setting):
      Session.settingsBeforeBackend.contains(setting.name.lowercased())
    default: false
    }
  }

  /// Whether a relation is one of DuckDB here: a stream, a table of our own catalog, or one of an engine by its full name.
  func isOurs(_ name: QualifiedName, _ session: MetricsRelation.Session) -> Bool {
    if stream(name, session) != nil || foreignName(name) != nil { return true }
    let first = name.parts.count > 1 ? name.parts.first?.lowercased() : nil
    return first == metrics.catalog.lowercased()
  }

  private func effect(
    of head: StatementHead, _ traits: StatementTraits
  ) -> StatementPlan.Effect {
    switch head.kind {
    case .transaction(.begin): .begin
    case .transaction(.commit): .commit
    case .transaction(.rollback): .rollback
    case .query: traits.changesSomething ? .write : .read
    case .explain(let analyzes, let inner): !analyzes || inner.isReadOnly ? .read : .write
    case .insert, .update, .delete, .merge: .write
    case .other(let verb) where ["show", "explain", "describe"].contains(verb.lowercased()): .read
    default: .define
    }
  }

  /// Whether it makes, changes or uses something that only its connection knows.
  private func needsOwnConnection(_ head: StatementHead) -> Bool {
    switch head.kind {
    case .create(let create): create.isTemporary
    case .set, .reset, .use, .prepare, .execute, .deallocate: true
    case .pragma: !head.isReadOnly
    default: false
    }
  }
}
