import SQL

/// The relation `metrics` and its windows: what they are in SQL, and the names they go by.
///
/// A row is `(metric_id, timestamp, value)`. Reading `metrics` adds sum, average and count of the metric
/// within its current window, up to and including the row, in the order in which rows arrived. The
/// statements of ``setupStatements`` are the definition: whatever computes these columns faster must
/// give the same rows.
///
/// Rows are kept in a table of the hidden schema `__hyprstream`, and `metrics` is a view over it, so
/// statements that change `metrics` are rewritten (``rewrite(_:head:session:columnsOfQuery:)``).
public struct MetricsRelation: Hashable, Sendable {
  /// Where a session looks up names without a schema.
  public struct Session: Hashable, Sendable {
    public var catalog: String
    public var schema: String

    public init(catalog: String, schema: String = "main") {
      self.catalog = catalog
      self.schema = schema
    }
  }

  /// The catalog (database) that holds it all, as DuckDB names it.
  public let catalog: String
  /// Length of the window of the running columns, in microseconds. Windows begin at multiples of it
  /// since 1970-01-01 00:00 UTC.
  public let windowMicroseconds: Int64

  /// - Parameters:
  ///   - catalog: The name under which DuckDB has the database.
  ///   - window: Taken as one microsecond at least, and a year at most.
  public init(catalog: String, window: Duration = .seconds(300)) {
    self.catalog = catalog
    let (seconds, attoseconds) = window.components
    let limit: Int64 = 366 * 86_400
    let micros = min(max(seconds, 0), limit) * 1_000_000 + attoseconds / 1_000_000_000_000
    windowMicroseconds = max(micros, 1)
  }

  /// The schema that clients do not see.
  public static let hiddenSchema = "__hyprstream"

  /// The columns that a row must bring, and those that reading computes unless the row brought them.
  static let givenColumns = ["metric_id", "timestamp", "value"]
  static let runningColumns = [
    "value_running_window_sum", "value_running_window_avg", "value_running_window_count",
  ]
  static let columns = givenColumns + runningColumns

  /// The views with fixed windows, and their lengths in seconds.
  static let windowViews: [(name: String, seconds: Int64)] = [
    ("metrics_5m", 300), ("metrics_30m", 1_800), ("metrics_1h", 3_600), ("metrics_1d", 86_400),
  ]

  /// What a column of `metrics` is called in the table: running columns that a row brought are kept
  /// under other names, so that no statement reads them as if they had been computed.
  static func storedName(of column: String) -> String {
    switch column {
    case "value_running_window_sum": "given_sum"
    case "value_running_window_avg": "given_avg"
    case "value_running_window_count": "given_count"
    default: column
    }
  }

  private func hidden(_ name: String) -> String {
    QualifiedName(catalog, Self.hiddenSchema, name).description
  }

  /// The table, as it may stand in a statement.
  var table: String { hidden("metrics") }
  /// The view with all columns of `metrics` and the two that say when a row arrived.
  var runningView: String { hidden("metrics_running") }
  /// One number per statement, or per row of a short `VALUES`: the first key of arrival.
  var sequence: String { hidden("metrics_arrival") }
  /// The function that makes a time of whatever a client sends.
  var timeFunction: String { hidden("as_timestamp") }

  /// `nextval` of ``sequence``.
  var nextArrival: String { "nextval(\(stringLiteral(sequence)))" }
}

// MARK: - Definition

extension MetricsRelation {
  /// Creates what is missing and replaces the views. Run at every start, in this order.
  public var setupStatements: [String] {
    [
      "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(catalog, Self.hiddenSchema))",
      "CREATE SEQUENCE IF NOT EXISTS \(sequence)",
      tableStatement, timeFunctionStatement, runningViewStatement,
      """
      CREATE OR REPLACE VIEW \(QualifiedName(catalog, "main", "metrics")) AS
      SELECT \(Self.columns.map(quotedIfNeeded).joined(separator: ", ")) FROM \(runningView)
      """,
    ] + Self.windowViews.map(windowViewStatement)
  }

  /// `(arrival, arrival_row)` is the order of arrival: a number from the sequence for the statement,
  /// and the place of the row in it.
  private var tableStatement: String {
    """
    CREATE TABLE IF NOT EXISTS \(table) (
      arrival BIGINT NOT NULL,
      arrival_row BIGINT NOT NULL,
      metric_id VARCHAR NOT NULL,
      "timestamp" TIMESTAMPTZ NOT NULL CHECK (isfinite("timestamp")),
      "value" DOUBLE NOT NULL,
      given_sum DOUBLE,
      given_avg DOUBLE,
      given_count BIGINT)
    """
  }

  /// Integers are seconds, milliseconds, microseconds or nanoseconds since 1970 by their magnitude:
  /// up to 11, 14, 17 digits, or more. Everything else is cast.
  private var timeFunctionStatement: String {
    let integer = "TRY_CAST(t AS BIGINT)"
    return """
      CREATE OR REPLACE MACRO \(timeFunction)(t) AS
      CASE WHEN typeof(t) IN ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UTINYINT',
          'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT')
        THEN make_timestamptz(CASE
          WHEN \(integer) BETWEEN -\(Self.maxSeconds) AND \(Self.maxSeconds) THEN \(integer) * 1000000
          WHEN \(integer) BETWEEN -\(Self.maxMilliseconds) AND \(Self.maxMilliseconds)
            THEN \(integer) * 1000
          WHEN \(integer) BETWEEN -\(Self.maxMicroseconds) AND \(Self.maxMicroseconds) THEN \(integer)
          ELSE \(integer) // 1000 END)
        ELSE CAST(t AS TIMESTAMPTZ) END
      """
  }

  private var runningViewStatement: String {
    """
    CREATE OR REPLACE VIEW \(runningView) AS
    SELECT arrival, arrival_row, metric_id, "timestamp", "value",
      coalesce(given_sum, sum("value") OVER running) AS value_running_window_sum,
      coalesce(given_avg, avg("value") OVER running) AS value_running_window_avg,
      coalesce(given_count, count(*) OVER running) AS value_running_window_count
    FROM \(table)
    WINDOW running AS (
      PARTITION BY metric_id, \(bucket(microseconds: windowMicroseconds))
      ORDER BY arrival, arrival_row
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    """
  }

  private func windowViewStatement(name: String, seconds: Int64) -> String {
    let micros = seconds * 1_000_000
    return """
      CREATE OR REPLACE VIEW \(QualifiedName(catalog, "main", name)) AS
      SELECT metric_id, window_start,
        window_start + to_microseconds(\(micros)) AS window_end,
        sum("value") AS "sum", avg("value") AS "avg", count(*) AS "count",
        min("value") AS "min", max("value") AS "max"
      FROM (
        SELECT metric_id, "value", \(bucket(microseconds: micros)) AS window_start
        FROM \(table))
      GROUP BY metric_id, window_start
      """
  }

  /// The start of the window that a row is in. Microseconds rather than days, whose length would
  /// depend on the time zone of the session.
  private func bucket(microseconds: Int64) -> String {
    "time_bucket(to_microseconds(\(microseconds)), \"timestamp\", "
      + "TIMESTAMPTZ '1970-01-01 00:00:00+00')"
  }

  static let maxSeconds: Int64 = 99_999_999_999
  static let maxMilliseconds: Int64 = 99_999_999_999_999
  static let maxMicroseconds: Int64 = 99_999_999_999_999_999

  /// The same decision as the SQL function takes, for literals: microseconds since 1970.
  static func microseconds(ofTime integer: Int64) -> Int64 {
    if (-maxSeconds...maxSeconds).contains(integer) { return integer * 1_000_000 }
    if (-maxMilliseconds...maxMilliseconds).contains(integer) { return integer * 1_000 }
    if (-maxMicroseconds...maxMicroseconds).contains(integer) { return integer }
    return integer / 1_000
  }
}
