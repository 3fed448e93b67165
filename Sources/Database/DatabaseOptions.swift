public import Engine

/// What a database needs to know at start. Every value has a unit and a reason.
public struct DatabaseOptions: Sendable {
  /// The DuckDB file; `nil` keeps everything in memory.
  public var path: String?
  /// Folder for results that are kept aside; emptied at start by the operating system's rules.
  public var spoolDirectory = "/tmp"
  /// Where DuckDB finds its extensions; `nil` leaves its default.
  public var extensionDirectory: String?
  /// Extensions that are loaded at start, by name; no statement can load one later.
  public var extensions: [String] = []
  /// Settings of DuckDB that the operator gave, passed on as they are.
  public var engineSettings: [String: String] = [:]
  /// Folders that statements may read and write. Without any, statements touch no files.
  public var allowedDirectories: [String] = []
  /// Where rows of streams are kept that leave the log, unless a stream names another place; `nil`
  /// for a server that keeps nothing.
  public var coldDirectory: String?
  /// Folders and `s3://` prefixes that streams may name for such rows.
  public var tierLocations: [String] = []
  /// Memory of the DuckDB instance in bytes; 0 lets DuckDB take its default.
  public var memoryLimitByteCount = 0
  /// Threads of DuckDB; 0 takes as many as there are processors.
  public var threadCount = 0
  /// How many statements run at once, and how many wait for a place.
  public var maxRunning = 16
  public var maxQueued = 1000
  /// How long a statement waits for a place; zero means without limit.
  public var queueTimeout: Duration = .seconds(60)
  public var maxSessions = 10_000
  /// When there are too many sessions, one that holds nothing makes room after so long without a
  /// call: clients that fetch a token for each connection leave many behind.
  public var replaceableSessionGrace: Duration = .seconds(10)
  /// Per session.
  public var maxPreparedStatements = 10_000
  /// Per session.
  public var maxTransactions = 64
  /// Disk that all results together may take that are kept aside, in bytes.
  public var maxSpoolByteCount = 16 << 30
  /// A statement that runs longer is interrupted; zero means never.
  public var statementTimeout: Duration = .zero
  /// A transaction that has written is rolled back after this long without a statement.
  public var transactionIdleTimeout: Duration = .seconds(300)
  /// A result that nobody reads, or a prepared statement that nobody uses, is let go after this.
  public var handleLease: Duration = .seconds(1800)
  /// A session that belongs to a token or a cookie ends after this long without a call.
  public var sessionIdleTimeout: Duration = .seconds(4 * 3600)
  /// Statements that take longer are logged; zero turns the log off.
  public var slowStatementThreshold: Duration = .zero
  /// Length of the window of the running columns of `metrics`.
  public var metricsWindow: Duration = .seconds(300)

  /// The cache in front of the database behind; nil for none.
  public var cache: ResultCache.Limits?

  /// User name and password of an engine by its name, from outside of the database.
  public var engineCredentials: @Sendable (String) -> EngineCredentials = { _ in
    EngineCredentials()
  }

  public init() {}
}
