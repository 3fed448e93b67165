import Columnar
import FlightProtocol

/// `CommandGetDbSchemas`: the schemas of all catalogs.
enum GetDbSchemas {
  static let schema = Schema(
    Field("catalog_name", .utf8), Field("db_schema_name", .utf8, isNullable: false))

  static func query(_ command: FlightSQL.CommandGetDbSchemas) -> MetadataQuery {
    let filter = SQLFilter.all(
      SQLFilter.visible(catalog: "database_name", schema: "schema_name"),
      SQLFilter.equals("database_name", command.hasCatalog ? command.catalog : nil),
      SQLFilter.matches(
        "schema_name",
        command.hasDbSchemaFilterPattern ? command.dbSchemaFilterPattern : nil))
    return MetadataQuery(
      schema: schema,
      sql: """
        SELECT database_name AS catalog_name, schema_name AS db_schema_name
        FROM duckdb_schemas() WHERE \(filter) ORDER BY 1, 2
        """)
  }
}
