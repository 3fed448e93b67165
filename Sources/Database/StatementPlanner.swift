internal import Engine
internal import SQL

/// Reads a text into plans: what each statement does, whether it is allowed, and what DuckDB gets.
struct StatementPlanner: Sendable {
  /// Says which statements may touch the machine.
  let policy: MachineAccessPolicy
  let metrics: MetricsRelation
  let streams: StreamCatalog
  let engines: Engines

  /// Reads the statements of a text, in order.
  func read(
    _ sql: String, in session: MetricsRelation.Session
  ) throws(DatabaseError) -> [StatementPlan] {
    do throws(SQLError) {
      return try StatementText.split(sql).map { (statement) throws(SQLError) in
        try plan(statement, in: session)
      }
    } catch {
      throw DatabaseError(error)
    }
  }

  private func plan(
    _ given: StatementText, in session: MetricsRelation.Session
  ) throws(SQLError) -> StatementPlan {
    var statement = given
    if let stream = try StreamingParser.parse(statement) {
      try refuseLiveTables(statement)
      for query in stream.queries {
        let query = try StatementText.single(query)
        try policy.check(query, head: query.head)
      }
      let shown = try stream.showingForeignTables(self).showingHiddenColumns(self, session)
      var plan = StatementPlan(sql: statement.text, effect: .stream(shown))
      if case .fetch = stream { plan.returnsRows = true }
      return plan
    }
    if let change = try engineChange(statement, session) {
      return try plan(change, statement, session)
    }
    if let plan = try backendPlan(statement, standardEngine(session), session) { return plan }
    try refuseLiveTables(statement)
    try policy.check(statement, head: statement.head)
    let foreign = try showingForeignTables(statement)
    if let foreign { statement = foreign.statement }
    let behindView = streamsBehindView(statement, session)
    let shown = try showingHiddenColumns(statement, session)
    if let shown { statement = shown }
    let head = statement.head
    try refuseHidden(head, statement)
    if !streams.isEmpty, let plan = try streamPlan(statement, head, session) { return plan }
    var plan = StatementPlan(sql: statement.text, effect: effect(of: head, statement))
    plan.needsOwnConnection = needsOwnConnection(head)
    plan.returnsRows = head.returnsRows
    plan.streamsBehindView = behindView
    let isWhole = foreign?.isWrittenWhole ?? (shown != nil)
    if isWhole, !namesHiddenColumns(given) { plan.writtenText = given.text }
    plan.foreignEngines = foreign?.engines ?? []
    plan.copies = foreign?.copies ?? []
    if statement.text != given.text { plan.givenText = given.text }
    if shown == nil { plan.sqlWithParameters = foreign?.withParameters }
    plan.singleRowInsert = SingleRowInsert(statement, head)
    return plan
  }

  /// What the server keeps for itself is not changed by others.
  private func refuseHidden(_ head: StatementHead, _ statement: StatementText) throws(SQLError) {
    guard let target = head.target else { return }
    let isSchema: Bool =
      switch head.kind {
      case .create(let create): create.object == .schema
      case .drop(let drop): drop.object == .schema
      default: false
      }
    let schema = isSchema ? target.name : target.schema
    guard schema?.lowercased().hasPrefix(MetricsRelation.hiddenSchema) == true else { return }
    throw SQLError(
      "the schema \(MetricsRelation.hiddenSchema) belongs to the server and cannot be changed",
      kind: .refused,
      at: statement.source.position(ofByte: Int(statement.source.tokens[head.verbToken].start)))
  }

  /// Tables on their way in belong to the session that loads them, and their numbers can be guessed.
  func refuseLiveTables(_ statement: StatementText) throws(SQLError) {
    for token in statement.tokens where token.kind == .word || token.kind == .quotedName {
      guard let name = statement.source.name(of: token), name.utf8.first == UInt8(ascii: "_"),
        [DuckDBInstance.liveFunction, CachedTables.catalog].contains(name.lowercased())
      else { continue }
      throw SQLError(
        "the name \(name.lowercased()) belongs to the server", kind: .refused,
        at: statement.source.position(ofByte: Int(token.start)))
    }
  }

  private func effect(of head: StatementHead, _ statement: StatementText) -> StatementPlan.Effect {
    switch head.kind {
    case .transaction(.begin): .begin
    case .transaction(.commit): .commit
    case .transaction(.rollback): .rollback
    case .set(let setting) where setting.scope != .variable:
      .setting(name: setting.name.lowercased(), statement: statement.text)
    case .reset(let setting) where setting.scope != .variable:
      .setting(name: setting.name.lowercased(), statement: nil)
    case .use: .setting(name: "schema", statement: statement.text)
    case .insert, .update, .delete, .merge, .execute, .call, .checkpoint, .vacuum, .analyze,
      .prepare, .deallocate, .set, .reset, .other:
      .write
    case .query(.pivot), .query(.unpivot): .read
    default: head.isReadOnly ? .read : .define
    }
  }

  /// Whether a statement makes or uses something that only its connection knows.
  private func needsOwnConnection(_ head: StatementHead) -> Bool {
    switch head.kind {
    case .create(let create): create.isTemporary
    case .prepare, .execute, .deallocate, .pragma: !head.isReadOnly
    case .set(let setting), .reset(let setting): setting.scope == .variable
    // Without an IN list it makes a type of its own first.
    case .query(.pivot): true
    default: false
    }
  }
}

extension DatabaseError {
  init(_ error: SQLError) {
    self.init(
      error.kind == .refused ? .permissionDenied : .invalidArgument, "\(error)", cause: error)
    position = error.position?.byteOffset
  }
}

extension SingleRowInsert {
  /// - Returns: `nil` unless it is `INSERT INTO t [(columns)] VALUES (…)` with one row of
  ///   expressions over plain or numbered parameters, and nothing that looks at other rows.
  init?(_ statement: StatementText, _ head: StatementHead) {
    guard case .insert(let insert) = head.kind, insert.source == .values, !head.hasLeadingWith,
      insert.conflict == nil, insert.onConflictTokens == nil, insert.returningTokens == nil
    else { return nil }
    let source = statement.source
    let tokens = insert.sourceTokens
    guard tokens.count > 3, source.tokens[tokens.lowerBound + 1].isMark("("),
      source.tokens[tokens.upperBound - 1].isMark(")"),
      let values = source.byteRange(ofTokens: (tokens.lowerBound + 2)..<(tokens.upperBound - 1))
    else { return nil }
    let headRange = statement.byteRange.lowerBound..<Int(source.tokens[tokens.lowerBound].start)
    self.init(head: source.text(in: headRange), pieces: [], parameters: [])
    var (depth, start) = (1, values.lowerBound)
    for token in source.tokens[(tokens.lowerBound + 2)..<(tokens.upperBound - 1)] {
      if token.isMark("(") { depth += 1 }
      if token.isMark(")") { depth -= 1 }
      guard depth > 0 else { return nil }  // a second row
      guard token.kind == .parameter else { continue }
      guard let index = Self.index(of: source.text(of: token), after: parameters.count) else {
        return nil
      }
      pieces.append(source.text(in: start..<token.range.lowerBound))
      parameters.append(index)
      start = token.range.upperBound
    }
    guard !parameters.isEmpty else { return nil }
    pieces.append(source.text(in: start..<values.upperBound))
  }

  /// The 0-based parameter that `?`, `?3` or `$3` means; `nil` for a named one.
  private static func index(of parameter: String, after count: Int) -> Int? {
    if parameter == "?" { return count }
    guard let number = Int(parameter.dropFirst()), number > 0 else { return nil }
    return number - 1
  }
}
