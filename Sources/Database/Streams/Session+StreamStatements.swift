internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// The statements about streams.
extension Session {
  /// The stream that a name means in this session.
  ///
  /// - Throws: NOT_FOUND when there is none.
  func stream(_ name: QualifiedName) throws(DatabaseError) -> Stream {
    let place = state.withLock { $0.place } ?? database.defaultPlace
    guard let stream = database.planner.stream(name, place) else {
      throw DatabaseError(
        .notFound, "there is no stream \(name); SHOW STREAMS lists those there are")
    }
    return stream
  }

  /// Carries out a statement and returns its rows, if it has any.
  func runStream(
    _ statement: StreamStatement, _ context: StatementContext
  ) async throws(DatabaseError) -> ResultPump {
    switch statement {
    case .createStream(let create): try await self.create(create, context)
    case .dropStream(let name, let isIfExists, let isCascading):
      try await drop(name, isIfExists: isIfExists, isCascading: isCascading)
    case .alterStream(let name, let change): try await alter(try stream(name), change)
    case .showStreams:
      let (queries, tiering) = (database.continuous, database.tiering)
      return try await ready(
        StreamListing.streams(
          database.streams.all, feeders: { queries.writing($0) },
          problem: { tiering.problem(of: $0) }))
    case .describeStream(let name):
      return try await ready(StreamListing.columns(of: try stream(name).definition))
    case .showCreateStream(let name):
      let shown = try stream(name)
      return try await ready(
        StreamListing.statement(
          of: shown.definition, feeders: database.continuous.writing(shown)))
    case .showQueries: return try await ready(QueryListing.batch(database))
    case .terminateQuery(let id): try await terminate(id)
    case .pauseQuery(let id): try await setPaused(true, id)
    case .resumeQuery(let id): try await setPaused(false, id)
    case .insertContinuously(let insert): try await insertContinuously(insert)
    case .declareCursor(let declare): try await self.declare(declare)
    case .fetch(let fetch): return try await ready(try await self.fetch(fetch))
    case .closeCursor(let name): try closeCursor(name)
    case .createSubscription(let create): try await self.create(create)
    case .dropSubscription(let name, let isIfExists):
      try await dropSubscription(name, isIfExists: isIfExists)
    case .showSubscriptions: return try await ready(database.subscriptions.listing)
    case .acknowledge(let name, let token):
      try await database.subscriptions.acknowledge(name, token)
    case .createEngine(let create): try await self.create(create)
    case .dropEngine(let name, let isIfExists, let isCascading):
      try await dropEngine(name, isIfExists: isIfExists, isCascading: isCascading)
    case .refreshEngine(let name):
      let count = try await refreshEngine(name)
      return try await ready(
        Batch(schema: Schema([]), columns: [], rowCount: 0), changedRowCount: count)
    case .useEngine(let name): try useEngine(name)
    case .showEngines: return try await ready(await BackendListing.engines(database))
    case .showCache: return try await ready(BackendListing.cache(database))
    case .cacheTable(let table):
      let count = try await cacheTable(table)
      return try await ready(
        Batch(schema: Schema([]), columns: [], rowCount: 0), changedRowCount: count)
    case .uncacheTable(let name, let isIfExists):
      try await uncacheTable(name, isIfExists: isIfExists)
    case .cacheQuery(let sql, let refresh):
      let count = try await cacheQuery(sql, refresh: refresh.map { .microseconds($0) })
      return try await ready(
        Batch(schema: Schema([]), columns: [], rowCount: 0), changedRowCount: count)
    case .uncacheQuery(let sql): try await uncacheQuery(sql)
    case .flushCache(let name):
      let count = database.cache?.flush(name) ?? 0
      return try await ready(
        Batch(schema: Schema([]), columns: [], rowCount: 0), changedRowCount: count)
    case .emitChanges, .subscribe:
      throw DatabaseError(
        .invalidArgument, "an endless query has rows: run it as a query, not as an update")
    }
    return try await ready(Batch(schema: Schema([]), columns: [], rowCount: 0))
  }

  /// A result that is there already.
  func ready(_ batch: Batch, changedRowCount: Int? = nil) async throws(DatabaseError) -> ResultPump
  {
    let once = OnceBatches(batch.rowCount > 0 ? [batch] : [])
    do {
      return try await engine.start(schema: batch.schema, changedRowCount: changedRowCount) {
        () throws(DuckDBError) in once.take()
      }
    } catch {
      throw DatabaseError(error)
    }
  }

  /// The columns of what a statement returns.
  func resultSchema(of statement: StreamStatement) async throws(DatabaseError) -> Schema {
    switch statement {
    case .showStreams: StreamListing.streams([]).schema
    case .describeStream(let name): StreamListing.columns(of: try stream(name).definition).schema
    case .showCreateStream(let name):
      StreamListing.statement(of: try stream(name).definition).schema
    case .showQueries: QueryListing.batch(database).schema
    case .showSubscriptions: database.subscriptions.listing.schema
    case .fetch(let fetch): try cursor(fetch.name).schema
    case .showEngines: await BackendListing.engines(database).schema
    case .showCache: BackendListing.cache(database).schema
    case .emitChanges(let emit): try await plan(emit).schema
    case .subscribe(let subscribe): try await plan(subscribe).schema
    default: Schema([])
    }
  }

  // MARK: CREATE

  private func create(
    _ written: CreateStream, _ context: StatementContext
  ) async throws(DatabaseError) {
    var create = written
    create.takeStart()
    var definition = try newDefinition(create)
    if database.streams.stream(definition.key) != nil {
      if create.isIfNotExists { return }
      throw DatabaseError(
        .alreadyExists, "there is a stream \(definition.qualifiedName) already")
    }
    if let query = create.query {
      guard create.columns.isEmpty else {
        throw DatabaseError(
          .invalidArgument, "a stream has columns of its own or those of AS SELECT, not both")
      }
      return try await self.create(definition, as: query, create, context)
    }
    definition.versions[0].columns = try await columns(of: create.columns)
    try finishColumns(&definition)
    _ = try await make(definition)
  }

  private func finishColumns(_ definition: inout StreamDefinition) throws(DatabaseError) {
    guard definition.options.isSchemaless || !definition.current.columns.isEmpty else {
      throw DatabaseError(
        .invalidArgument,
        "the stream \(definition.qualifiedName) has no columns; name some, or let them appear as "
          + "rows bring them: WITH (FORMAT = 'JSON')")
    }
    try definition.checkWatermark()
    try definition.addRunningColumns()
    try checkTiering(definition)
  }

  /// `CREATE STREAM … AS SELECT …`: a query that runs for ever if it looks at one row of one stream at a
  /// time, and one that is run once if not.
  private func create(
    _ given: StreamDefinition, as query: String, _ create: CreateStream, _ context: StatementContext
  ) async throws(DatabaseError) {
    var definition = given
    let atRest = create.queryAtRest ?? query
    let plan: EmitPlan
    do throws(DatabaseError) {
      plan = try await continuousPlan(query)
    } catch {
      guard !create.emitsChanges, create.start == nil else { throw error }
      definition.versions[0].columns = try await columns(ofQuery: atRest, context)
      definition.storedOnce = error.message
      try finishColumns(&definition)
      return try await store(atRest, in: definition, context)
    }
    var columns = plan.version.columns
    if plan.isPlain {
      // Also those that SQL cannot hold.
      for index in columns.indices {
        columns[index].id = UInt32(index + 1)
        columns[index].defaultExpression = nil
      }
      definition.watermark = definition.watermark ?? plan.stream.definition.watermark
    } else {
      columns = try await self.columns(ofQuery: atRest, context)
    }
    definition.versions[0].columns = columns
    try finishColumns(&definition)
    let start = try await offset(create.start ?? .beginning, plan.stream)
    let isOpen = definition.options.isSchemaless
    try await createContinuously(
      definition, plan, filling: isOpen ? [] : columns.map(\.id), from: start)
  }

  /// Makes a stream of the rows that a query returns now.
  private func store(
    _ query: String, in definition: StreamDefinition, _ context: StatementContext
  ) async throws(DatabaseError) {
    let stream = try await make(definition)
    do throws(DatabaseError) {
      let insert = StreamInsert(stream, source: query)
      _ = try await insertRows(insert, parameters: nil, context)
    } catch {
      // Without its rows it is not what was asked for.
      try? await remove(stream)
      for companion in companions(of: stream) { try? await remove(companion) }
      throw error
    }
  }

  private func newDefinition(_ create: CreateStream) throws(DatabaseError) -> StreamDefinition {
    var definition = try newDefinition(create.name)
    definition.watermark = create.watermark
    do throws(SQLError) {
      for option in create.options {
        try definition.options.set(option)
        definition.writtenOptions[option.name] = option.value
      }
    } catch {
      throw DatabaseError(error)
    }
    // HStreamDB's streams without columns are of this kind.
    if create.columns.isEmpty, create.query == nil { definition.options.isSchemaless = true }
    if definition.options.isSchemaless { definition.writtenOptions["format"] = "json" }
    return definition
  }

  /// A stream without columns and options, where this session would make it.
  func newDefinition(_ name: QualifiedName) throws(DatabaseError) -> StreamDefinition {
    let place = state.withLock { $0.place } ?? database.defaultPlace
    if let catalog = name.catalog, catalog.lowercased() != database.catalogName.lowercased() {
      throw DatabaseError(
        .invalidArgument, "streams are in the catalog \(database.catalogName), not in \(catalog)")
    }
    var schemaName = name.schema ?? place.schema
    if name.parts.count == 2, schemaName.lowercased() == database.catalogName.lowercased() {
      schemaName = place.schema
    }
    return StreamDefinition(
      topic: .catalog, schemaName: schemaName, name: name.name,
      versions: [StreamDefinition.Version(id: 1, columns: [])])
  }

  /// Makes the topic, the relation and the entry of the catalog.
  ///
  /// - Parameter others: What the catalog is told at once with it.
  func make(
    _ given: StreamDefinition,
    recording others: (StreamDefinition) throws(DatabaseError) -> [Batch] = {
      (_) throws(DatabaseError) in []
    }
  ) async throws(DatabaseError) -> Stream {
    let made = try await database.streams.turn.with { () async throws(DatabaseError) -> Stream in
      var definition = given
      guard database.streams.stream(definition.key) == nil else {
        throw DatabaseError(
          .alreadyExists, "there is a stream \(definition.qualifiedName) already")
      }
      let log = database.streams.log
      do throws(LogError) {
        definition.topic = try log.createTopic(
          named: definition.qualifiedName.description, settings: definition.options.topicSettings)
      } catch {
        throw DatabaseError(error)
      }
      guard let topic = log.topic(definition.topic) else {
        throw DatabaseError(.internal, "the log has lost the topic that it made")
      }
      let stream = Stream(definition, topic)
      do throws(DatabaseError) {
        try await settle(stream, definition, with: try others(definition))
      } catch {
        try? log.removeTopic(definition.topic)
        throw error
      }
      database.streams.add(stream)
      return stream
    }
    try await makeCompanions(of: made)
    return made
  }

  /// Runs something about relations on a worker, since DuckDB blocks.
  func relations(
    _ body: @escaping @Sendable (StreamRelations) throws(DatabaseError) -> Void
  ) async throws(DatabaseError) {
    let relations = database.relations
    let result = await engine.onWorker { () -> Result<Void, DatabaseError> in
      do throws(DatabaseError) { return .success(try body(relations)) } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Columns as DuckDB understands their types.
  func columns(
    of written: [StreamColumn], firstID: UInt32 = 1
  ) async throws(DatabaseError) -> [StreamDefinition.Column] {
    guard !written.isEmpty else { return [] }
    try checkNames(written.map(\.name))
    let fields = try await fields(of: written)
    return zip(written, fields).enumerated().map { index, pair in
      var field = pair.1
      field.isNullable = pair.0.isNullable
      field.name = pair.0.name
      return StreamDefinition.Column(
        id: firstID + UInt32(index), field: field, sqlType: pair.0.type,
        defaultExpression: pair.0.defaultExpression)
    }
  }

  /// The columns that a query returns, with the names of their types in SQL.
  private func columns(
    ofQuery query: String, _ context: StatementContext
  ) async throws(DatabaseError) -> [StreamDefinition.Column] {
    let rows = try await internalQuery("DESCRIBE \(query)", context)
    let fields = try await describedFields(query)
    try checkNames(fields.map(\.name))
    let types = rows.flatMap { batch in
      (0..<batch.rowCount).map { batch.columns[1].string(at: $0) ?? "VARCHAR" }
    }
    return zip(fields, types).enumerated().map { index, pair in
      StreamDefinition.Column(id: UInt32(index + 1), field: pair.0, sqlType: pair.1)
    }
  }

  func describedFields(_ query: String) async throws(DatabaseError) -> [Field] {
    let settings = state.withLock { $0.settings }
    do {
      let lane = try laneForReading(StatementContext(connectionID: 0))
      return try await engine.describe(query, settings, on: lane).resultSchema.fields
    } catch {
      throw DatabaseError(any: error)
    }
  }

  // MARK: DROP

  private func drop(
    _ name: QualifiedName, isIfExists: Bool, isCascading: Bool
  ) async throws(DatabaseError) {
    let place = state.withLock { $0.place } ?? database.defaultPlace
    guard let stream = database.planner.stream(name, place) else {
      if isIfExists { return }
      throw DatabaseError(.notFound, "there is no stream \(name)")
    }
    guard !stream.definition.isBuiltIn else { throw stream.definition.belongsToServer }
    try await drop(stream, isCascading: isCascading)
  }

  func remove(_ stream: Stream) async throws(DatabaseError) {
    try await database.streams.turn.with { () async throws(DatabaseError) in
      let definition = stream.definition
      try await database.streams.recordDrop(definition)
      stream.drop()
      _ = database.streams.remove(definition.key)
      database.liveQueries.streamWasDropped(stream)
      database.continuous.streamWasDropped(stream)
      try await relations { (relations) throws(DatabaseError) in
        try relations.unregister(stream, definition)
      }
      let (log, id) = (database.streams.log, definition.topic)
      await engine.onWorker { try? log.removeTopic(id) }
    }
  }
}

extension CreateStream {
  /// Takes the option `start`, which is one of the query and not of the stream.
  fileprivate mutating func takeStart() {
    guard query != nil, let option = options.last(where: { $0.name == "start" }) else { return }
    options.removeAll { $0.name == "start" }
    start =
      switch option.value.lowercased() {
      case "beginning": .beginning
      case "now": .now
      case let text where Int64(text) != nil: .offset(Int64(text) ?? 0)
      case let text where ResumeToken(text) != nil: .token(text)
      default: .timestamp("TIMESTAMPTZ \(stringLiteral(option.value))")
      }
  }
}

extension StreamInsert {
  /// The rows of a query into a new stream.
  init(_ stream: Stream, source: String) {
    self.stream = stream
    columns = nil
    isByName = false
    self.source = source
    singleRow = nil
    returning = nil
    alias = stream.definition.name
  }
}
