internal import Synchronization

public import Columnar
internal import DuckDB
public import Engine
internal import SQL

/// Who sends a statement, and as part of what.
public struct StatementContext: Sendable {
  /// The transaction that the client names; `nil` for none, or for that of SQL's BEGIN.
  public var transaction: Handle?
  /// The client's connection.
  public var connectionID: UInt64

  public init(transaction: Handle? = nil, connectionID: UInt64) {
    self.transaction = transaction
    self.connectionID = connectionID
  }
}

extension Session {
  // MARK: Queries

  /// Starts a statement whose rows are fetched under the handle of what this returns.
  ///
  /// A statement that only reads goes on running while its rows are fetched. One that changes
  /// something has done so when this returns; its rows, if any, are kept.
  ///
  /// - Parameter parameters: One run for each row; `nil` if the statement has no parameters.
  public func query(
    _ sql: String, parameters: Batch? = nil, _ context: StatementContext
  ) async throws(DatabaseError) -> OpenQuery {
    try await query(sql, standardEngine == nil ? PointQuery(sql) : nil, parameters, context)
  }

  /// - Parameter point: The statement as a query for one key, if it is one.
  private func query(
    _ sql: String, _ point: PointQuery?, _ parameters: Batch?, _ context: StatementContext
  ) async throws(DatabaseError) -> OpenQuery {
    if let point, standardEngine == nil,
      let query = try await lookUp(point, sql, parameters, context)
    {
      return query
    }
    let (last, isUpdate) = try await runAllButLast(sql, context)
    if case .stream(let statement) = last.effect,
      let live = try await openLive(statement, sql: last.sql, context)
    {
      let query = OpenQuery(live, sql: sql, pump: engine.emptyResult())
      try keep(query)
      return query
    }
    let (pump, outcome) = try await start(
      last, parameters: parameters, context, mayAnswerEarly: true)
    let query = OpenQuery(
      sql: sql, pump: pump, isUpdate: isUpdate || last.isUpdate,
      transaction: context.transaction, parameters: parameters, cache: outcome)
    try keep(query)
    if let point, last.backend == nil, case .read = last.effect { remember(point) }
    return query
  }

  func keep(_ query: OpenQuery) throws(DatabaseError) {
    let isGone = Task.isCancelled
    let (isClosed, evicted) = state.withLock { state -> (Bool, OpenQuery?) in
      if state.isClosed || isGone { return (true, query) }
      // Nobody need fetch the count of rows that a statement has changed, and many do not.
      if query.pump.changedRowCount != nil { return (false, state.fetched.add(query)) }
      state.results[query.handle] = query
      return (false, nil)
    }
    evicted?.close()
    if isClosed { throw DatabaseError(.cancelled, "the session or the call was closed meanwhile") }
  }

  /// The same for a prepared statement, with the parameters that were bound to it.
  public func query(
    _ prepared: PreparedQuery, connectionID: UInt64
  ) async throws(DatabaseError) -> OpenQuery {
    let context = StatementContext(
      transaction: transaction(of: prepared, connectionID: connectionID),
      connectionID: connectionID)
    let parameters = prepared.parameters
    return try await query(
      prepared.text(for: parameters), prepared.point, parameters, context)
  }

  /// The result that a client has under a handle.
  public func openQuery(_ handle: Handle) throws(DatabaseError) -> OpenQuery {
    guard let query = state.withLock({ $0.results[handle] ?? $0.fetched[handle] }) else {
      throw .unknownResult
    }
    return query
  }

  /// All rows of a query of ours, as for metadata.
  public func internalQuery(
    _ sql: String, _ context: StatementContext
  ) async throws(DatabaseError) -> [Batch] {
    let settings = state.withLock { $0.settings }
    do {
      let pump = try await engine.start(
        sql, settings, parameters: nil, on: try laneForReading(context))
      defer { pump.close() }
      var batches: [Batch] = []
      while let batch = try await pump.next() { batches.append(batch) }
      return batches
    } catch {
      throw DatabaseError(any: error)
    }
  }

  /// Runs a statement for what it changes.
  ///
  /// - Returns: How many rows it changed, or -1 if that is not known.
  public func update(
    _ sql: String, parameters: Batch? = nil, _ context: StatementContext
  ) async throws(DatabaseError) -> Int {
    let (last, _) = try await runAllButLast(sql, context)
    return try await update(last, parameters: parameters, context)
  }

  /// The same for a prepared statement: once for each row of parameters, all rows or none.
  public func update(
    _ prepared: PreparedQuery, parameters: Batch?, connectionID: UInt64
  ) async throws(DatabaseError) -> Int {
    let context = StatementContext(
      transaction: transaction(of: prepared, connectionID: connectionID),
      connectionID: connectionID)
    let parameters = parameters ?? prepared.parameters
    return try await update(prepared.text(for: parameters), parameters: parameters, context)
  }

  private func update(
    _ plan: StatementPlan, parameters: Batch?, _ context: StatementContext
  ) async throws(DatabaseError) -> Int {
    if let parameters, parameters.rowCount > 1, let insert = plan.singleRowInsert {
      return try await insertRows(of: parameters, insert, context)
    }
    let (pump, _) = try await start(plan, parameters: parameters, context)
    defer { pump.close() }
    if plan.isRead {
      // A query sent as an update: runs, and its rows are dropped.
      await pump.spool()
      if let failure = pump.failure { throw DatabaseError(failure) }
      return -1
    }
    return pump.changedRowCount ?? -1
  }

  /// A text may hold several statements: all but the last run at once, for what they change.
  private func runAllButLast(
    _ sql: String, _ context: StatementContext
  ) async throws(DatabaseError) -> (last: StatementPlan, isUpdate: Bool) {
    touch()
    var plans = try await plans(of: sql)
    guard let last = plans.popLast() else {
      throw DatabaseError(.invalidArgument, "there is no statement in the text")
    }
    for plan in plans {
      _ = try await update(plan, parameters: nil, context)
    }
    return (last, plans.contains(where: \.isUpdate))
  }

  func plans(of sql: String) async throws(DatabaseError) -> [StatementPlan] {
    var (place, hasHome) = state.withLock { ($0.place ?? database.defaultPlace, $0.home != nil) }
    place.hasTemporaryRelations = hasHome
    place.engine = state.withLock { $0.engineName }
    try await describeForeignTables(sql, in: place)
    return try database.planner.read(sql, in: place)
  }

  /// What a client may fetch again: the statement runs anew if its rows were fetched before.
  public func result(_ handle: Handle) async throws(DatabaseError) -> (OpenQuery, ResultPump) {
    touch()
    let query = try openQuery(handle)
    if let pump = query.claim() { return (query, pump) }
    guard !query.isUpdate else {
      throw DatabaseError(
        .failedPrecondition,
        "the rows of a statement that changes something can be fetched once only")
    }
    let (last, _) = try await runAllButLast(
      query.sql, StatementContext(transaction: query.transaction, connectionID: 0))
    let context = StatementContext(transaction: query.transaction, connectionID: 0)
    let (pump, _) = try await start(last, parameters: query.parameters, context)
    query.replace(pump)
    state.withLock { state in
      if let query = state.fetched.remove(handle) { state.results[handle] = query }
    }
    return (query, pump)
  }

  /// The reader of a result is done with it, or has gone.
  ///
  /// - Parameter pump: What it read: the query may have a newer one, for another reader.
  public func readerLeft(_ query: OpenQuery, _ pump: ResultPump) {
    pump.close()
    query.readerLeft()
    if let live = query.live {
      // Where it was is the client's to know: it begins anew with a token.
      live.close()
      state.withLock { _ = $0.results.removeValue(forKey: query.handle) }
      return
    }
    guard query.pump === pump else { return }
    let evicted = state.withLock { state in
      state.results.removeValue(forKey: query.handle).flatMap { state.fetched.add($0) }
    }
    evicted?.close()
  }

  /// Lets go of a result before its lease ends.
  public func closeResult(_ handle: Handle) {
    let query = state.withLock { state in
      state.results.removeValue(forKey: handle) ?? state.fetched.remove(handle)
    }
    query?.close()
  }

  /// Stops the statement behind a result.
  ///
  /// - Returns: Whether it was still running or had rows to fetch.
  public func cancel(_ handle: Handle) throws(DatabaseError) -> Bool {
    let query = try openQuery(handle)
    let wasRunning = query.live != nil || !query.pump.isEnded
    query.pump.stop(.cancelled)
    query.live?.end(.failed(DatabaseError(.cancelled, "the query was cancelled")))
    return wasRunning
  }

  /// Begins the lease of a result anew.
  public func renew(_ handle: Handle) throws(DatabaseError) {
    let query = try openQuery(handle)
    query.touch()
  }

  // MARK: Running

  /// - Parameter mayAnswerEarly: Whether what a query of known columns has to say may come with its rows.
  private func start(
    _ plan: StatementPlan, parameters: Batch?, _ context: StatementContext,
    mayAnswerEarly: Bool = false
  ) async throws(DatabaseError) -> (ResultPump, CacheOutcome?) {
    if let details = plan.backend, !plan.isTransactionControl {
      return try await startOnBackend(plan, details, parameters: parameters, context)
    }
    return (
      try await startHere(
        plan, parameters: parameters, context, mayAnswerEarly: mayAnswerEarly), nil
    )
  }

  private func startHere(
    _ plan: StatementPlan, parameters: Batch?, _ context: StatementContext, mayAnswerEarly: Bool
  ) async throws(DatabaseError) -> ResultPump {
    switch plan.effect {
    case .begin, .commit, .rollback:
      try await runTransactionControl(
        plan.effect, in: context.transaction, connectionID: context.connectionID)
      return engine.emptyResult()
    case .setting(let name, let statement):
      try await apply(setting: name, statement: statement, context)
      return engine.emptyResult()
    case .stream(let statement): return try await runStream(statement, context)
    case .insertIntoStream(let insert):
      return try await insertRows(insert, parameters: parameters, context)
    case .scanStream(let stream, let limit): return try await scan(stream, limit: limit)
    case .loadEngine(let load):
      return try await self.load(load, parameters: parameters, context)
    case .read, .write, .define: break
    }
    for stream in plan.streamsBehindView where !stream.hasHiddenRelation {
      try await relations { (relations) throws(DatabaseError) in
        try relations.registerHidden(stream)
      }
    }
    if plan.isUpdate { await untilQueriesHaveBegun() }
    let route = try await route(plan, context)
    if !database.engines.isEmpty {
      let engines = try await enginesRead(by: plan, in: route.transaction)
      try route.transaction?.refuseReading(engines)
      try await awaitChanges(engines)
    }
    route.transaction?.beginStatement()
    defer { route.transaction?.endStatement() }
    if plan.isUpdate, let parameters, parameters.rowCount > 1, route.lane == nil {
      return try await startInOneTransaction(plan, parameters: parameters, route.settings)
    }
    do {
      if mayAnswerEarly, plan.isRead, parameters == nil, route.lane == nil,
        let pump = try await engine.startProven(plan.sql, route.settings)
      {
        plan.keepCopies(until: pump)
        database.log.started(plan.givenText ?? plan.sql, pump, session: id)
        return pump
      }
      let sql = parameters?.rowCount == 1 ? plan.sqlWithParameters ?? plan.sql : plan.sql
      let pump = try await engine.start(
        sql, route.settings, parameters: parameters, on: route.lane, mayRun: route.mayRun)
      plan.keepCopies(until: pump)
      database.log.started(plan.givenText ?? plan.sql, pump, session: id)
      if plan.isUpdate { try await finishUpdate(plan, pump, route.transaction) }
      return pump
    } catch {
      let failure = DatabaseError(any: error)
      if plan.isRead, let schema = openSchema(plan.sql, failure) {
        return try await ready(
          Batch(schema: schema, columns: schema.fields.map { .empty($0.type) }, rowCount: 0))
      }
      throw await self.failure(of: plan, failure, route.settings, route.lane)
    }
  }

  /// What is wrong with a statement as it was written, if DuckDB got another text.
  func failure(
    of plan: StatementPlan, _ failure: DatabaseError, _ settings: SessionSettings, _ lane: Lane?
  ) async -> DatabaseError {
    guard let written = plan.writtenText, failure.code == .invalidArgument else { return failure }
    do {
      _ = try await engine.describe(written, settings, on: lane)
      return failure
    } catch {
      return DatabaseError(any: error)
    }
  }

  /// Waits until a statement that changes something has done so.
  private func finishUpdate(
    _ plan: StatementPlan, _ pump: ResultPump, _ transaction: Transaction?
  ) async throws(DatabaseError) {
    await stoppable(onStop: { pump.stop($0) }) { _ in await pump.spool() }
    if plan.isDefinition {
      engine.instance.catalogDidChange()
      transaction?.noteDefinition()
    }
    if let failure = pump.failure {
      pump.close()
      throw DatabaseError(failure)
    }
  }

  /// Runs an update with all its rows of parameters, or with none of them.
  private func startInOneTransaction(
    _ plan: StatementPlan, parameters: Batch, _ settings: SessionSettings
  ) async throws(DatabaseError) -> ResultPump {
    let lane = engine.makeLane()
    do {
      try await lane.run(settings) { (connection) throws(DuckDBError) in
        try connection.execute("BEGIN TRANSACTION")
      }
      let pump = try await engine.start(plan.sql, settings, parameters: parameters, on: lane)
      do {
        try await finishUpdate(plan, pump, nil)
      } catch {
        try? await lane.run(settings) { (connection) throws(DuckDBError) in
          try connection.execute("ROLLBACK")
        }
        throw error
      }
      try await lane.run(settings) { (connection) throws(DuckDBError) in
        try connection.execute("COMMIT")
      }
      return pump
    } catch {
      throw DatabaseError(any: error)
    }
  }
}

extension DatabaseError {
  static var unknownResult: DatabaseError {
    DatabaseError(
      .notFound, "this session has no such result: it was closed, expired, or never made")
  }
}
