/// Everything that an operator can set about a server, as one value.
///
/// A fresh value holds the built-in defaults. `SettingsLoading` lays the configuration files, the
/// environment and the command line over it; ``validate()`` then says what cannot work. Each option is
/// known under one name in three spellings: `--max-running`, `HYPRSTREAM_MAX_RUNNING` and
/// `max_running` in TOML. ``OptionTable`` holds the names and the texts of `--help`.
public struct ServerOptions: Hashable, Sendable {
  public var network = Network()
  public var storage = Storage()
  public var engine = Engine()
  public var cache = Cache()
  public var log = Log()
  public var limits = Limits()
  public var timeouts = Timeouts()
  public var machine = Machine()
  /// Length of the windows over which the running columns of `metrics` are computed.
  public var metricsWindow: Duration = .seconds(300)

  public init() {}

  /// Where the server listens.
  public struct Network: Hashable, Sendable {
    /// Address or host name that every listener binds to.
    public var host = "127.0.0.1"
    /// TCP port of Flight SQL; 0 takes any free one.
    public var port = 50051
    /// TCP port of the console, the metrics and the health page; 0 turns them off.
    public var httpPort = 8080

    public init() {}
  }

  /// Where rows are kept.
  public struct Storage: Hashable, Sendable {
    /// The folder that holds everything the server keeps. Made if it is missing.
    public var dataDirectory = "./hyprstream-data"
    /// Keep nothing: all rows live in memory and end with the process. `dataDirectory` is not touched.
    public var isEphemeral = false
    /// Folder for results that do not fit into memory; empty means `tmp` in the data folder, or the
    /// system's temporary folder for an ephemeral server.
    public var spoolDirectory = ""

    public init() {}
  }

  /// The database that statements run in.
  public struct Engine: Hashable, Sendable {
    public enum Backend: String, Hashable, Sendable, CaseIterable {
      /// DuckDB in this process.
      case duckdb
      /// Any database through its ADBC driver.
      case adbc
    }
    public var backend: Backend = .duckdb
    /// By which statements name it: `engine.public.orders`.
    public var name = "engine"
    /// For `duckdb` empty (the data folder decides), for `adbc` the URI of the database.
    public var connection = ""
    /// Passed to the engine as they are: settings of DuckDB or options of the ADBC driver.
    public var options: [String: String] = [:]
    /// Credential.
    public var username = ""
    /// Credential; never printed.
    public var password = ""
    public enum Write: String, Hashable, Sendable, CaseIterable {
      /// A change is acknowledged when the database has it.
      case through
      /// A change is acknowledged when it is durable here, and goes to the database afterwards.
      case behind
      /// As `through`; cached tables are not changed in place.
      case around
    }
    /// When changes for a database behind are acknowledged.
    public var write: Write = .through
    /// Bytes of changes that may wait for the database.
    public var outboxMaxBytes = 1 << 30

    public init() {}
  }

  /// The cache in front of an engine.
  public struct Cache: Hashable, Sendable {
    public enum Policy: String, Hashable, Sendable, CaseIterable {
      case ttl, lru, lfu
    }
    public var isEnabled = false
    /// Only `duckdb` so far.
    public var engine = "duckdb"
    public var connection = ":memory:"
    /// Age at which an entry is no longer served; zero means no limit.
    public var maxDuration: Duration = .seconds(3600)
    public var policy: Policy = .lru
    /// Bytes; zero means a quarter of the memory limit.
    public var maxBytes = 0
    /// Results; zero means no limit.
    public var maxEntries = 0

    public init() {}
  }

  /// What is written to standard error.
  public struct Log: Hashable, Sendable {
    public enum Level: String, Hashable, Sendable, CaseIterable {
      case trace, debug, info, notice, warning, error, critical
    }
    public enum Format: String, Hashable, Sendable, CaseIterable {
      /// One line for a person per event.
      case text
      /// One JSON object per event and line.
      case json
    }
    public var level: Level = .info
    public var format: Format = .text
    /// Statements that take at least this long are logged with their text; zero turns it off.
    public var slowStatementThreshold: Duration = .seconds(1)

    public init() {}
  }

  /// How much of everything there may be. Reached, the answer is RESOURCE_EXHAUSTED.
  public struct Limits: Hashable, Sendable {
    /// Bytes for the engine, results and buffers together; zero means 80 % of the machine's memory.
    public var memoryBytes = 0
    /// Threads that compute; zero means one per core.
    public var threads = 0
    /// Statements that run at the same time; zero means twice the threads, at least 8.
    public var maxRunning = 0
    /// Statements that wait for one of those to end.
    public var maxQueued = 1_000
    public var maxConnections = 4_096
    public var maxSessions = 10_000
    /// Open prepared statements of one session.
    public var maxPreparedStatements = 10_000
    /// Open transactions of one session.
    public var maxTransactions = 64
    /// Bytes of one incoming gRPC message.
    public var maxMessageBytes = 256 << 20
    /// Bytes of a batch that the server aims at when it sends a result. Clients often refuse
    /// messages above 16 MiB.
    public var maxBatchBytes = 8 << 20
    /// Bytes on disk for results that are set aside while their transaction goes on.
    public var maxSpoolBytes = 16 << 30

    public init() {}
  }

  /// How long something may take or lie idle. Zero means without limit.
  public struct Timeouts: Hashable, Sendable {
    /// A statement, from its start to the last batch that the client has taken.
    public var statement: Duration = .zero
    /// A statement's wait for its turn.
    public var queue: Duration = .seconds(60)
    /// A transaction that has written, between two of its statements; then it is rolled back.
    public var transactionIdle: Duration = .seconds(300)
    /// A session without a call; then its settings and temporary tables are gone.
    public var sessionIdle: Duration = .seconds(4 * 3600)
    /// Handles of results that nobody fetches and of prepared statements that nobody uses.
    public var handleLease: Duration = .seconds(1800)
    /// Time that running calls are given when the server stops.
    public var drain: Duration = .seconds(10)

    public init() {}
  }

  /// What statements may reach outside of the database, and what the server itself loads.
  public struct Machine: Hashable, Sendable {
    /// Folders whose files statements may read and write. Empty: none.
    public var allowedDirectories: [String] = []
    /// Folders and `s3://` addresses that streams may name for rows that leave the log.
    public var tierLocations: [String] = []
    /// Path of libduckdb; empty means beside the program (`lib/`), then the system's.
    public var duckDBLibrary = ""
    /// Folder with DuckDB's extensions; empty means beside libduckdb.
    public var extensionDirectory = ""
    /// Extensions of DuckDB that are loaded at start, by name; clients can load none.
    public var extensions: [String] = []

    public init() {}
  }
}
