public import Columnar

/// What `CommandGetSqlInfo` tells about the server, as far as it is not always the same.
public struct ServerFacts: Hashable, Sendable {
  /// Without a leading `v`, such as `1.5.5`.
  public var duckDBVersion: String
  public var hyprstreamVersion: String
  /// The version of the Arrow columnar format.
  public var arrowVersion = "1.5.0"
  public var isReadOnly = false
  /// How long a handle of a prepared statement lives unused, in milliseconds; 0: no limit.
  public var statementTimeoutMilliseconds: Int32 = 0
  /// How long a transaction that has written lives unused, in milliseconds; 0: no limit.
  public var transactionTimeoutMilliseconds: Int32 = 0
  public var keywords: [String] = []
  public var numericFunctions: [String] = []
  public var stringFunctions: [String] = []
  public var systemFunctions: [String] = []
  public var datetimeFunctions: [String] = []

  public init(duckDBVersion: String, hyprstreamVersion: String) {
    let hasPrefix = duckDBVersion.hasPrefix("v")
    self.duckDBVersion = hasPrefix ? String(duckDBVersion.dropFirst()) : duckDBVersion
    self.hyprstreamVersion = hyprstreamVersion
  }

  /// The server's version. Client families look for `duckdb ` at its start.
  public var version: String { "duckdb v\(duckDBVersion) hyprstream \(hyprstreamVersion)" }
}

extension ServerFacts {
  /// Two columns of text, kind and name: the keywords and functions of the engine. The same for
  /// as long as the engine runs, so the result can be kept.
  public static let namesSQL = """
    WITH types AS (
      SELECT function_name AS name, parameter_types AS given, schema_name = 'pg_catalog'
        OR (len(parameters) = 0 AND function_name SIMILAR TO '(current|get|txid|version).*')
        AS is_system
      FROM duckdb_functions()
      WHERE internal AND function_type IN ('scalar', 'macro')
        AND regexp_matches(function_name, '^[a-z][a-z0-9_]*$') AND name NOT LIKE '\\_%' ESCAPE '\\'
    ), named AS (
      SELECT 'keyword' AS kind, keyword_name AS name FROM duckdb_keywords()
      UNION ALL
      SELECT CASE
        WHEN is_system THEN 'system'
        WHEN list_has_any(given, ['DATE', 'TIME', 'TIMESTAMP', 'INTERVAL',
          'TIMESTAMP WITH TIME ZONE']) THEN 'datetime'
        WHEN given[1] = 'VARCHAR' THEN 'string'
        WHEN given[1] IN ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'FLOAT',
          'DOUBLE', 'DECIMAL') THEN 'numeric'
        END, name FROM types
    )
    SELECT DISTINCT kind, name FROM named WHERE kind IS NOT NULL ORDER BY 1, 2
    """

  /// Takes in a batch of the result of `namesSQL`.
  public mutating func addNames(_ batch: Batch) {
    guard batch.columns.count == 2 else { return }
    for row in 0..<batch.rowCount {
      let name = batch.columns[1].text(row)
      switch batch.columns[0].text(row) {
      case "keyword": keywords.append(name)
      case "numeric": numericFunctions.append(name)
      case "string": stringFunctions.append(name)
      case "system": systemFunctions.append(name)
      case "datetime": datetimeFunctions.append(name)
      default: continue
      }
    }
  }
}
