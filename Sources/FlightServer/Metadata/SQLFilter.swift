/// Builds the WHERE clauses of metadata queries from what a client asks for.
enum SQLFilter {
  /// Catalogs and schemas that begin so are the server's own.
  static let hiddenPrefix = "__hyprstream"

  /// A string literal. A text with a NUL, which SQL text cannot hold, becomes one that no name
  /// equals.
  static func literal(_ text: String) -> String {
    guard !text.utf8.contains(0) else { return "NULL" }
    return "'" + text.replacingQuotes() + "'"
  }

  /// `column = text`; true when there is no filter. An empty text means "without": it equals
  /// nothing, because everything in DuckDB has a catalog and a schema.
  static func equals(_ column: String, _ text: String?) -> String? {
    text.map { "\(column) = \(literal($0))" }
  }

  /// `column LIKE pattern`, with the escape character that `SqlInfo` announces.
  static func matches(_ column: String, _ pattern: String?) -> String? {
    pattern.map { "\(column) LIKE \(literal($0)) ESCAPE '\\'" }
  }

  /// Leaves out what is internal to DuckDB or to this server. `temp` is a catalog of its own in
  /// DuckDB; its tables belong to the session and are shown, the catalog is not.
  static func visible(catalog: String, schema: String? = nil, temporary: Bool = false) -> String {
    let hidden = temporary ? "('system')" : "('system', 'temp')"
    var terms = [
      "\(catalog) NOT IN \(hidden)", "NOT starts_with(\(catalog), '\(hiddenPrefix)')",
    ]
    if let schema {
      terms.append("\(schema) NOT IN ('information_schema', 'pg_catalog')")
      terms.append("NOT starts_with(\(schema), '\(hiddenPrefix)')")
    }
    return terms.joined(separator: " AND ")
  }

  /// All conditions joined with AND; absent ones are left out.
  static func all(_ conditions: String?...) -> String {
    conditions.compactMap(\.self).joined(separator: " AND ")
  }
}

extension String {
  fileprivate func replacingQuotes() -> String {
    var quoted = ""
    quoted.reserveCapacity(utf8.count)
    for scalar in unicodeScalars {
      if scalar == "'" { quoted.append("'") }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted
  }
}
