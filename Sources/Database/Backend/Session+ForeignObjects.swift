internal import ADBC
internal import Columnar
internal import DuckDB
internal import Engine

/// What relations the database behind has, for metadata.
public struct ForeignObjects: Sendable {
  /// Queries, in brackets, for the SQL of metadata.
  public let catalogs: String
  /// With the columns `catalog_name` and `db_schema_name`.
  public let schemas: String
  /// With `table_name` and `table_type` as well.
  public let tables: String

  init(_ relation: String) {
    let schemas = "SELECT catalog_name, unnest(catalog_db_schemas) AS s FROM \(relation)"
    catalogs = "(SELECT DISTINCT catalog_name FROM \(relation) WHERE catalog_name IS NOT NULL)"
    self.schemas = """
      (SELECT catalog_name, s.db_schema_name AS db_schema_name FROM (\(schemas))
      WHERE s.db_schema_name NOT LIKE 'pg\\_toast%' ESCAPE '\\')
      """
    tables = """
      (SELECT catalog_name, s.db_schema_name AS db_schema_name, t.table_name AS table_name,
        CASE upper(t.table_type) WHEN 'BASE TABLE' THEN 'TABLE' WHEN 'TEMPORARY TABLE' THEN 'LOCAL TEMPORARY'
          ELSE upper(t.table_type) END AS table_type
      FROM (SELECT catalog_name, s, unnest(s.db_schema_tables) AS t FROM (\(schemas)))
      WHERE upper(t.table_type) IN ('TABLE', 'BASE TABLE', 'VIEW', 'MATERIALIZED VIEW', 'PARTITIONED TABLE', 'FOREIGN TABLE',
        'TEMPORARY TABLE', 'LOCAL TEMPORARY')
      AND coalesce(s.db_schema_name, '') NOT LIKE 'pg\\_toast%' ESCAPE '\\')
      """
  }
}

extension Session {
  /// Asks the database behind for its relations, and has them readable by SQL while `body` runs.
  ///
  /// - Parameter depth: How much is asked for.
  /// - Returns: What `body` returns; it gets nil if there is no database behind.
  public func withForeignObjects<Value>(
    _ depth: ForeignDepth, _ body: (ForeignObjects?) async throws -> Value
  ) async throws -> Value {
    guard let backend = database.backend else { return try await body(nil) }
    let batches: [Batch]
    do {
      batches = try await backend.engine.run(BackendCall()) { (connection) throws(ADBCError) in
        try connection.objects(depth: depth.objectDepth).allBatches()
      }
    } catch {
      throw DatabaseError(any: error)
    }
    guard let first = batches.first else { return try await body(nil) }
    let liveTables = engine.instance.liveTables
    let id: Int64
    do {
      id = try liveTables.add(BatchTable(schema: first.schema, batches: batches))
    } catch {
      throw DatabaseError(any: error)
    }
    defer { liveTables.remove(id) }
    return try await body(ForeignObjects(DuckDBInstance.liveRelation(id)))
  }
}

/// How much is asked for.
public enum ForeignDepth: Sendable {
  case catalogs, schemas, tables

  fileprivate var objectDepth: ADBCConnection.ObjectDepth {
    switch self {
    case .catalogs: .catalogs
    case .schemas: .schemas
    case .tables: .tables
    }
  }
}
