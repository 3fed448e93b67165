import Columnar

/// What the three commands about foreign keys have in common.
enum ForeignKeys {
  static let schema = Schema(
    Field("pk_catalog_name", .utf8), Field("pk_db_schema_name", .utf8),
    Field("pk_table_name", .utf8, isNullable: false),
    Field("pk_column_name", .utf8, isNullable: false), Field("fk_catalog_name", .utf8),
    Field("fk_db_schema_name", .utf8), Field("fk_table_name", .utf8, isNullable: false),
    Field("fk_column_name", .utf8, isNullable: false),
    Field("key_sequence", .int32, isNullable: false), Field("fk_key_name", .utf8),
    Field("pk_key_name", .utf8), Field("update_rule", .uint8, isNullable: false),
    Field("delete_rule", .uint8, isNullable: false))

  /// `NO ACTION`, the one rule that DuckDB has: it refuses what would leave a dangling row.
  private static let noAction = 3

  /// Which side of the relationship the result is sorted by.
  enum Order: String {
    case primary = "pk_catalog_name, pk_db_schema_name, pk_table_name, pk_key_name, key_sequence"
    case foreign = "fk_catalog_name, fk_db_schema_name, fk_table_name, fk_key_name, key_sequence"
  }

  /// A foreign key and the key it refers to lie in one schema; DuckDB allows nothing else.
  ///
  /// - Parameter foreign: Those of a database behind: a query.
  static func query(where filter: String, order: Order, foreign: String?) -> MetadataQuery {
    MetadataQuery(
      schema: schema,
      sql: """
        SELECT * FROM (
          SELECT p.database_name AS pk_catalog_name, p.schema_name AS pk_db_schema_name,
            p.table_name AS pk_table_name, unnest(f.referenced_column_names) AS pk_column_name,
            f.database_name AS fk_catalog_name, f.schema_name AS fk_db_schema_name,
            f.table_name AS fk_table_name, unnest(f.constraint_column_names) AS fk_column_name,
            unnest(range(1, len(f.constraint_column_names) + 1))::INTEGER AS key_sequence,
            f.constraint_name AS fk_key_name, p.constraint_name AS pk_key_name,
            \(noAction)::UTINYINT AS update_rule, \(noAction)::UTINYINT AS delete_rule
          FROM duckdb_constraints() f JOIN duckdb_constraints() p
            ON f.constraint_type = 'FOREIGN KEY'
            AND p.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
            AND p.database_oid = f.database_oid AND p.schema_oid = f.schema_oid
            AND lower(p.table_name) = lower(f.referenced_table)
            AND list_transform(p.constraint_column_names, lambda c: lower(c))
              = list_transform(f.referenced_column_names, lambda c: lower(c))
          \(foreign.map { "UNION ALL BY NAME SELECT * REPLACE (update_rule::UTINYINT AS update_rule, delete_rule::UTINYINT AS delete_rule) FROM \($0)" } ?? "")
        ) WHERE \(filter) AND \(visible) ORDER BY \(order.rawValue)
        """)
  }

  private static let visible = SQLFilter.visible(
    catalog: "fk_catalog_name", schema: "fk_db_schema_name", temporary: true)
}
