internal import Synchronization

internal import ADBC
internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL

/// The tables of a database behind, as relations of DuckDB: `engine.schema.table`.
///
/// Each is a view over a live table in an attached database of the engine's name. They are described when a statement first
/// names them, or all at once by ``refresh()``.
final class ForeignCatalog: Sendable {
  private struct Key: Hashable {
    var schema: String
    var name: String
  }

  private struct Known {
    var table: ForeignTable
    var id: Int64
    var describedAt: ContinuousClock.Instant
  }

  private struct State {
    var isAttached = false
    var isListed = false
    var tables: [Key: Known] = [:]
    /// Of names that stand alone; known once the engine was asked who it is.
    var defaultSchema = "main"
  }

  /// Columns that come or go behind our back are seen after so long.
  private static let lifetime = Duration.seconds(10)
  /// More tables than this are described when they are named, not before.
  private static let maxEagerCount = 2_000

  private let engine: ADBCEngine
  private let local: DuckDBEngine
  private let state = Mutex(State())
  /// Held while tables are described, since that waits.
  private let turn = Turn()

  init(_ engine: ADBCEngine, local: DuckDBEngine) {
    self.engine = engine
    self.local = local
  }

  // MARK: - Looking up

  /// A table that was described: its schema and name, or its name alone.
  func known(_ path: [String]) -> (table: ForeignTable, id: Int64)? {
    state.withLock { state in state.tables[key(path, state)].map { ($0.table, $0.id) } }
  }

  private func key(_ path: [String], _ state: State) -> Key {
    let name = path.last?.lowercased() ?? ""
    let schema = path.count > 1 ? path[path.count - 2] : state.defaultSchema
    return Key(schema: schema.lowercased(), name: name)
  }

  /// Describes a table unless that was done a moment ago.
  ///
  /// - Throws: NOT_FOUND if the engine has no such table.
  func describe(_ path: [String]) async throws {
    let now = ContinuousClock.now
    let isFresh = state.withLock { state in
      state.tables[key(path, state)].map { now - $0.describedAt < Self.lifetime } ?? false
    }
    if isFresh { return }
    await turn.acquire()
    defer { turn.release() }
    try await register(path)
  }

  private func register(_ path: [String]) async throws {
    let dialect = try await engine.known().dialect
    let (key, old) = state.withLock { state in
      state.defaultSchema = dialect.defaultSchema ?? "main"
      let key = self.key(path, state)
      return (key, state.tables[key])
    }
    let (table, columns) = try await described(path, old?.table.name, dialect)
    let shown = [engine.name, table.schema ?? "main", table.name]
    let localName = QualifiedName(parts: shown)
    let foreign = ForeignTable(
      table, as: localName, columns, rowCount: await rowCount(of: table, dialect), on: engine,
      dialect, onMismatch: { [weak self] in self?.forget() })
    if let old, old.table.columns == columns {
      state.withLock { $0.tables[key] = Known(table: old.table, id: old.id, describedAt: .now) }
      return
    }
    let id = try local.instance.liveTables.add(foreign)
    try await run { (connection) throws(DuckDBError) in
      try self.attach(connection)
      try connection.execute(
        "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(parts: Array(shown.dropLast())))")
      try connection.execute(
        "CREATE OR REPLACE VIEW \(localName) AS \(foreign.relation(id, filter: nil))")
    }
    state.withLock { $0.tables[key] = Known(table: foreign, id: id, describedAt: .now) }
    // Statements that run now may still read the old one; those that were planned are planned anew.
    if let old { local.instance.liveTables.remove(old.id) }
  }

  /// - Parameter known: Its name, if it was described before.
  private func described(
    _ path: [String], _ known: TableName?, _ dialect: Dialect
  ) async throws -> (TableName, [ForeignColumn]) {
    let schema = path.count > 1 ? path[path.count - 2] : dialect.defaultSchema
    let table = known ?? TableName(path.last ?? "", schema: schema)
    do throws(EngineError) {
      return (table, try await columns(of: table, dialect))
    } catch {
      guard case .backend(let failure) = error, !failure.isConnectionLost,
        failure.status != .unauthorized
      else { throw DatabaseError(error) }
      // Names that are not quoted have no case.
      let lower = TableName(table.name.lowercased(), schema: table.schema?.lowercased())
      if lower != table, let found = try? await columns(of: lower, dialect) {
        return (lower, found)
      }
      if known != nil {
        try await drop {
          $0 == Key(schema: (table.schema ?? "main").lowercased(), name: table.name.lowercased())
        }
      }
      guard failure.isNoSuchTable else { throw DatabaseError(error) }
      throw DatabaseError(
        .notFound,
        "the engine \(engine.name) has no table \(table) (REFRESH ENGINE \(engine.name) lists its tables again)"
      )
    }
  }

  private func columns(
    of table: TableName, _ dialect: Dialect
  ) async throws(EngineError) -> [ForeignColumn] {
    let described = try await engine.describe(
      "SELECT * FROM \(dialect.quote(table))", isRead: true, returnsRows: true, on: nil,
      BackendCall())
    return described.resultSchema.fields.map { ForeignColumn($0, dialect) }
  }

  /// About how many rows there are, for the order of joins.
  private func rowCount(of table: TableName, _ dialect: Dialect) async -> Int? {
    guard dialect == .postgresql else { return nil }
    let name = dialect.literal(dialect.quote(table))
    let text = try? await engine.run(BackendCall()) { (connection) throws(ADBCError) -> String? in
      let batch = try connection.query(
        "SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = to_regclass(\(name))"
      ).firstBatch()
      return batch?.columns.first?.string(at: 0)
    }
    return text.flatMap { $0 }.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
  }

  // MARK: - All of them

  /// Whether all tables were asked for, and not only those that statements name.
  var isListed: Bool { state.withLock { $0.isListed } }

  /// Asks the engine which tables it has, and makes relations of them; those that are gone go here too.
  ///
  /// - Returns: How many there are.
  @discardableResult
  func refresh() async throws(DatabaseError) -> Int {
    await turn.acquire()
    defer { turn.release() }
    do {
      try await run { (connection) throws(DuckDBError) in try self.attach(connection) }
      let listed = try await listed()
      var count = 0
      for path in listed.prefix(Self.maxEagerCount) where (try? await register(path)) != nil {
        count += 1
      }
      if listed.count <= Self.maxEagerCount {
        let names = Set(
          listed.map {
            Key(schema: ($0.first ?? "").lowercased(), name: ($0.last ?? "").lowercased())
          })
        try await drop { key in !names.contains(key) }
      }
      state.withLock { $0.isListed = true }
      return count
    } catch {
      throw DatabaseError(any: error)
    }
  }

  /// Schema and name of the tables of users.
  private func listed() async throws -> [[String]] {
    let batches = try await engine.run(BackendCall()) { (connection) throws(ADBCError) -> [Batch] in
      try connection.objects(depth: .tables).allBatches()
    }
    guard let first = batches.first else { return [] }
    let liveTables = local.instance.liveTables
    let id = try liveTables.add(BatchTable(schema: first.schema, batches: batches))
    defer { liveTables.remove(id) }
    let objects = ForeignObjects(DuckDBInstance.liveRelation(id))
    let dialect = try await engine.known().dialect
    let sql = """
      SELECT coalesce(nullif(db_schema_name, ''), \(stringLiteral(dialect.defaultSchema ?? "main"))), table_name
      FROM \(objects.tables) WHERE lower(coalesce(db_schema_name, '')) NOT IN ('pg_catalog', 'information_schema')
      ORDER BY 1, 2
      """
    return try await local.run(SessionSettings()) { (connection) throws(DuckDBError) in
      var rows: [[String]] = []
      let result = try connection.prepare(sql).execute()
      defer { result.close() }
      while let batch = try result.next(maxRows: 2_048, allocator: HeapAllocator()) {
        for row in 0..<batch.rowCount {
          rows.append(batch.columns.map { $0.string(at: row) ?? "" })
        }
      }
      return rows
    }
  }

  private func drop(_ isGone: (Key) -> Bool) async throws {
    let gone = state.withLock { state in
      state.tables.filter { isGone($0.key) }.map { (key: $0.key, known: $0.value) }
    }
    guard !gone.isEmpty else { return }
    try await run { (connection) throws(DuckDBError) in
      for (_, known) in gone {
        try connection.execute("DROP VIEW IF EXISTS \(known.table.localName)")
      }
    }
    let ids = Set(gone.map(\.known.id))
    state.withLock { state in state.tables = state.tables.filter { !ids.contains($0.value.id) } }
    for id in ids { local.instance.liveTables.remove(id) }
  }

  /// What is known may be wrong: tables are described anew when they are named next.
  func forget() {
    state.withLock { state in
      for key in state.tables.keys {
        state.tables[key]?.describedAt = .now - Self.lifetime
      }
    }
  }

  // MARK: - DuckDB

  /// Takes all relations away.
  func detach() async throws(DatabaseError) {
    let ids = state.withLock { state in
      defer { state = State() }
      return Set(state.tables.values.map(\.id))
    }
    do {
      try await run { (connection) throws(DuckDBError) in
        try connection.execute("DETACH DATABASE IF EXISTS \(quotedName(self.engine.name))")
      }
    } catch {
      throw DatabaseError(any: error)
    }
    for id in ids { local.instance.liveTables.remove(id) }
  }

  /// Makes all relations again in a DuckDB that was opened anew. Blocks.
  func restore(on connection: Connection) throws(DuckDBError) {
    let tables = state.withLock { state in
      state.isAttached = false
      return Array(state.tables.values)
    }
    guard !tables.isEmpty else { return }
    try attach(connection)
    for known in tables {
      let name = known.table.localName
      try connection.execute(
        "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(parts: Array(name.parts.dropLast())))")
      try connection.execute(
        "CREATE OR REPLACE VIEW \(name) AS \(known.table.relation(known.id, filter: nil))")
    }
  }

  private func attach(_ connection: Connection) throws(DuckDBError) {
    guard !state.withLock({ $0.isAttached }) else { return }
    try connection.execute("ATTACH IF NOT EXISTS ':memory:' AS \(quotedName(engine.name))")
    state.withLock { $0.isAttached = true }
  }

  private func run(
    _ body: @escaping @Sendable (Connection) throws(DuckDBError) -> Void
  ) async throws {
    try await local.run(SessionSettings(), body)
    local.instance.catalogDidChange()
  }
}

extension ADBCError {
  fileprivate var isNoSuchTable: Bool {
    status == .notFound || ["42P01", "3F000"].contains(sqlState)
      || message.lowercased().contains("no such table") || message.contains("does not exist")
  }
}

extension Dialect {
  /// Where a table is whose name stands alone.
  var defaultSchema: String? {
    switch self {
    case .postgresql: "public"
    case .sqlite, .duckdb, .hyprstream: "main"
    case .snowflake: "PUBLIC"
    case .bigquery, .generic: nil
    }
  }
}
