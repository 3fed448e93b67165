import SQL

/// The stream `metrics`, which every database has, and where names are looked up.
///
/// A row is `(metric_id, timestamp, value)`; sum, average and count of the metric within its current window
/// are computed as it is stored, up to and including the row, in the order of arrival. A row may bring
/// these columns itself.
public struct MetricsRelation: Hashable, Sendable {
  /// Where a session looks up names without a schema.
  public struct Session: Hashable, Sendable {
    public var catalog: String
    public var schema: String
    /// Whether names may mean relations of the session's own.
    public var hasTemporaryRelations = false
    /// The engine where statements go that name none; nil for that of the server.
    public var engine: String?

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

  /// The name of the stream, in the schema `main`.
  static let name = "metrics"

  /// Creates what is missing. Run at every start.
  public var setupStatements: [String] {
    ["CREATE SCHEMA IF NOT EXISTS \(QualifiedName(catalog, Self.hiddenSchema))"]
  }

  /// What the stream is made with.
  var statement: String {
    """
    CREATE STREAM \(QualifiedName(catalog, "main", Self.name)) (
      metric_id VARCHAR NOT NULL, "timestamp" TIMESTAMPTZ NOT NULL, "value" DOUBLE NOT NULL
    ) WITH (
      running = 'value', running_key = 'metric_id', running_time = 'timestamp',
      running_window = '\(windowMicroseconds) microseconds', windows = '5m,30m,1h,1d')
    """
  }
}
