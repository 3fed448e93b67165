/// The SQL behind `\d` and its relatives. Catalogs and schemas that the server keeps for itself stay hidden.
enum CatalogQueries {
  private static let visible = """
    table_catalog NOT IN ('system', 'temp') AND table_schema NOT IN ('information_schema', \
    'pg_catalog') AND NOT starts_with(table_schema, '__hyprstream')
    """

  static func relations(tablesOnly: Bool) -> String {
    """
    SELECT table_catalog AS "catalog", table_schema AS "schema", table_name AS "name",
      CASE table_type WHEN 'BASE TABLE' THEN 'table' WHEN 'LOCAL TEMPORARY' THEN 'temporary table'
        ELSE lower(table_type) END AS "type"
    FROM information_schema.tables
    WHERE \(visible)\(tablesOnly ? " AND table_type <> 'VIEW'" : "")
    ORDER BY ALL
    """
  }

  /// - Parameter name: `table`, `schema.table` or `catalog.schema.table`, without quotes around parts.
  static func columns(of name: String) -> String {
    let parts = name.split(separator: ".").map { literal(String($0)) }
    var condition = "lower(table_name) = lower(\(parts.last ?? "''"))"
    if parts.count > 1 {
      condition += " AND lower(table_schema) = lower(\(parts[parts.count - 2]))"
    }
    if parts.count > 2 {
      condition += " AND lower(table_catalog) = lower(\(parts[parts.count - 3]))"
    }
    return """
      SELECT column_name AS "column", data_type AS "type", is_nullable AS "null",
        column_default AS "default"
      FROM information_schema.columns WHERE \(condition)
      ORDER BY table_catalog, table_schema, table_name, ordinal_position
      """
  }

  /// Names of schemas, relations and columns, for completion.
  static let names = """
    SELECT DISTINCT name FROM (
      SELECT unnest([table_schema, table_name]) AS name FROM information_schema.tables WHERE \(visible)
      UNION ALL
      SELECT column_name FROM information_schema.columns WHERE \(visible))
    WHERE regexp_full_match(name, '[A-Za-z_][A-Za-z0-9_]*') ORDER BY ALL LIMIT 5000
    """

  static let databases = """
    SELECT database_name AS "name", type AS "type", readonly AS "read only"
    FROM duckdb_databases() WHERE NOT internal ORDER BY ALL
    """

  private static func literal(_ text: String) -> String {
    var parts = text[...]
    if parts.first == "\"", parts.last == "\"", parts.count > 1 {
      parts = parts.dropFirst().dropLast()
    }
    return "'"
      + parts.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "''") + "'"
  }
}
