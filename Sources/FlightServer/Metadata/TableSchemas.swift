public import Columnar
public import FlightProtocol

/// Where a relation is found. All three names as the catalog spells them.
public struct RelationName: Hashable, Sendable {
  public var catalog: String
  public var schema: String
  public var name: String

  public init(catalog: String, schema: String, name: String) {
    self.catalog = catalog
    self.schema = schema
    self.name = name
  }

  /// The name for use in SQL, quoted.
  public var sql: String {
    [catalog, schema, name].map { "\"" + $0.replacingDoubleQuotes() + "\"" }
      .joined(separator: ".")
  }
}

/// Fills the column `table_schema` of `CommandGetTables`.
public enum TableSchemas {
  /// Types, defaults and comments of the columns of all tables that `command` asks for.
  public static func columnsQuery(_ command: FlightSQL.CommandGetTables) -> MetadataQuery {
    MetadataQuery(
      schema: columnsSchema,
      sql: """
        SELECT c.database_name AS catalog_name, c.schema_name AS db_schema_name, c.table_name,
          c.column_name, c.data_type, \(precision) AS "precision",
          c.numeric_scale AS "scale", c.is_nullable, c.column_default, c.comment
        FROM duckdb_columns() c
        JOIN (SELECT catalog_name, db_schema_name, table_name, table_type FROM (
          \(GetTables.relations)) WHERE \(GetTables.filter(command))) r
          ON c.database_name = r.catalog_name AND c.schema_name = r.db_schema_name
          AND c.table_name = r.table_name
        ORDER BY c.database_name, c.schema_name, c.table_name, c.column_index
        """)
  }

  /// Decimal digits, as clients expect them; DuckDB tells bits for signed types and nothing for
  /// unsigned ones.
  private static let precision = """
    CASE c.data_type WHEN 'TINYINT' THEN 3 WHEN 'UTINYINT' THEN 3 WHEN 'SMALLINT' THEN 5
      WHEN 'USMALLINT' THEN 5 WHEN 'INTEGER' THEN 10 WHEN 'UINTEGER' THEN 10
      WHEN 'BIGINT' THEN 19 WHEN 'UBIGINT' THEN 20 WHEN 'HUGEINT' THEN 39
      WHEN 'UHUGEINT' THEN 39 WHEN 'FLOAT' THEN 7 WHEN 'DOUBLE' THEN 15
      ELSE c.numeric_precision END::INTEGER
    """

  private static let columnsSchema = Schema(
    Field("catalog_name", .utf8), Field("db_schema_name", .utf8), Field("table_name", .utf8),
    Field("column_name", .utf8), Field("data_type", .utf8), Field("precision", .int32),
    Field("scale", .int32), Field("is_nullable", .bool), Field("column_default", .utf8),
    Field("comment", .utf8))

  /// The answer with schemas: `tables` and one more column.
  ///
  /// - Parameters:
  ///   - tables: The labelled result of the command's query.
  ///   - columns: The result of `columnsQuery`.
  ///   - arrowSchema: The schema that a SELECT of all columns of a relation has. Nil when the
  ///     relation cannot be read, such as a view whose table is gone; its schema is then empty.
  public static func append(
    to tables: Batch, columns: Batch, arrowSchema: (RelationName) throws -> Schema?
  ) rethrows -> Batch {
    let details = ColumnDetails.grouped(columns)
    var schemas = StringBuilder(.binary)
    for row in 0..<tables.rowCount {
      let name = RelationName(
        catalog: tables.columns[0].text(row), schema: tables.columns[1].text(row),
        name: tables.columns[2].text(row))
      let schema = try arrowSchema(name) ?? Schema()
      schemas.append(
        bytes: IPCStream.schemaBytes(annotate(schema, of: name, with: details[name] ?? [])))
    }
    return Batch(
      schema: GetTables.schemaWithTableSchema, columns: tables.columns + [schemas.finish()],
      rowCount: tables.rowCount)
  }

  /// Adds what the catalog knows about columns to a schema, as field metadata.
  static func annotate(
    _ schema: Schema, of name: RelationName, with details: [ColumnDetails]
  ) -> Schema {
    var annotated = schema
    for index in annotated.fields.indices {
      let column = annotated.fields[index].name
      let detail =
        details.indices.contains(index) && details[index].name == column
        ? details[index] : details.first { $0.name == column }
      guard let detail else { continue }
      annotated.fields[index].isNullable = detail.isNullable
      annotated.fields[index].metadata += detail.metadata(in: name)
    }
    return annotated
  }
}

extension String {
  fileprivate func replacingDoubleQuotes() -> String {
    split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
  }
}

extension Column {
  /// The value as text; empty for null.
  func text(_ row: Int) -> String { string(at: row) ?? "" }
}
