internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// Endless queries of a session.
extension Session {
  /// Begins an endless query: where it starts is fixed now.
  func openLive(
    _ statement: StreamStatement, sql: String, _ context: StatementContext
  ) async throws(DatabaseError) -> LiveQuery? {
    switch statement {
    case .emitChanges(let emit):
      let plan = try await plan(emit)
      return start(plan, sql, from: try await offset(emit.start, plan.stream))
    case .subscribe(let subscribe):
      if let name = subscribe.name, name.parts.count == 1,
        let subscription = database.subscriptions.find(name.name)
      {
        if let since = subscribe.since {
          try subscription.rewind(
            to: try ResumeToken.parse(since, for: subscription.stream))
        }
        let plan = try await plan(EmitChanges(query: subscription.query))
        return start(plan, sql, from: subscription.position, delivery: subscription)
      }
      let plan = try await plan(subscribe)
      let start = try subscribe.since.map { text throws(DatabaseError) in
        try ResumeToken.parse(text, for: plan.stream)
      }
      return self.start(plan, sql, from: start ?? plan.stream.topic.state.head)
    default: return nil
    }
  }

  func start(
    _ plan: EmitPlan, _ sql: String, from start: Offset, delivery: Delivery? = nil,
    isOfCursor: Bool = false
  ) -> LiveQuery {
    let query = LiveQuery(
      id: database.liveQueries.nextID(), sql: sql, plan: plan, from: start, delivery: delivery,
      isOfCursor: isOfCursor, engine: engine, registry: database.liveQueries,
      startMicroseconds: database.nowMicroseconds)
    database.liveQueries.add(query)
    return query
  }

  func plan(_ subscribe: Subscribe) async throws(DatabaseError) -> EmitPlan {
    if let query = subscribe.query { return try await plan(EmitChanges(query: query)) }
    guard let name = subscribe.name else {
      throw DatabaseError(.invalidArgument, "SUBSCRIBE needs a stream, a subscription or a query")
    }
    if name.parts.count == 1, let subscription = database.subscriptions.find(name.name) {
      return try await plan(EmitChanges(query: subscription.query))
    }
    let place = state.withLock { $0.place } ?? database.defaultPlace
    guard database.planner.stream(name, place) != nil else {
      throw DatabaseError(.notFound, "there is no stream or subscription \(name)")
    }
    return try await plan(EmitChanges(query: "SELECT * FROM \(name)"))
  }

  /// Says what an endless query computes. Runs nothing.
  func plan(_ emit: EmitChanges) async throws(DatabaseError) -> EmitPlan {
    let statement: StatementText
    do throws(SQLError) {
      statement = try StatementText.single(emit.query)
      try database.planner.policy.check(statement, head: statement.head)
    } catch {
      throw DatabaseError(error)
    }
    let place = state.withLock { $0.place } ?? database.defaultPlace
    let streams = statement.relationNames.compactMap { database.planner.stream($0, place) }
    guard let stream = streams.first else {
      let names = statement.relationNames.map(\.description).joined(separator: ", ")
      throw DatabaseError(
        .notFound,
        names.isEmpty
          ? "EMIT CHANGES needs a stream to read from"
          : "EMIT CHANGES reads streams, and there is no stream \(names)")
    }
    let query = Self.withPlainName(emit.query, statement, of: stream, database.planner, place)
    let version = stream.definition.current
    let instances = database.instances
    var plan = EmitPlan(
      stream: stream, version: version, query: query, schema: version.schema,
      isPlain: false, isOpen: false,
      usesHidden: statement.mentions([StreamTable.offsetColumn, StreamTable.ingestTimeColumn]),
      name: stream.definition.qualifiedName,
      instance: { () throws(DatabaseError) in
        do throws(DuckDBError) { return try instances.stages() } catch {
          throw DatabaseError(error)
        }
      })
    if let scan = PlainScan(statement), scan.limit == nil, !version.columns.isEmpty {
      plan.isPlain = true
      return plan
    }
    return try await withSchema(plan)
  }

  /// The query with the bare name of its stream: where it runs there are no schemas.
  private static func withPlainName(
    _ query: String, _ statement: StatementText, of stream: Stream, _ planner: StatementPlanner,
    _ place: MetricsRelation.Session
  ) -> String {
    var edit = StatementEdit(statement)
    var isEdited = false
    for reference in statement.relationReferences
    where reference.name.parts.count > 1 && planner.stream(reference.name, place) === stream {
      edit.replace(tokens: reference.tokens, with: quotedName(stream.definition.name))
      isEdited = true
    }
    return isEdited ? edit.text : query
  }

  /// Finds the columns of the result, by preparing the query once.
  private func withSchema(_ given: EmitPlan) async throws(DatabaseError) -> EmitPlan {
    let result = await engine.onWorker { () -> Result<EmitPlan, DatabaseError> in
      var plan = given
      do throws(DatabaseError) {
        guard !plan.version.columns.isEmpty else {
          throw DatabaseError(.invalidArgument, "the stream has no columns yet")
        }
        plan.schema = try plan.makeStage(plan.version).schema
        return .success(plan)
      } catch {
        // Columns may still come, if the stream takes what rows bring.
        guard plan.stream.definition.options.isSchemaless, error.code == .invalidArgument else {
          return .failure(error)
        }
        plan.isOpen = true
        plan.schema = Schema([Field("row", .utf8)])
        return .success(plan)
      }
    }
    return try result.get()
  }

  func offset(
    _ start: EmitStart, _ stream: Stream
  ) async throws(DatabaseError) -> Offset {
    let state = stream.topic.state
    switch start {
    case .beginning: return state.start
    case .now: return state.head
    case .offset(let offset): return Offset(max(offset, 0))
    case .token(let text): return try ResumeToken.parse(text, for: stream)
    case .timestamp(let expression):
      let rows = try await internalQuery(
        "SELECT epoch_us(CAST(\(expression) AS TIMESTAMPTZ))", StatementContext(connectionID: 0))
      guard let time = rows.first?.columns.first?.string(at: 0).flatMap({ Int64($0) }) else {
        throw DatabaseError(.invalidArgument, "\(expression) is no time")
      }
      return try stream.firstOffset(ingestedAtOrAfter: time)
    }
  }
}

extension Stream {
  /// The first row that the log took at a time or later, in microseconds since 1970.
  func firstOffset(ingestedAtOrAfter time: Int64) throws(DatabaseError) -> Offset {
    let state = topic.state
    do throws(LogError) {
      let filter = ScanFilter(ingestMicroseconds: time...Int64.max, preferredUnitRowCount: 1)
      for unit in try topic.units(in: state.start..<state.head, filter) {
        for case .batch(let batch) in try topic.read(unit) {
          if let offset = batch.firstOffset(ingestedAtOrAfter: time) { return offset }
        }
      }
      return state.head
    } catch {
      throw failure(error)
    }
  }
}
