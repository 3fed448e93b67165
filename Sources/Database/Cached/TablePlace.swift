internal import ADBC
internal import Columnar

/// Where a table of the database behind is, in its own words.
struct TablePlace: Sendable {
  var schema: String?
  var name: String
  var isOnPath: Bool
  /// Columns whose texts are compared in other ways than byte by byte.
  var uncompared: Set<String> = []

  /// - Returns: Nil if there is no such table.
  static func find(
    _ definition: CachedTableDefinition, _ dialect: Dialect, _ connection: ADBCConnection
  ) throws(ADBCError) -> TablePlace? {
    guard dialect == .postgresql else {
      return TablePlace(
        schema: definition.schema, name: definition.name, isOnPath: definition.schema == nil)
    }
    let collations = """
      coalesce((SELECT string_agg(a.attname::text, chr(10)) FROM pg_attribute a JOIN pg_collation k ON k.oid = a.attcollation
        WHERE a.attrelid = c.oid AND NOT k.collisdeterministic), '')
      """
    let name = dialect.literal(definition.written)
    let batch: Batch?
    do throws(ADBCError) {
      batch = try firstBatch(question(name, collations), connection)
    } catch {
      // Before PostgreSQL 12 all collations are byte by byte.
      batch = try firstBatch(question(name, "''::text"), connection)
    }
    guard let batch, batch.rowCount == 1, batch.columns.count == 4 else { return nil }
    let parts = batch.columns.map { $0.string(at: 0) ?? "" }
    return TablePlace(
      schema: parts[0], name: parts[1], isOnPath: parts[2] == "1",
      uncompared: Set(parts[3].split(separator: "\n").map(String.init)))
  }

  private static func question(_ name: String, _ collations: String) -> String {
    """
    SELECT n.nspname::text, c.relname::text,
      (coalesce(to_regclass(quote_ident(c.relname))::oid = c.oid, false))::int, \(collations)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(\(name))
    """
  }

  private static func firstBatch(
    _ sql: String, _ connection: ADBCConnection
  ) throws(ADBCError) -> Batch? {
    let batch = try connection.query(sql).firstBatch()
    return batch
  }
}
