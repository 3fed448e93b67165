internal import Synchronization

public import Columnar
internal import DuckDB
public import Engine
internal import SQL

/// Where batches go that a client loads.
public struct IngestRequest: Sendable {
  public enum IfMissing: Sendable { case create, fail }
  public enum IfExists: Sendable { case fail, append, replace }

  public var catalog: String?
  public var schema: String?
  public var table: String
  public var isTemporary = false
  public var ifMissing: IfMissing
  public var ifExists: IfExists
  public var transaction: Handle?
  /// Options of the client for this load.
  public var options: [String: String] = [:]

  public init(table: String, ifMissing: IfMissing = .fail, ifExists: IfExists = .append) {
    self.table = table
    self.ifMissing = ifMissing
    self.ifExists = ifExists
  }

  /// The parts of the name that are given.
  public var path: [String] { ([catalog, schema, table] as [String?]).compactMap(\.self) }

  /// The name in quotes, with what stands before it.
  var relation: String {
    let catalog = isTemporary ? "temp" : catalog
    return ([catalog, schema, table] as [String?]).compactMap { $0.map(quotedName) }
      .joined(separator: ".")
  }
}

extension Session {
  /// Loads all batches of `queue` into a table, or none of them.
  ///
  /// Columns are matched by name, whatever their case; values are converted to the table's types.
  ///
  /// - Returns: The number of rows loaded.
  public func ingest(
    _ request: IngestRequest, schema: Schema, from queue: IngestQueue, _ context: StatementContext
  ) async throws(DatabaseError) -> Int {
    touch()
    defer { queue.close() }
    let named = request.catalog.flatMap { database.engines.find($0) }
    if let backend = named ?? standardEngine,
      request.catalog?.lowercased() != database.catalogName.lowercased()
    {
      var request = request
      if named != nil { request.catalog = nil }
      do {
        return try await ingestOnBackend(request, schema: schema, from: queue, backend, context)
      } catch {
        throw DatabaseError(any: error)
      }
    }
    await untilQueriesHaveBegun()
    let load = Load(
      request, schema: schema, queue: queue, catalog: database.catalogName,
      liveTables: engine.instance.liveTables)
    do {
      return try await database.log.counting("ingest into \(request.relation)", session: id) {
        try await run(load, context)
      }
    } catch let error as EngineError {
      throw load.failure(error)
    } catch let error as DatabaseError {
      throw error
    } catch {
      throw DatabaseError(.internal, "\(error)")
    }
  }

  private func run(_ load: Load, _ context: StatementContext) async throws -> Int {
    let settings = state.withLock { $0.settings }
    defer { if load.definesCatalog { engine.instance.catalogDidChange() } }
    if let transaction = try transaction(context.transaction) {
      transaction.beginStatement()
      defer { transaction.endStatement() }
      let lane = try await laneForWriting(transaction, isHome: load.request.isTemporary)
      if load.definesCatalog { transaction.noteDefinition() }
      return try await stoppable(onStop: load.stop) { signal in
        try await lane.load(settings, stop: signal, mayRun: mayRun(in: transaction)) {
          (connection) throws(DuckDBError) in
          try load.run(on: connection)
        }
      }
    }
    if let home = load.request.isTemporary ? try home() : try existingHome() {
      return try await stoppable(onStop: load.stop) { signal in
        try await home.load(settings, stop: signal, mayRun: mayRun(onHome: home)) {
          (connection) throws(DuckDBError) in
          try load.run(on: connection)
        }
      }
    }
    let columns = database.tableColumns.entry(
      of: load.request.relation, settings, catalogVersion: engine.instance.currentCatalogVersion)
    return try await stoppable(onStop: load.stop) { signal in
      try await engine.load(settings, stop: signal) { (held) throws(DuckDBError) in
        try load.run(on: held.connection, columns: columns, keeping: held)
      }
    }
  }

  /// Runs an INSERT of one row for all rows of parameters at once.
  func insertRows(
    of parameters: Batch, _ insert: SingleRowInsert, _ context: StatementContext
  ) async throws(DatabaseError) -> Int {
    let columns = parameters.schema.fields.indices.map { "p\($0 + 1)" }
    guard insert.parameters.allSatisfy({ $0 < columns.count }) else {
      throw DatabaseError(
        .invalidArgument,
        "the statement has \((insert.parameters.max() ?? 0) + 1) parameters, but the rows that were "
          + "bound have \(columns.count) columns")
    }
    let renamed = Batch(
      schema: Schema(
        zip(columns, parameters.schema.fields).map { Field($0, $1.type, isNullable: true) }),
      columns: parameters.columns, rowCount: parameters.rowCount)
    await untilQueriesHaveBegun()
    let settings = state.withLock { $0.settings }
    let liveTables = engine.instance.liveTables
    let body: @Sendable (Connection) throws(DuckDBError) -> Int = {
      (connection) throws(DuckDBError) in
      let id = try liveTables.add(BatchTable(schema: renamed.schema, batches: [renamed]))
      defer { liveTables.remove(id) }
      let sql = insert.statement(from: DuckDBInstance.liveRelation(id), columns: columns)
      return try connection.changedRowCount(of: sql) ?? renamed.rowCount
    }
    do {
      return try await database.log.counting(insert.head, session: id) {
        if let transaction = try transaction(context.transaction) {
          transaction.beginStatement()
          defer { transaction.endStatement() }
          let lane = try await laneForWriting(transaction)
          return try await stoppable { signal in
            try await lane.run(settings, stop: signal, mayRun: mayRun(in: transaction), body)
          }
        }
        if let home = try existingHome() {
          return try await stoppable { signal in
            try await home.run(settings, stop: signal, mayRun: mayRun(onHome: home), body)
          }
        }
        return try await stoppable { signal in
          try await engine.run(settings, stop: signal, body)
        }
      }
    } catch {
      throw DatabaseError(any: error)
    }
  }
}
