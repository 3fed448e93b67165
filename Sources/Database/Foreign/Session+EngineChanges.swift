internal import ADBC
internal import Columnar
internal import Engine
internal import SQL

/// Rows of ours for tables of engines.
extension Session {
  /// Describes the tables behind that a text names, so that it can be planned.
  func describeForeignTables(
    _ sql: String, in place: MetricsRelation.Session
  ) async throws(DatabaseError) {
    guard database.engines.isNamed(in: sql) else { return }
    for (engine, path) in try database.planner.foreignTables(sql, place) {
      do {
        try await engine.foreign.describe(path)
      } catch {
        throw DatabaseError(any: error)
      }
    }
  }

  /// Runs the query and sends its rows to the engine as they come: all of them, or none.
  func load(
    _ load: EngineLoad, parameters: Batch?, _ context: StatementContext
  ) async throws(DatabaseError) -> ResultPump {
    do {
      return try await loaded(load, parameters, context)
    } catch {
      throw DatabaseError(any: error)
    }
  }

  private func loaded(
    _ load: EngineLoad, _ parameters: Batch?, _ context: StatementContext
  ) async throws -> ResultPump {
    let dialect = try await load.backend.engine.known().dialect
    var request = IngestRequest(table: load.path.last ?? "")
    request.schema = load.path.count > 1 ? load.path[load.path.count - 2] : nil
    request.transaction = context.transaction
    var sql = load.source
    if load.makesTable {
      let exists = (try? await load.backend.foreign.describe(load.path)) != nil
      if exists, load.isIfNotExists { return try await ready(.empty, changedRowCount: 0) }
      request.ifMissing = .create
      request.ifExists = load.isReplacing ? .replace : .fail
      request.schema = request.schema ?? dialect.defaultSchema
      // Its driver knows one schema only.
      if dialect == .sqlite {
        request.schema = nil
        sql = try await withoutDecimals(sql, context)
      }
    } else {
      try await load.backend.foreign.describe(load.path)
      guard let table = load.backend.foreign.known(load.path)?.table else {
        throw DatabaseError(
          .notFound, "the engine \(load.backend.name) has no table \(request.relation)")
      }
      request.table = table.name.name
      request.schema = dialect == .sqlite ? nil : table.name.schema
      sql = try await fitted(load, to: table, context)
    }
    let query = try await self.query(sql, parameters: parameters, context)
    defer { closeResult(query.handle) }
    let (_, pump) = try await result(query.handle)
    let queue = IngestQueue()
    let sending = Task {
      do throws(EngineError) {
        while let batch = try await pump.next() {
          if batch.rowCount > 0, await !queue.push(batch) { return }
        }
        queue.finish()
      } catch {
        queue.fail(DatabaseError(error).message)
      }
    }
    defer { sending.cancel() }
    let count = try await ingestOnBackend(
      request, schema: pump.schema, from: queue, load.backend, context)
    if load.makesTable { load.backend.foreign.forget() }
    return try await ready(.empty, changedRowCount: count)
  }

  /// The query with numbers that SQLite has, which has no decimals.
  private func withoutDecimals(
    _ sql: String, _ context: StatementContext
  ) async throws(DatabaseError) -> String {
    let fields = try await describe(sql, context).description.resultSchema.fields
    let decimals = fields.filter { if case .decimal = $0.type { true } else { false } }
    guard !decimals.isEmpty else { return sql }
    let casts = decimals.map { field in
      let name = quotedName(field.name)
      return "CAST(\(name) AS DOUBLE) AS \(name)"
    }
    return "SELECT * REPLACE (\(casts.joined(separator: ", "))) FROM (\(sql))"
  }

  /// The query with its columns named and cast as those of the table.
  private func fitted(
    _ load: EngineLoad, to table: ForeignTable, _ context: StatementContext
  ) async throws -> String {
    let described = try await describe(load.source, context).description
    let given = described.resultSchema.fields.map(\.name)
    let names = load.columns ?? (load.isByName ? given : table.columns.map(\.field.name))
    guard names.count == given.count else {
      throw DatabaseError(
        .invalidArgument,
        "the query has \(given.count) columns, and \(names.count) of \(table.localName) are to be filled"
      )
    }
    let places = names.indices.map { "c\($0)" }
    let list = try zip(places, names).map { place, name throws(DatabaseError) in
      let found = table.columns.first { $0.field.name.lowercased() == name.lowercased() }
      guard let column = found else {
        throw DatabaseError(.notFound, "\(table.localName) has no column '\(name)'")
      }
      guard let type = column.loadedType else {
        throw DatabaseError(
          .invalidArgument,
          "column '\(name)' of \(table.localName) has a type (\(column.field.type)) that cannot be loaded from here"
        )
      }
      return "CAST(\(place) AS \(type)) AS \(quotedName(column.field.name))"
    }
    return
      "SELECT \(list.joined(separator: ", ")) FROM (\(load.source)) AS q(\(places.joined(separator: ", ")))"
  }
}

extension ForeignColumn {
  /// The type of DuckDB whose values the engine takes for the column.
  fileprivate var loadedType: String? {
    switch shownType {
    // Any number: as many digits as there are.
    case "DOUBLE" where field.type == .utf8: "DECIMAL(38, 10)"
    case .some(let type): type
    case nil: try? Dialect.duckdb.typeName(of: field)
    }
  }
}

extension Batch {
  fileprivate static let empty = Batch(schema: Schema([]), columns: [], rowCount: 0)
}
