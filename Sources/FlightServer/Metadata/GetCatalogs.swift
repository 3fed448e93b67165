import Columnar

/// `CommandGetCatalogs`: the databases that are attached.
enum GetCatalogs {
  static let schema = Schema(Field("catalog_name", .utf8, isNullable: false))

  static func query() -> MetadataQuery {
    MetadataQuery(
      schema: schema,
      sql: """
        SELECT database_name AS catalog_name FROM duckdb_databases()
        WHERE NOT internal AND \(SQLFilter.visible(catalog: "database_name"))
        ORDER BY 1
        """)
  }
}
