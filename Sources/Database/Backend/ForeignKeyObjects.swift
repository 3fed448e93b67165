internal import ADBC
internal import Columnar
internal import DuckDB
internal import Engine

/// The keys of the tables of the database behind, for metadata: queries with the columns of Flight SQL's answers.
public struct ForeignKeyObjects: Sendable {
  /// `catalog_name`, `db_schema_name`, `table_name`, `column_name`, `key_name`, `key_sequence`.
  public let primaryKeys: String
  /// `pk_…` and `fk_…` of catalog, schema, table and column, `key_sequence`, `fk_key_name`, `pk_key_name`, `update_rule`, `delete_rule`.
  public let foreignKeys: String
}

extension Session {
  /// Asks the database behind for its keys, and has them readable by SQL while `body` runs.
  ///
  /// - Returns: What `body` returns; it gets nil if there is no database behind.
  public func withForeignKeys<Value>(
    _ body: (ForeignKeyObjects?) async throws -> Value
  ) async throws -> Value {
    guard let backend = database.backend else { return try await body(nil) }
    let batches: (primary: [Batch], foreign: [Batch])
    let dialect: Dialect
    do {
      dialect = try await backend.engine.known().dialect
      batches = try await backend.engine.run(BackendCall()) {
        (connection) throws(ADBCError) -> ([Batch], [Batch]) in
        guard dialect == .postgresql else { return (try connection.objects().allBatches(), []) }
        return (
          try connection.query(PostgreSQLKeys.primary).allBatches(),
          try connection.query(PostgreSQLKeys.foreign).allBatches()
        )
      }
    } catch {
      throw DatabaseError(any: error)
    }
    let liveTables = engine.instance.liveTables
    var ids: [Int64] = []
    defer { for id in ids { liveTables.remove(id) } }
    for part in [batches.primary, batches.foreign] {
      guard let schema = part.first?.schema else { continue }
      do {
        ids.append(try liveTables.add(BatchTable(schema: schema, batches: part)))
      } catch {
        throw DatabaseError(any: error)
      }
    }
    let relations = ids.map { DuckDBInstance.liveRelation($0) }
    if dialect == .postgresql, relations.count == 2 {
      return try await body(
        ForeignKeyObjects(
          primaryKeys: "(FROM \(relations[0]))", foreignKeys: "(FROM \(relations[1]))"))
    }
    guard let objects = relations.first, dialect != .postgresql else { return try await body(nil) }
    return try await body(ForeignKeyObjects(objects: objects))
  }
}

extension ForeignKeyObjects {
  /// - Parameter objects: A relation with what the driver says of all objects.
  fileprivate init(objects: String) {
    let constraints = """
      (SELECT catalog_name, s.db_schema_name AS db_schema_name, t.table_name AS table_name, unnest(t.table_constraints) AS c
      FROM (SELECT catalog_name, s, unnest(s.db_schema_tables) AS t
        FROM (SELECT catalog_name, unnest(catalog_db_schemas) AS s FROM \(objects))))
      """
    primaryKeys = """
      (SELECT catalog_name, db_schema_name, table_name, unnest(c.constraint_column_names) AS column_name,
        c.constraint_name AS key_name, unnest(range(1, len(c.constraint_column_names) + 1))::INTEGER AS key_sequence
      FROM \(constraints) WHERE c.constraint_type = 'PRIMARY KEY')
      """
    foreignKeys = """
      (SELECT u.fk_catalog AS pk_catalog_name, u.fk_db_schema AS pk_db_schema_name, u.fk_table AS pk_table_name,
        u.fk_column_name AS pk_column_name, catalog_name AS fk_catalog_name, db_schema_name AS fk_db_schema_name,
        table_name AS fk_table_name, fk_column_name, key_sequence, fk_key_name, NULL::VARCHAR AS pk_key_name,
        3::UTINYINT AS update_rule, 3::UTINYINT AS delete_rule
      FROM (SELECT catalog_name, db_schema_name, table_name, unnest(c.constraint_column_usage) AS u,
          unnest(c.constraint_column_names) AS fk_column_name, c.constraint_name AS fk_key_name,
          unnest(range(1, len(c.constraint_column_names) + 1))::INTEGER AS key_sequence
        FROM \(constraints) WHERE c.constraint_type = 'FOREIGN KEY'))
      """
  }
}

/// PostgreSQL's driver lists the columns that a key refers to in an order of its own, so the catalog is asked.
private enum PostgreSQLKeys {
  static let primary = """
    SELECT current_database()::text AS catalog_name, n.nspname::text AS db_schema_name, c.relname::text AS table_name,
      a.attname::text AS column_name, k.conname::text AS key_name, u.place::int AS key_sequence
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN unnest(k.conkey) WITH ORDINALITY u(number, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number
    WHERE k.contype = 'p'
    """

  static let foreign = """
    SELECT current_database()::text AS pk_catalog_name, pn.nspname::text AS pk_db_schema_name, p.relname::text AS pk_table_name,
      pa.attname::text AS pk_column_name, current_database()::text AS fk_catalog_name, n.nspname::text AS fk_db_schema_name,
      c.relname::text AS fk_table_name, a.attname::text AS fk_column_name, u.place::int AS key_sequence,
      k.conname::text AS fk_key_name, i.conname::text AS pk_key_name, \(rule("k.confupdtype")) AS update_rule,
      \(rule("k.confdeltype")) AS delete_rule
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
    LEFT JOIN pg_constraint i ON i.conindid = k.conindid AND i.conrelid = k.confrelid AND i.contype IN ('p', 'u')
    CROSS JOIN unnest(k.conkey, k.confkey) WITH ORDINALITY u(number, target, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number
    JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = u.target
    WHERE k.contype = 'f'
    """

  /// As Flight SQL numbers them.
  private static func rule(_ letter: String) -> String {
    "(CASE \(letter) WHEN 'c' THEN 0 WHEN 'r' THEN 1 WHEN 'n' THEN 2 WHEN 'd' THEN 4 ELSE 3 END)::int"
  }
}
