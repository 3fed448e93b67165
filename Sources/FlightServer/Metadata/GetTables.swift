import Columnar
import FlightProtocol

/// `CommandGetTables`: tables and views, with their schemas if wanted (`TableSchemas`).
enum GetTables {
  static let schema = Schema(
    Field("catalog_name", .utf8), Field("db_schema_name", .utf8),
    Field("table_name", .utf8, isNullable: false),
    Field("table_type", .utf8, isNullable: false))

  static let schemaWithTableSchema = Schema(
    schema.fields + [Field("table_schema", .binary, isNullable: false)])

  /// The first four columns; `TableSchemas` adds the fifth.
  ///
  /// - Parameter foreign: Those of a database behind: a query.
  static func query(
    _ command: FlightSQL.CommandGetTables, foreign: String? = nil
  ) -> MetadataQuery {
    MetadataQuery(
      schema: schema,
      sql: """
        SELECT catalog_name, db_schema_name, table_name, table_type
        FROM (\(relations)\(foreign.map { " UNION ALL BY NAME FROM \($0)" } ?? ""))
        WHERE \(filter(command)) ORDER BY 1, 2, 3, 4
        """)
  }

  /// One row per relation that DuckDB knows.
  static let relations = """
    SELECT database_name AS catalog_name, schema_name AS db_schema_name, table_name,
      CASE WHEN temporary THEN '\(GetTableTypes.temporary)' ELSE '\(GetTableTypes.table)' END
        AS table_type
    FROM duckdb_tables() WHERE NOT internal
    UNION ALL
    SELECT database_name, schema_name, view_name, '\(GetTableTypes.view)'
    FROM duckdb_views() WHERE NOT internal
    """

  /// What narrows `relations` to the tables asked for.
  static func filter(_ command: FlightSQL.CommandGetTables) -> String {
    SQLFilter.all(
      SQLFilter.visible(catalog: "catalog_name", schema: "db_schema_name", temporary: true),
      SQLFilter.equals("catalog_name", command.hasCatalog ? command.catalog : nil),
      SQLFilter.matches(
        "db_schema_name",
        command.hasDbSchemaFilterPattern ? command.dbSchemaFilterPattern : nil),
      SQLFilter.matches(
        "table_name",
        command.hasTableNameFilterPattern ? command.tableNameFilterPattern : nil),
      types(command.tableTypes))
  }

  /// Types are compared without case; `BASE TABLE`, the name in the information schema, is
  /// understood as `TABLE`.
  private static func types(_ types: [String]) -> String? {
    guard !types.isEmpty else { return nil }
    let names = types.map { type in
      let upper = type.uppercased()
      return SQLFilter.literal(upper == "BASE TABLE" ? GetTableTypes.table : upper)
    }
    return "table_type IN (\(names.joined(separator: ", ")))"
  }
}
