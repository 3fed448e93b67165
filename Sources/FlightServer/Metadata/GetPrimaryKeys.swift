import Columnar
import FlightProtocol

/// `CommandGetPrimaryKeys`: the columns of a table's primary key.
enum GetPrimaryKeys {
  static let schema = Schema(
    Field("catalog_name", .utf8), Field("db_schema_name", .utf8),
    Field("table_name", .utf8, isNullable: false),
    Field("column_name", .utf8, isNullable: false), Field("key_name", .utf8),
    Field("key_sequence", .int32, isNullable: false))

  /// - Parameter foreign: Those of a database behind: a query.
  static func query(
    _ command: FlightSQL.CommandGetPrimaryKeys, foreign: String? = nil
  ) -> MetadataQuery {
    let filter = SQLFilter.all(
      SQLFilter.visible(catalog: "catalog_name", schema: "db_schema_name", temporary: true),
      SQLFilter.equals("catalog_name", command.hasCatalog ? command.catalog : nil),
      SQLFilter.equals("db_schema_name", command.hasDbSchema ? command.dbSchema : nil),
      SQLFilter.equals("table_name", command.table))
    return MetadataQuery(
      schema: schema,
      sql: """
        SELECT * FROM (
          SELECT database_name AS catalog_name, schema_name AS db_schema_name, table_name,
            unnest(constraint_column_names) AS column_name, constraint_name AS key_name,
            unnest(range(1, len(constraint_column_names) + 1))::INTEGER AS key_sequence
          FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'
          \(foreign.map { "UNION ALL BY NAME FROM \($0)" } ?? "")
        ) WHERE \(filter) ORDER BY catalog_name, db_schema_name, table_name, key_name, key_sequence
        """)
  }
}
