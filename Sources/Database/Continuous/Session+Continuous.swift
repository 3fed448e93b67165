internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// The statements that make and end continuous queries.
extension Session {
  // MARK: Making

  /// What a query would do if it ran for ever.
  ///
  /// - Throws: INVALID_ARGUMENT or FAILED_PRECONDITION when it has to see more than one row at a time,
  ///   reads something else than one stream, or has columns that are not known yet.
  func continuousPlan(_ query: String) async throws(DatabaseError) -> EmitPlan {
    var plan = try await plan(EmitChanges(query: query))
    guard !plan.isOpen else {
      throw DatabaseError(
        .failedPrecondition,
        "the columns of \(plan.stream.definition.qualifiedName) that the query names are not known "
          + "yet: put a row that has them first")
    }
    plan.keepsUp = true
    return plan
  }

  /// Makes the query that feeds a stream which is made with it.
  ///
  /// Returns when the rows that were in the source have come into the stream.
  ///
  /// - Parameter columns: Those of the stream that the query fills; empty to go by name.
  func createContinuously(
    _ given: StreamDefinition, _ plan: EmitPlan, filling columns: [UInt32], from start: Offset
  ) async throws(DatabaseError) {
    var plan = plan
    plan.grow(into: given, filling: columns)
    var query = try definition(.createStream, plan, from: start)
    query.columns = columns
    let source = plan.stream
    let made: Stream
    do throws(DatabaseError) {
      made = try await make(given) { (stream) throws(DatabaseError) in
        guard !source.isDropped else {
          throw DatabaseError(
            .notFound, "the stream \(source.definition.qualifiedName) was dropped")
        }
        query.sink = stream.topic
        return [ContinuousRows.batch(.made, query)]
      }
    } catch {
      try? database.streams.log.removeTopic(query.positions)
      throw error
    }
    let running = run(query, plan, into: made)
    do throws(DatabaseError) {
      try await reachHead(running)
    } catch {
      try? await database.continuous.end(running)
      try? await remove(made)
      for companion in companions(of: made) { try? await remove(companion) }
      throw error
    }
  }

  /// `INSERT INTO t SELECT … EMIT CHANGES`.
  func insertContinuously(_ insert: ContinuousInsert) async throws(DatabaseError) {
    let sink = try stream(insert.target)
    var plan = try await continuousPlan(insert.query)
    guard !database.continuous.flows(from: sink.topicID, into: plan.stream.topicID) else {
      throw DatabaseError(
        .invalidArgument,
        "rows of \(sink.definition.qualifiedName) flow into \(plan.stream.definition.qualifiedName), "
          + "so the query would feed itself for ever")
    }
    let start = try await offset(insert.start ?? .beginning, plan.stream)
    let columns = try insert.columns(of: sink.definition, for: plan.schema)
    var query = try definition(.insert, plan, from: start)
    query.sink = sink.topicID
    query.columns = columns
    plan.grow(into: sink.definition, filling: columns)
    do throws(DatabaseError) {
      try await database.streams.write(ContinuousRows.batch(.made, query))
    } catch {
      try? database.streams.log.removeTopic(query.positions)
      throw error
    }
    let running = run(query, plan, into: sink)
    if sink.isDropped || plan.stream.isDropped {
      try await database.continuous.end(running)
      throw DatabaseError(.notFound, "a stream of the query was dropped meanwhile")
    }
    do throws(DatabaseError) {
      try await reachHead(running)
    } catch {
      try? await database.continuous.end(running)
      throw error
    }
  }

  /// A definition without a sink, with a topic for its positions.
  private func definition(
    _ kind: ContinuousDefinition.Kind, _ plan: EmitPlan, from start: Offset
  ) throws(DatabaseError) -> ContinuousDefinition {
    let name = plan.stream.definition.qualifiedName
    do throws(LogError) {
      return ContinuousDefinition(
        positions: try database.streams.log.createTopic(
          named: "positions of a query of \(name)", settings: PositionTopic.settings),
        kind: kind, source: plan.stream.topicID, sourceVersion: plan.version.id,
        sourceName: plan.name.name, sink: .catalog, columns: [], query: plan.query, start: start,
        createdMicroseconds: database.nowMicroseconds)
    } catch {
      throw DatabaseError(error)
    }
  }

  private func run(
    _ definition: ContinuousDefinition, _ plan: EmitPlan, into sink: Stream
  ) -> ContinuousQuery {
    let query = ContinuousQuery(
      definition, source: plan.stream, sink: sink, plan: plan, position: definition.start,
      session: Session(database))
    database.continuous.add(query)
    return query
  }

  /// Waits until a new query has dealt with the rows that were there.
  private func reachHead(_ query: ContinuousQuery) async throws(DatabaseError) {
    await query.reach(query.source.topic.state.head)
    if case .failed(let error) = query.status { throw error }
  }

  // MARK: Ending

  /// Ends one query, or all with nil.
  func terminate(_ id: String?) async throws(DatabaseError) {
    guard let id else {
      for query in database.continuous.all { try await database.continuous.end(query) }
      return try database.liveQueries.terminate(nil)
    }
    guard let query = database.continuous.find(id) else {
      return try database.liveQueries.terminate(id)
    }
    try await database.continuous.end(query)
  }

  func setPaused(_ isPaused: Bool, _ id: String?) async throws(DatabaseError) {
    if let id, database.continuous.find(id) == nil {
      return try database.liveQueries.setPaused(isPaused, id)
    }
    let queries = id.map { id in database.continuous.all.filter { $0.id == id.lowercased() } }
    for query in queries ?? database.continuous.all {
      try await database.continuous.setPaused(isPaused, query)
    }
    if id == nil { for query in database.liveQueries.all { query.setPaused(isPaused) } }
  }
}

extension ContinuousInsert {
  /// The columns of the sink for those that the query returns; empty to go by name.
  fileprivate func columns(
    of sink: StreamDefinition, for schema: Schema
  ) throws(DatabaseError) -> [UInt32] {
    if sink.options.isSchemaless, columns == nil { return [] }
    let count = schema.fields.count
    let written = isByName ? schema.fields.map(\.name) : columns
    let names = if let written { written } else { try sink.columns(ofValueCount: count) }
    guard names.count == schema.fields.count else {
      throw DatabaseError(
        .invalidArgument,
        "\(names.count) columns are named and the query returns \(schema.fields.count)")
    }
    var ids: [UInt32] = []
    for name in names {
      guard let column = sink.column(named: name) else { throw sink.noColumn(name) }
      ids.append(column.id)
    }
    return ids
  }
}

extension StreamingDatabase {
  /// Runs the queries that ran when the database was closed. Called once, before the first client.
  func resumeContinuousQueries() throws(DatabaseError) {
    let byTopic = Dictionary(
      streams.all.map { ($0.topicID, $0) }, uniquingKeysWith: { first, _ in first })
    for definition in try continuous.stored() {
      // A crash may have come while a stream was dropped with its queries.
      guard let source = byTopic[definition.source], let sink = byTopic[definition.sink] else {
        continue
      }
      let position = try PositionTopic(definition.positions).last(streams.log)
      continuous.add(
        ContinuousQuery(
          definition, source: source, sink: sink, plan: plan(definition, source, sink),
          position: position ?? definition.start, session: Session(self)))
    }
  }

  /// The plan with which a query was made.
  private func plan(
    _ definition: ContinuousDefinition, _ source: Stream, _ sink: Stream
  ) -> EmitPlan {
    let version = source.definition.version(definition.sourceVersion) ?? source.definition.current
    let statement = try? StatementText.single(definition.query)
    let scan = statement.flatMap { PlainScan($0) }
    let instances = instances
    var plan = EmitPlan(
      stream: source, version: version, query: definition.query, schema: version.schema,
      isPlain: scan != nil && scan?.limit == nil, isOpen: false,
      usesHidden: statement?.mentions(StreamTable.hiddenFields.map(\.name)) ?? false,
      name: QualifiedName(definition.sourceName), keepsUp: true,
      instance: { () throws(DatabaseError) in
        do throws(DuckDBError) { return try instances.stages() } catch {
          throw DatabaseError(error)
        }
      })
    plan.grow(into: sink.definition, filling: definition.columns)
    return plan
  }
}

extension EmitPlan {
  /// Takes columns that appear later along, if columns may appear on both sides.
  fileprivate mutating func grow(into sink: StreamDefinition, filling columns: [UInt32]) {
    grows =
      isPlain && columns.isEmpty && sink.options.isSchemaless
      && stream.definition.options.isSchemaless
  }
}
