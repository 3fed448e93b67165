internal import ADBC
internal import Columnar
internal import Engine
internal import SQL

/// `CACHE TABLE`, `UNCACHE TABLE`, and statements that copies answer.
extension Session {
  /// The engine that a name of three parts begins with, or the one there is.
  private func cachedTables(
    _ name: QualifiedName
  ) throws(DatabaseError) -> (CachedTables, engine: String) {
    let backend = try database.backend(named: name.catalog)
    guard let tables = backend.tables else {
      throw DatabaseError(
        .failedPrecondition, "the server keeps no cache: start it with --enable-cache")
    }
    return (tables, backend.engine.name)
  }

  func cacheTable(_ written: CacheTable) async throws(DatabaseError) -> Int {
    let (tables, engine) = try cachedTables(written.name)
    let definition = try await tables.resolved(written, engine: engine)
    let table = CachedTable(definition)
    try await tables.load(table)
    try await database.streams.write(CachedTableTopic.batch(definition, isKept: true))
    tables.add(table)
    return table.copy?.rowCount ?? 0
  }

  func uncacheTable(_ name: QualifiedName, isIfExists: Bool) async throws(DatabaseError) {
    let (tables, _) = try cachedTables(name)
    guard let table = tables.find(schema: name.schema, name: name.name) else {
      if isIfExists { return }
      throw DatabaseError(
        .notFound, "there is no cached table \(name); SHOW CACHE lists those there are")
    }
    try await database.streams.write(CachedTableTopic.batch(table.definition, isKept: false))
    tables.remove(table)
  }

  /// Answers a statement for the database behind from copies of its tables, if they cover it.
  func readCopies(
    _ sql: String, _ details: BackendPlan, _ parameters: Batch?, _ backend: Backend
  ) async -> (ResultPump, CacheOutcome?)? {
    guard let tables = backend.tables, details.bypass == nil,
      parameters.map({ $0.rowCount == 1 }) ?? true
    else { return nil }
    let maxAge = details.hint.maxAgeMicroseconds.map { Duration.microseconds($0) }
    let served = tables.servedCopies(named: details.traits.names, maxAge: maxAge)
    guard !served.isEmpty, let dialect = try? await backend.engine.known().dialect,
      let coverage = dialect.coverage, let statement = try? StatementText.single(sql),
      let query = statement.covered(
        by: served.map(\.copy.table), coverage,
        parameters: parameters.map { $0.columns.map(CoverageParameter.init) } ?? [])
    else { return nil }
    let schema = Schema(
      query.outputs.map { output in
        switch output.source {
        case .computed(let type): return dialect.field(output.name, type)
        case .column(let table, let column):
          var field = served[table].copy.schema.fields[column]
          field.name = output.name
          return field
        }
      })
    // A statement that fails here is the database's to answer.
    guard let pump = try? await engine.start(query.sql, labelled: schema) else { return nil }
    let read = query.tables.map { served[$0] }
    pump.onEnd { _ in withExtendedLifetime(read) {} }
    database.log.started(sql, pump, session: id)
    for entry in read { entry.table.noteHit() }
    let names = read.map { $0.table.definition.display }.joined(separator: ", ")
    let oldest = read.map(\.copy.began).min() ?? .now
    return (pump, .table(names, .now - oldest))
  }
}

extension StreamingDatabase {
  /// The engine of a name; the one there is for nil.
  ///
  /// - Throws: NOT_FOUND when there is none.
  func backend(named name: String?) throws(DatabaseError) -> Backend {
    if let name {
      guard let backend = engines.find(name) else {
        throw DatabaseError(
          .notFound, "there is no engine \(name); SHOW ENGINES lists those there are")
      }
      return backend
    }
    guard let backend = engines.standard else {
      throw DatabaseError(
        .failedPrecondition, "the server has no engine behind it (--engine adbc)")
    }
    return backend
  }

  /// Makes the copies again that were kept when the database was closed. They are read in the background. To be called when the
  /// engines are known.
  ///
  /// - Parameter engine: Nil for those of all engines.
  func resumeCachedTables(of engine: Backend? = nil) throws(DatabaseError) {
    let stored = try CachedTableTopic.stored(streams.log)
    for backend in engine.map({ [$0] }) ?? engines.all {
      for definition in stored.tables where definition.engine == backend.name {
        backend.tables?.add(CachedTable(definition))
      }
      for definition in stored.queries where definition.engine == backend.name {
        backend.pinned?.add(definition)
      }
    }
  }

  /// Forgets what was to be kept of an engine that is no more.
  func forgetCachedTables(of engine: String) async throws(DatabaseError) {
    let stored = try CachedTableTopic.stored(streams.log)
    for definition in stored.tables where definition.engine.lowercased() == engine.lowercased() {
      try await streams.write(CachedTableTopic.batch(definition, isKept: false))
    }
    for definition in stored.queries where definition.engine.lowercased() == engine.lowercased() {
      try await streams.write(CachedTableTopic.batch(definition, isKept: false))
    }
  }
}

extension CachedTables {
  /// The table that a statement means, as the database spells it.
  func resolved(
    _ written: CacheTable, engine: String
  ) async throws(DatabaseError) -> CachedTableDefinition {
    let parts = written.name.parts
    guard parts.count <= 3 else {
      throw DatabaseError(
        .invalidArgument, "\(written.name) has more parts than an engine, a schema and a table")
    }
    do {
      let dialect = try await adbc.known().dialect
      // What is not in quotes, the database folds as it does.
      let names = zip(parts, written.isQuoted).map { part, isQuoted in
        dialect == .postgresql && !isQuoted ? part.lowercased() : part
      }
      let inTable = Array(names.suffix(2))
      let quoted = Array(written.isQuoted.suffix(2))
      let text = zip(inTable, quoted).map { name, isQuoted in
        isQuoted || dialect == .postgresql ? dialect.quote(name) : name
      }.joined(separator: ".")
      var definition = CachedTableDefinition(
        engine: engine, schema: inTable.count == 2 ? inTable[0] : nil,
        name: inTable[inTable.count - 1], written: text, condition: written.condition,
        refresh: written.refreshMicroseconds.map { .microseconds($0) },
        changeColumn: written.changeColumn)
      if let poll = written.pollMicroseconds { definition.poll = .microseconds(poll) }
      let (given, found) = (
        definition,
        try await adbc.run(BackendCall()) { [definition] (connection) throws(ADBCError) in
          try TablePlace.find(definition, dialect, connection)
        }
      )
      guard let found else { throw DatabaseError.noTable(given.display) }
      if dialect == .postgresql {
        definition.schema = found.schema
        definition.name = found.name
        definition.written = dialect.quote(TableName(found.name, schema: found.schema))
      }
      return definition
    } catch {
      throw DatabaseError(any: error)
    }
  }
}

extension CoverageParameter {
  fileprivate init(_ column: Column) {
    guard let text = column.string(at: 0) else {
      self = .other
      return
    }
    switch column.type {
    case .int16, .int32, .int64: self = Int64(text).map { .integer($0) } ?? .other
    case .float64: self = Double(text).map { .float($0) } ?? .other
    case .utf8, .largeUTF8, .utf8View: self = .text(text)
    default: self = .other
    }
  }
}
