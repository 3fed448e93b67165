internal import Synchronization

internal import ADBC
internal import Columnar
internal import Engine
internal import SQL
internal import Telemetry

/// Statements for the database behind.
extension Session {
  /// Where such a statement runs.
  struct BackendRoute {
    /// Nil: a connection from the pool.
    var lane: BackendLane?
    var transaction: Transaction?
  }

  /// Starts a statement for the database behind; one that changes something has done so when this returns.
  func startOnBackend(
    _ plan: StatementPlan, _ details: BackendPlan, parameters: Batch?, _ context: StatementContext
  ) async throws(DatabaseError) -> (ResultPump, CacheOutcome?) {
    let backend = details.backend
    do {
      let route = try await backendRoute(plan, backend, context)
      route.transaction?.beginStatement()
      defer { route.transaction?.endStatement() }
      if writesBehind(plan, details, backend, route) {
        return (try await changeBehind(plan, details, parameters, backend), nil)
      }
      if plan.isUpdate { try await drain(backend, route) }
      let freshness =
        plan.isUpdate ? .current : try await freshness(of: details, backend, route)
      let sql = try await backend.text(plan.sql, hasParameters: parameters != nil)
      guard plan.isUpdate else {
        return try await read(sql, details, parameters, backend, route.lane, freshness)
      }
      let pump = try await change(plan, sql, details, parameters, backend, route)
      return (pump, nil)
    } catch {
      throw DatabaseError(any: error)
    }
  }

  // MARK: - Reading

  private func read(
    _ sql: String, _ details: BackendPlan, _ parameters: Batch?, _ backend: Backend,
    _ lane: BackendLane?, _ freshness: Backend.Freshness
  ) async throws -> (ResultPump, CacheOutcome?) {
    if lane == nil, case .current = freshness,
      let answer = await readCopies(sql, details, parameters, backend)
    {
      if backend.isDownNow(), case .table(_, let age) = answer.1 {
        return (answer.0, .stale(age, lag: nil))
      }
      return answer
    }
    if lane == nil, let cache = backend.cache, details.bypass == nil {
      return try await readCached(sql, details, parameters, backend, cache, freshness)
    }
    if case .unreachable(let error, _) = freshness { throw error }
    if let lane {
      let pump = try await started(sql) { try await lane.start(sql, parameters: parameters, $0) }
      let outcome = backend.cache.map { _ in
        CacheOutcome.bypass("the session has a connection of its own")
      }
      return (pump, freshness.outcome ?? outcome)
    }
    // What a function does that nobody knows, the cache must expect.
    let mayChange = details.traits.unknownFunction != nil && !details.hint.isForced
    if mayChange { backend.cache?.advance(.everything) }
    let pump = try await started(sql) {
      try await backend.engine.start(sql, parameters: parameters, mayRepeat: !mayChange, $0)
    }
    if mayChange, let cache = backend.cache { pump.onEnd { _ in cache.advance(.everything) } }
    return (pump, freshness.outcome ?? backend.cache.map { _ in .bypass(details.bypass ?? "") })
  }

  private func readCached(
    _ sql: String, _ details: BackendPlan, _ parameters: Batch?, _ backend: Backend,
    _ cache: ResultCache, _ freshness: Backend.Freshness
  ) async throws -> (ResultPump, CacheOutcome?) {
    let use = ResultCache.Use(
      ResultCache.Key(
        engine: backend.name, sql: details.canonical, parameters: parameters?.cacheKey ?? []),
      names: details.traits.names,
      maxAge: details.hint.maxAgeMicroseconds.map { .microseconds($0) },
      staleFor: details.hint.staleMicroseconds.map { .microseconds($0) })
    if case .unreachable(let error, let lag) = freshness {
      guard let result = cache.stale(use) else { throw error }
      return (answer(sql, result, backend), .stale(result.age, lag: lag))
    }
    // Its own, and the one that knows what was there before.
    var (flight, elder): (CacheFlight?, CacheFlight?)
    switch cache.find(use) {
    case .hit(let result):
      return (answer(sql, result, backend), freshness.hit(result.age, isDown: backend.isDownNow()))
    case .stale(let result, let flight):
      if let flight { renew(sql, parameters, backend, flight) }
      return (answer(sql, result, backend), .stale(result.age, lag: nil))
    case .follow(let other):
      if let result = await other.result() {
        return (answer(sql, result, backend), freshness.hit(result.age, isDown: false))
      }
      // There was nothing to share.
      elder = other
    case .lead(let made): (flight, elder) = (made, made)
    }
    do {
      let pump = try await started(sql) {
        try await backend.engine.start(sql, parameters: parameters, for: flight, $0)
      }
      return (pump, freshness.outcome ?? .miss)
    } catch {
      flight?.abandon()
      guard OutboxFailure(error).isOutage, let result = cache.stale(use, of: elder) else {
        throw error
      }
      return (answer(sql, result, backend), .stale(result.age, lag: freshness.lag))
    }
  }

  /// Computes a result anew that was served although it is stale. Nobody waits for it.
  private func renew(
    _ sql: String, _ parameters: Batch?, _ backend: Backend, _ flight: CacheFlight
  ) {
    Task {
      do throws(EngineError) {
        let pump = try await backend.engine.start(
          sql, parameters: parameters, for: flight, BackendCall())
        _ = await flight.result(isShared: false)
        pump.close()
      } catch {
        flight.abandon()
      }
    }
  }

  /// Starts a statement in such a way that it can be stopped, and is counted.
  func started(
    _ sql: String, _ start: (BackendCall) async throws -> ResultPump
  ) async throws -> ResultPump {
    let call = BackendCall()
    let pump = try await stoppable(onStop: { call.stop($0) }) { _ in try await start(call) }
    database.log.started(sql, pump, session: id)
    return pump
  }

  private func answer(
    _ sql: String, _ result: ResultCache.Result, _ backend: Backend
  ) -> ResultPump {
    let pump = backend.engine.ready(result.schema, result.batches)
    database.log.started(sql, pump, session: id)
    return pump
  }

  // MARK: - Changing

  private func change(
    _ plan: StatementPlan, _ sql: String, _ details: BackendPlan, _ parameters: Batch?,
    _ backend: Backend, _ route: BackendRoute
  ) async throws -> ResultPump {
    var reach = CacheVersions.Reach.everything
    if case .write = plan.effect { reach = await backend.reach(ofTable: details.target) }
    defer { if plan.isDefinition { backend.catalogChanged() } }
    return try await changing(reach, backend, route.transaction) {
      if plan.isDefinition { backend.forgetReaches() }
      if plan.returnsRows {
        let pump = try await started(sql) { call in
          if let lane = route.lane {
            return try await lane.start(sql, parameters: parameters, call)
          }
          return try await backend.engine.start(
            sql, parameters: parameters, mayRepeat: false, call)
        }
        await stoppable(onStop: { pump.stop($0) }) { _ in await pump.spool() }
        if let failure = pump.failure {
          pump.close()
          throw failure
        }
        return pump
      }
      let call = BackendCall()
      let count = try await database.log.counting(sql, session: id) {
        try await stoppable(onStop: { call.stop($0) }) { _ in
          if let lane = route.lane {
            return try await lane.update(sql, parameters: parameters, call) ?? -1
          }
          return try await backend.engine.update(sql, parameters: parameters, call) ?? -1
        }
      }
      return backend.engine.ready(
        Schema([]), [], changedRowCount: count < 0 ? nil : count)
    }
  }

  /// Runs a change so that no result is served, or kept, that was computed before it: see ``CacheVersions``.
  private func changing<Value>(
    _ reach: CacheVersions.Reach, _ backend: Backend, _ transaction: Transaction?,
    _ body: () async throws -> Value
  ) async throws -> Value {
    guard let cache = backend.cache else { return try await body() }
    if let transaction {
      // Nobody else sees it before the end of the transaction, where the versions advance.
      transaction.noteReach(reach)
      return try await body()
    }
    cache.advance(reach)
    defer { cache.advance(reach) }
    return try await body()
  }

  /// Loads rows into a table of the database behind: all of them or none.
  func ingestOnBackend(
    _ request: IngestRequest, schema: Schema, from queue: IngestQueue, _ backend: Backend,
    _ context: StatementContext
  ) async throws -> Int {
    var plan = StatementPlan(sql: "", effect: .write)
    plan.needsOwnConnection = request.isTemporary
    let makes = request.ifMissing == .create
    let route = try await backendRoute(plan, backend, context)
    var rows = IngestRows(queue)
    if try writesBehind(request, backend, route) {
      let sent = try await ingestBehind(request, schema: schema, &rows, backend)
      if let sent { return sent }
    }
    try await drain(backend, route)
    let reach = makes ? .everything : await backend.reach(ofTable: request.table)
    let target = IngestTarget(
      table: request.table, schema: request.schema, catalog: request.catalog, mode: request.mode,
      isTemporary: request.isTemporary)
    let key = try AppliedLoads.Key(request)
    if key != nil, route.lane != nil { throw DatabaseError.keyedInTransaction }
    let applied = key == nil ? nil : try await backend.appliedLoads(now: database.nowMicroseconds)
    let now = database.nowMicroseconds
    let next = rows.next
    let body: @Sendable (ADBCConnection) throws(ADBCError) -> Int? = {
      (connection) throws(ADBCError) in
      guard let key, let applied else {
        return try connection.inTransaction { () throws(ADBCError) in
          try connection.ingest(into: target, schema: schema) { try next() }
        }
      }
      return try applied.once(key, at: now, connection) { () throws(ADBCError) in
        try connection.ingestInTransaction(target, schema, applied.dialect, next: next)
          ?? queue.rowCount
      }
    }
    let call = BackendCall()
    return try await changing(reach, backend, route.transaction) {
      if makes { backend.forgetReaches() }
      return try await database.log.counting("ingest into \(request.relation)", session: id) {
        try await stoppable(onStop: { reason in
          queue.fail("the load was stopped")
          call.stop(reason)
        }) { _ in
          if let lane = route.lane { return try await lane.run(call, body) ?? queue.rowCount }
          return try await backend.engine.load(call, body) ?? queue.rowCount
        }
      }
    }
  }

  // MARK: - Where it runs

  private func backendRoute(
    _ plan: StatementPlan, _ backend: Backend, _ context: StatementContext
  ) async throws(DatabaseError) -> BackendRoute {
    let isolation = state.withLock { $0.isolation }
    if let transaction = try transaction(context.transaction) {
      if plan.isUpdate || isolation == .snapshot || transaction.lane(on: backend) != nil {
        if transaction.lane(on: backend) == nil { try await drain(backend) }
        let fresh = home(on: backend)
        let lane = try transaction.lane(for: backend) { fresh ?? backend.engine.makeLane() }
        do { try await lane.begin() } catch { throw DatabaseError(error) }
        return BackendRoute(lane: lane, transaction: transaction)
      }
      return BackendRoute(lane: home(on: backend), transaction: transaction)
    }
    guard plan.needsOwnConnection else { return BackendRoute(lane: home(on: backend)) }
    let lane = state.withLock { state in
      let home = state.backendHomes[backend.name] ?? backend.engine.makeLane(isHome: true)
      state.backendHomes[backend.name] = home
      return home
    }
    return BackendRoute(lane: lane)
  }

  /// The session's own connection to a database behind, if it has one.
  func home(on backend: Backend) -> BackendLane? {
    state.withLock { $0.backendHomes[backend.name] }
  }

  /// Ends a transaction on a database behind.
  func finishOnBackend(
    _ transaction: Transaction, _ work: Transaction.BackendWork, commits: Bool
  ) async throws(DatabaseError) {
    let (lane, reach) = (work.lane, transaction.reach)
    let cache = work.backend.cache
    if commits { cache?.advance(reach) }
    defer { cache?.advance(reach) }
    do throws(EngineError) {
      try await lane.end(commits: commits)
    } catch {
      guard commits else { return }
      transaction.end("it could not be committed")
      throw DatabaseError(error)
    }
  }
}

extension ResultCache.Result {
  var age: Duration { .now - madeAt }
}

extension Backend {
  /// A statement as the database behind reads it: PostgreSQL knows parameters by number only.
  func text(_ sql: String, hasParameters: Bool) async throws(EngineError) -> String {
    guard hasParameters, sql.utf8.contains(UInt8(ascii: "?")),
      try await engine.known().dialect == .postgresql, let text = try? SQLText(sql)
    else { return sql }
    var (result, end, number) = ("", 0, 0)
    for token in text.tokens where token.kind == .parameter && text.text(of: token) == "?" {
      number += 1
      result += text.text(in: end..<token.range.lowerBound) + "$\(number)"
      end = token.range.upperBound
    }
    return result + text.text(in: end..<text.bytes.count)
  }
}

extension DatabaseError {
  fileprivate static let keyedInTransaction = DatabaseError(
    .failedPrecondition,
    "a load with a producer and a sequence is a transaction of its own: send it outside of one")
}

extension IngestRequest {
  fileprivate var mode: IngestTarget.Mode {
    switch (ifMissing, ifExists) {
    case (.create, .append): .createOrAppend
    case (.create, .fail): .create
    case (_, .replace): .replace
    case (.fail, _): .append
    }
  }
}

extension Batch {
  /// Bytes that are equal for equal rows of equal types.
  var cacheKey: [UInt8] {
    var encoder = IPCEncoder(schema: schema)
    var bytes = encoder.schemaMessage.header
    for message in (try? encoder.encode(self)) ?? [] {
      bytes += message.header
      for buffer in message.body {
        buffer.values(as: UInt8.self).withUnsafeBufferPointer { bytes += $0 }
      }
    }
    return bytes
  }
}
