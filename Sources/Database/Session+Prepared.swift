internal import Synchronization

public import Columnar
internal import DuckDB
internal import Engine

extension Session {
  /// Prepares a statement under a handle. Runs nothing.
  public func prepare(
    _ sql: String, _ context: StatementContext
  ) async throws(DatabaseError) -> PreparedQuery {
    let (description, isUpdate) = try await describe(sql, context)
    let prepared = PreparedQuery(
      sql: sql, resultSchema: description.resultSchema,
      parameterSchema: description.parameterSchema, isUpdate: isUpdate,
      transaction: context.transaction, isForBackend: description.isForBackend,
      metrics: database.log.metrics)
    let limit = database.options.maxPreparedStatements
    let isAdded = state.withLock { state in
      guard state.prepared.count < limit else { return false }
      state.prepared[prepared.handle] = prepared
      return true
    }
    guard isAdded else {
      throw DatabaseError(
        .resourceExhausted,
        "this session has \(limit) prepared statements, which is the limit "
          + "(max_prepared_statements): close some")
    }
    return prepared
  }

  public func prepared(_ handle: Handle) throws(DatabaseError) -> PreparedQuery {
    touch()
    guard let prepared = state.withLock({ $0.prepared[handle] }) else {
      throw DatabaseError(
        .notFound,
        "this session has no such prepared statement: it was closed, expired, or never made")
    }
    return prepared
  }

  /// Closes a prepared statement; closing it twice is no error.
  public func closePrepared(_ handle: Handle) {
    state.withLock { $0.prepared[handle] = nil }
  }

  /// The columns that a statement would return. Runs nothing.
  public func schema(
    of sql: String, _ context: StatementContext
  ) async throws(DatabaseError) -> Schema {
    try await describe(sql, context).description.resultSchema
  }

  struct StatementDescription {
    var resultSchema = Schema([])
    var parameterSchema = Schema([])
    /// Whether the statement is for the database behind.
    var isForBackend = false
  }

  func describe(
    _ sql: String, _ context: StatementContext
  ) async throws(DatabaseError) -> (description: StatementDescription, isUpdate: Bool) {
    touch()
    let plans = try await plans(of: sql)
    guard let last = plans.last else {
      throw DatabaseError(.invalidArgument, "there is no statement in the text")
    }
    // Of a text with several statements the last may need what the others make, so it is known
    // only when it runs; nor are statements described that only change the session.
    // Clients fetch no rows of what they are told is an update.
    let isUpdate = plans.contains(where: \.isUpdate) && !last.returnsRows
    switch last.effect {
    case .read, .write, .define:
      guard plans.count == 1 else { return (StatementDescription(), isUpdate) }
      if let details = last.backend {
        return (try await describeOnBackend(last, details, context), isUpdate)
      }
    case .begin, .commit, .rollback, .setting: return (StatementDescription(), isUpdate)
    case .stream(let statement):
      let schema = try await resultSchema(of: statement)
      return (StatementDescription(resultSchema: schema), isUpdate)
    case .scanStream(let stream, _):
      return (StatementDescription(resultSchema: stream.definition.schema), false)
    case .insertIntoStream(let insert):
      return (try await description(of: insert, context), true)
    case .loadEngine(let load):
      var description = try await describe(load.source, context).description
      description.resultSchema = Schema()
      return (description, true)
    }
    let settings = state.withLock { $0.settings }
    do {
      let lane = try laneForReading(context)
      let described = try await engine.describe(
        last.sql, settings, on: lane == nil && last.needsOwnConnection ? home() : lane)
      return (StatementDescription(described), isUpdate)
    } catch {
      let failure = DatabaseError(any: error)
      if last.isRead, let schema = openSchema(last.sql, failure) {
        return (StatementDescription(resultSchema: schema), isUpdate)
      }
      throw await self.failure(of: last, failure, settings, try? laneForReading(context))
    }
  }
}

extension Session.StatementDescription {
  init(_ described: DuckDBEngine.Description) {
    resultSchema = described.resultSchema
    parameterSchema = Schema(
      described.parameters.map { Field($0.name, $0.type ?? .null) })
  }
}
