internal import ADBC
internal import Columnar
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// CREATE ENGINE and what belongs to it.
extension Session {
  /// Where statements of this session go that name no engine, no stream and no table of ours; nil: they stay here.
  var standardEngine: Backend? {
    state.withLock { $0.engineName }.flatMap { database.engines.find($0) } ?? database.backend
  }

  func create(_ create: CreateEngine) async throws(DatabaseError) {
    let definition = try EngineDefinition(create)
    if let known = database.engines.find(create.name) {
      if create.isIfNotExists { return }
      guard create.isOrReplace, known !== database.backend else {
        throw DatabaseError(.alreadyExists, "there is an engine \(known.name) already")
      }
    } else {
      try await refuseTakenName(create.name)
    }
    let backend = try database.makeEngine(definition)
    if backend.options.writeMode == .behind { try database.checkKeepsChanges() }
    do {
      // Whoever makes it wants to hear at once what does not work; later, it may come and go.
      _ = try await backend.reach()
      try await backend.foreign.refresh()
      try backend.listen()
      try await database.streams.write(definition.batch)
    } catch {
      try? await backend.foreign.detach()
      backend.close()
      throw error
    }
    if let old = database.engines.put(backend) {
      // Its outbox goes on under the new one.
      await old.closeOutbox()
      old.close()
    }
    try await database.resumeOutbox(of: backend)
    try database.resumeCachedTables(of: backend)
    engine.instance.catalogDidChange()
  }

  /// The name of an engine is that of a catalog of DuckDB.
  private func refuseTakenName(_ name: String) async throws(DatabaseError) {
    let sql = """
      SELECT database_name FROM duckdb_databases() WHERE lower(database_name) = lower(\(stringLiteral(name)))
      UNION ALL SELECT schema_name FROM duckdb_schemas() WHERE database_name = \(stringLiteral(database.catalogName))
        AND lower(schema_name) = lower(\(stringLiteral(name)))
      """
    let rows = try await internalQuery(sql, StatementContext(connectionID: 0))
    guard rows.contains(where: { $0.rowCount > 0 }) else { return }
    throw DatabaseError(
      .alreadyExists,
      "there is a catalog or a schema \(name) already: choose another name for the engine")
  }

  /// - Parameter isCascading: Whether changes that were acknowledged and wait for the engine may be lost.
  func dropEngine(
    _ name: String, isIfExists: Bool, isCascading: Bool
  ) async throws(DatabaseError) {
    guard let backend = database.engines.find(name) else {
      if isIfExists { return }
      throw Self.unknownEngine(name)
    }
    guard backend !== database.backend else {
      throw DatabaseError(
        .failedPrecondition,
        "\(backend.name) is the engine that the server was started with (--engine): it cannot be dropped"
      )
    }
    // What was acknowledged is not let go of, unless somebody says so.
    if !isCascading { try await drain(backend) }
    try await database.streams.write(EngineDefinition.dropBatch(backend.name))
    database.engines.remove(backend.name)
    await backend.closeOutbox()
    // What came in meanwhile stays, for an engine of this name.
    if isCascading || backend.openOutbox?.outstanding(nil).barrier == nil {
      try await database.outboxes.drop(backend.name)
    }
    try await backend.foreign.detach()
    backend.close()
    try await database.forgetCachedTables(of: backend.name)
    database.cache?.advance(.everything)
  }

  func refreshEngine(_ name: String) async throws(DatabaseError) -> Int {
    guard let backend = database.engines.find(name) else { throw Self.unknownEngine(name) }
    backend.forgetReaches()
    return try await backend.foreign.refresh()
  }

  /// - Parameter name: Nil for the one that the server was started with.
  func useEngine(_ name: String?) throws(DatabaseError) {
    if let name, database.engines.find(name) == nil { throw Self.unknownEngine(name) }
    state.withLock { $0.engineName = name }
  }

  private static func unknownEngine(_ name: String) -> DatabaseError {
    DatabaseError(.notFound, "there is no engine \(name); SHOW ENGINES lists those there are")
  }
}

extension StreamingDatabase {
  func makeEngine(_ definition: EngineDefinition) throws(DatabaseError) -> Backend {
    let manager: DriverManager
    do {
      manager = try DriverManager.load()
    } catch {
      throw DatabaseError(
        .failedPrecondition, "engines need the ADBC driver manager: \(error)")
    }
    return workshop.make(
      try definition.settings(manager, options.engineCredentials(definition.name)))
  }

  /// Takes up the engines that CREATE ENGINE has made; those that answer get their tables. Called once, at the start.
  func openEngines() async throws(DatabaseError) {
    var definitions: [String: EngineDefinition] = [:]
    try streams.log.readCatalog(for: "the engines") {
      EngineDefinition.apply($0, to: &definitions)
    }
    for definition in definitions.values.sorted(by: { $0.name < $1.name }) {
      do {
        let backend = try makeEngine(definition)
        engines.put(backend)
        // Views of users may stand on its tables, but nobody has to wait for an engine that does not answer.
        Task { try? await backend.foreign.refresh() }
      } catch {
        log.warning("the engine \(definition.name) is not there: \(error.message)")
      }
    }
  }
}
