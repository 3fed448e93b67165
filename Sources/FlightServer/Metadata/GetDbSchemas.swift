import Columnar
import FlightProtocol

/// `CommandGetDbSchemas`: the schemas of all catalogs.
enum GetDbSchemas {
  static let schema = Schema(
    Field("catalog_name", .utf8), Field("db_schema_name", .utf8, isNullable: false))

  /// - Parameter foreign: Those of a database behind: a query.
  static func query(
    _ command: FlightSQL.CommandGetDbSchemas, foreign: String? = nil
  ) -> MetadataQuery {
    let filter = SQLFilter.all(
      SQLFilter.visible(catalog: "catalog_name", schema: "db_schema_name"),
      SQLFilter.equals("catalog_name", command.hasCatalog ? command.catalog : nil),
      SQLFilter.matches(
        "db_schema_name",
        command.hasDbSchemaFilterPattern ? command.dbSchemaFilterPattern : nil))
    return MetadataQuery(
      schema: schema,
      sql: """
        SELECT catalog_name, db_schema_name FROM (
          SELECT database_name AS catalog_name, schema_name AS db_schema_name FROM duckdb_schemas()
          \(foreign.map { "UNION ALL BY NAME FROM \($0)" } ?? "")
        ) WHERE \(filter) ORDER BY 1, 2
        """)
  }
}
