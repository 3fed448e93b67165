import Columnar

/// `CommandGetCatalogs`: the databases that are attached.
enum GetCatalogs {
  static let schema = Schema(Field("catalog_name", .utf8, isNullable: false))

  /// - Parameter foreign: Those of a database behind: a query.
  static func query(foreign: String? = nil) -> MetadataQuery {
    MetadataQuery(
      schema: schema,
      sql: """
        SELECT database_name AS catalog_name FROM duckdb_databases()
        WHERE NOT internal AND \(SQLFilter.visible(catalog: "database_name"))
        \(foreign.map { "UNION FROM \($0)" } ?? "") ORDER BY 1
        """)
  }
}
