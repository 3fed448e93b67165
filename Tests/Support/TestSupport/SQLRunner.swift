/// Something that runs a statement for a test file: a session of the database, or a client.
public protocol SQLRunner: Sendable {
  /// Runs one statement to its end.
  ///
  /// - Returns: The names of the columns, and the rows as text: `NULL` for null, `true` and `false`,
  ///   numbers and times as DuckDB casts them to VARCHAR. Both empty for a statement without rows.
  /// - Throws: Any error; its description is what `statement error` is matched against.
  func run(_ sql: String) async throws -> (columns: [String], rows: [[String]])
}
