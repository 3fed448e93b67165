internal import Threads
internal import Synchronization

public import Columnar
internal import DuckDB

extension DuckDBInstance {
  /// What a look-up is made from.
  public struct LookupPlan: Sendable {
    /// The query with NULL in place of the key.
    public var plain: String
    /// The query joined with the relation that holds the key, under ``KeyLookup``'s names.
    public var joined: @Sendable (_ keys: String, _ alias: String, _ key: String) -> String
    public var table: String
    public var column: String
    /// The columns in its list; all of them must be columns of the table.
    public var columns: [String]

    public init(
      plain: String, table: String, column: String, columns: [String],
      joined: @escaping @Sendable (_ keys: String, _ alias: String, _ key: String) -> String
    ) {
      self.plain = plain
      self.table = table
      self.column = column
      self.columns = columns
      self.joined = joined
    }
  }

  /// The look-up for a template, if there is one that fits the catalog as it is.
  public func lookup(_ template: String, _ settings: SessionSettings) -> KeyLookup? {
    state.withLock { $0.lookups.ready(template, settings) }
  }

  /// A query with this template has come, and there was no look-up for it.
  ///
  /// - Returns: Whether one should be made.
  public func noteForLookup(_ template: String, _ settings: SessionSettings) -> Bool {
    state.withLock { $0.lookups.note(template, settings) }
  }

  /// Makes a look-up if the table and its key allow it. Blocks.
  public func makeLookup(_ plan: LookupPlan, template: String, _ settings: SessionSettings) {
    let (generation, catalogVersion) = state.withLock { ($0.generation, $0.catalogVersion) }
    let lookup = try? makeLookup(plan, settings, generation, catalogVersion)
    state.withLock { state in
      guard state.generation == generation, state.catalogVersion == catalogVersion else { return }
      state.lookups.made(lookup, template, settings)
    }
  }

  private func makeLookup(
    _ plan: LookupPlan, _ settings: SessionSettings, _ generation: Int, _ catalogVersion: Int
  ) throws -> KeyLookup? {
    let held = try connect(settings)
    guard held.generation == generation else { return nil }
    let result = try held.connection.prepare(Self.lookupCheck(plan)).execute()
    let batch = try result.next(maxRows: 2, allocator: HeapAllocator())
    result.close()
    guard let batch, batch.rowCount == 1, let typeName = batch.columns[0].string(at: 0),
      let keyType = Self.keyTypes[typeName]
    else { return nil }
    let schema = try held.connection.prepare(plan.plain).resultSchema
    let joined = plan.joined
    let lookup = KeyLookup(
      schema: schema, keyType: keyType, settings: settings, generation: generation,
      catalogVersion: catalogVersion
    ) { keys in joined(keys, KeyLookup.keysName, KeyLookup.keyName) }
    let statement = try KeyedStatement(lookup, on: held, liveTables)
    guard try statement.statement.resultSchema == schema else { return nil }
    lookup.keep(statement)
    return lookup
  }

  /// Types whose values compare in a join as they do with a literal.
  private static let keyTypes: [String: DataType] = [
    "TINYINT": .int8, "SMALLINT": .int16, "INTEGER": .int32, "BIGINT": .int64,
    "UTINYINT": .uint8, "USMALLINT": .uint16, "UINTEGER": .uint32, "UBIGINT": .uint64,
    "VARCHAR": .utf8,
  ]

  /// Smaller tables are as fast the ordinary way, and DuckDB might plan the join the other way round.
  private static let minLookupRowCount = 4_096

  /// One row with the key's type if the only relation of that name is a table of ours with a unique
  /// key of that one column, and all listed columns are its columns; no row otherwise.
  private static func lookupCheck(_ plan: LookupPlan) -> String {
    func literal(_ text: String) -> String {
      "'"
        + text.lowercased().split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: "''") + "'"
    }
    let wanted = Set(plan.columns.map { $0.lowercased() } + [plan.column.lowercased()])
    return """
      WITH t AS (
        SELECT database_name, schema_name, table_name FROM duckdb_tables()
        WHERE lower(table_name) = \(literal(plan.table)) AND NOT internal AND NOT temporary
          AND estimated_size >= \(minLookupRowCount)
          AND database_name IN (SELECT database_name FROM duckdb_databases() WHERE type = 'duckdb')),
      c AS (SELECT c.column_name, c.data_type FROM t JOIN duckdb_columns() AS c
        USING (database_name, schema_name, table_name))
      SELECT data_type FROM c WHERE lower(column_name) = \(literal(plan.column))
        AND (SELECT count(*) FROM duckdb_tables()
          WHERE lower(table_name) = \(literal(plan.table))) = 1
        AND (SELECT count(*) FROM duckdb_views() WHERE lower(view_name) = \(literal(plan.table))) = 0
        AND (SELECT count(DISTINCT lower(column_name)) FROM c
          WHERE lower(column_name) IN (\(wanted.map(literal).joined(separator: ", ")))) = \(wanted.count)
        AND EXISTS (FROM t JOIN duckdb_constraints() AS k
          USING (database_name, schema_name, table_name)
          WHERE k.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
            AND len(k.constraint_column_names) = 1
            AND lower(k.constraint_column_names[1]) = \(literal(plan.column)))
      """
  }

  // MARK: Statements of a look-up

  func takeStatement(of lookup: KeyLookup) throws(DuckDBError) -> KeyedStatement {
    if let idle = lookup.take() { return idle }
    do throws(EngineError) {
      let held = try connect(lookup.settings)
      do throws(DuckDBError) {
        return try KeyedStatement(lookup, on: held, liveTables)
      } catch {
        giveBack(held)
        throw .statement(error)
      }
    } catch {
      if case .statement(let error) = error { throw error }
      throw DuckDBError(kind: .interrupted, message: "\(error)")
    }
  }

  func giveBack(_ statement: KeyedStatement, of lookup: KeyLookup) {
    let isCurrent = state.withLock { state in
      state.generation == lookup.generation && state.catalogVersion == lookup.catalogVersion
        && statement.held.generation == state.generation
    }
    if isCurrent { lookup.keep(statement) }
  }
}

extension DuckDBEngine {
  /// Makes a look-up on a worker. Returns at once.
  public func makeLookup(
    _ plan: DuckDBInstance.LookupPlan, template: String, _ settings: SessionSettings
  ) {
    let instance = self.instance
    pool.submit { instance.makeLookup(plan, template: template, settings) }
  }

  /// Begins to look a key up and returns at once: everything is known but the rows.
  public func start(_ lookup: KeyLookup, key: Batch) async throws(EngineError) -> ResultPump {
    try await admission.enter()
    let instance = self.instance
    let announcement = Announcement()
    let pump = makePump(
      schema: lookup.schema,
      source: KeyLookupSource(lookup, key, of: instance, start: announcement),
      announcement: announcement)
    pool.submit { [admission] in
      defer { admission.leave() }
      instance.register(pump, generation: lookup.generation)
      pump.fill()
    }
    return pump
  }
}
