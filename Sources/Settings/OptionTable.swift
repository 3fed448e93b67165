/// Every option of the server, in the order in which `--help` and `--print-config` show them.
public enum OptionTable {
  public static let all: [ServerOption] =
    network + storage + engine + cache + limits + timeouts + machine + log + metrics

  private static let byName: [String: ServerOption] =
    Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

  /// Options that are read and checked, but that nothing acts on yet.
  public static let inert: Set<String> = ["max-batch-bytes"]

  public static func option(named name: String) -> ServerOption? { byName[name] }

  /// The option that a TOML key, its tables joined by underscores, means.
  ///
  /// Tables are a nicer spelling of a prefix: `[cache] max_bytes` is `cache_max_bytes`. `[storage]` is
  /// another name of `[engine]`, where `backend` chooses the engine; `[cache] enabled` and
  /// `[limits]`, `[timeouts]`, `[network]` say what is meant without a prefix.
  public static func option(tomlPath path: [String]) -> ServerOption? {
    let words = path.map { String($0.map { $0 == "_" ? "-" : $0 }) }
    guard let first = words.first else { return nil }
    if words.count == 1 { return byName[first] }
    let rest = words.dropFirst().joined(separator: "-")
    switch (first, rest) {
    case ("engine", "backend"), ("storage", "backend"): return byName["engine"]
    case ("storage", _):
      return byName["engine-" + rest] ?? byName[rest]
    case ("cache", "enabled"): return byName["enable-cache"]
    case ("limits", _), ("timeouts", _), ("network", _), ("machine", _):
      return byName[rest] ?? byName[rest + "-timeout"]
    case ("log", "slow-statement-threshold"): return byName[rest]
    default: return byName[first + "-" + rest]
    }
  }

  /// The known text nearest to a mistyped one, if one is near.
  public static func suggestion(for text: String, among names: [String]) -> String? {
    let limit = max(2, text.count / 4)
    return
      names
      .map { (name: $0, distance: distance(text, $0)) }
      .filter { $0.distance <= limit }
      .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?
      .name
  }

  /// Levenshtein distance.
  private static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, character) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let replaced = diagonal + (right[column] == character ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, min(row[column], row[column + 1]) + 1)
      }
    }
    return row[right.count]
  }

  private static let network: [ServerOption] = [
    .text("host", \.network.host, .network, "Address or host name to listen on."),
    .integer(
      "port", \.network.port, .network, "TCP port of Flight SQL; 0 takes any free one."),
    .integer(
      "http-port", \.network.httpPort, .network,
      "TCP port of /health, /metrics and the status page; 0 turns them off."),
  ]

  private static let storage: [ServerOption] = [
    .text("data-dir", \.storage.dataDirectory, .storage, "Folder that keeps everything."),
    .flag(
      "ephemeral", \.storage.isEphemeral, .storage,
      "Keep nothing: rows live in memory and end with the process."),
    .text(
      "spool-dir", \.storage.spoolDirectory, .storage,
      "Folder for results too large for memory; empty means tmp in the data folder."),
  ]

  private static let engine: [ServerOption] = [
    .choice(
      "engine", \.engine.backend, .engine,
      "Where statements run: DuckDB in this process, or a database behind an ADBC driver."),
    .text(
      "engine-name", \.engine.name, .engine,
      "What the database behind is called in statements, as in engine.public.orders."),
    .text(
      "engine-connection", \.engine.connection, .engine,
      "How to reach the database, as its driver reads it; empty for DuckDB means the data folder."),
    .map(
      "engine-options", \.engine.options, .engine,
      "Settings for the engine, passed on as they are; for adbc also driver_path and pool_max."),
    .text(
      "engine-username", \.engine.username, .engine, isCredential: true,
      "User name for the engine."),
    .text(
      "engine-password", \.engine.password, .engine, isCredential: true,
      "Password for the engine."),
    .choice(
      "engine-write", \.engine.write, .engine,
      "When a change for the database behind is acknowledged: when it is there, or when it is durable here."
    ),
    .byteCount(
      "engine-outbox-max-bytes", \.engine.outboxMaxBytes, .engine,
      "Size of the changes that may wait for the database behind; more are refused."),
  ]

  private static let cache: [ServerOption] = [
    .flag(
      "enable-cache", \.cache.isEnabled, .cache, "Keep results of the database behind in a cache."),
    .text("cache-engine", \.cache.engine, .cache, "Database that holds the cache."),
    .text(
      "cache-connection", \.cache.connection, .cache, "Where the cache lives; only :memory: so far."
    ),
    .duration(
      "cache-max-duration", \.cache.maxDuration, .cache,
      "Age at which an entry is no longer served; 0 means no limit."),
    .choice("cache-policy", \.cache.policy, .cache, "Which entry goes first when it is full."),
    .byteCount(
      "cache-max-bytes", \.cache.maxBytes, .cache, isReloadable: true,
      "Size of the cache; 0 means a quarter of the memory limit."),
    .integer(
      "cache-max-entries", \.cache.maxEntries, .cache,
      "Results that the cache keeps; 0 means no limit."),
  ]

  private static let limits: [ServerOption] = [
    .byteCount(
      "memory-limit", \.limits.memoryBytes, .limits,
      "Memory for engine, results and buffers; 0 means 80 % of the machine's."),
    .integer(
      "threads", \.limits.threads, .limits,
      "Threads that compute; 0 means one per core."),
    .integer(
      "max-running", \.limits.maxRunning, .limits, isReloadable: true,
      "Statements that run at the same time; 0 means twice the threads, at least 8."),
    .integer(
      "max-queued", \.limits.maxQueued, .limits, isReloadable: true,
      "Statements that wait for their turn; more are refused."),
    .integer(
      "max-connections", \.limits.maxConnections, .limits,
      "Open client connections; more are refused."),
    .integer(
      "max-sessions", \.limits.maxSessions, .limits, isReloadable: true,
      "Open sessions; more are refused."),
    .integer(
      "max-prepared-statements", \.limits.maxPreparedStatements, .limits, isReloadable: true,
      "Open prepared statements of one session."),
    .integer(
      "max-transactions", \.limits.maxTransactions, .limits, isReloadable: true,
      "Open transactions of one session."),
    .byteCount(
      "max-message-bytes", \.limits.maxMessageBytes, .limits, "Size of one incoming message."),
    .byteCount(
      "max-batch-bytes", \.limits.maxBatchBytes, .limits, isReloadable: true,
      "Size of a result batch that the server aims at."),
    .byteCount(
      "max-spool-bytes", \.limits.maxSpoolBytes, .limits, isReloadable: true,
      "Disk space for results that are set aside inside a transaction."),
  ]

  private static let timeouts: [ServerOption] = [
    .duration(
      "statement-timeout", \.timeouts.statement, .timeouts,
      "Time that a statement may take, sending included; 0 means no limit."),
    .duration(
      "queue-timeout", \.timeouts.queue, .timeouts,
      "Time that a statement waits for its turn; 0 means no limit."),
    .duration(
      "transaction-idle-timeout", \.timeouts.transactionIdle, .timeouts,
      "Idle time after which a transaction that has written is rolled back; 0 means never."),
    .duration(
      "session-idle-timeout", \.timeouts.sessionIdle, .timeouts,
      "Idle time after which a session ends; 0 means never."),
    .duration(
      "handle-lease", \.timeouts.handleLease, .timeouts,
      "Time for which unused results and prepared statements are kept; 0 means until the session ends."
    ),
    .duration(
      "drain-timeout", \.timeouts.drain, .timeouts,
      "Time that running calls are given when the server stops."),
  ]

  private static let machine: [ServerOption] = [
    .list(
      "allowed-directories", \.machine.allowedDirectories, .machine,
      "Folders whose files statements may read and write; none without this."),
    .list(
      "tier-locations", \.machine.tierLocations, .machine,
      "Folders and s3:// addresses that streams may name for their old rows (tier_to)."),
    .text(
      "duckdb-library", \.machine.duckDBLibrary, .machine,
      "Path of libduckdb; empty means lib/ beside the program, then the system's."),
    .text(
      "extension-dir", \.machine.extensionDirectory, .machine,
      "Folder with DuckDB's extensions; empty means beside libduckdb."),
    .list(
      "load-extensions", \.machine.extensions, .machine,
      "Extensions of DuckDB to load at start, such as sqlite or postgres; clients can load none."),
  ]

  private static let log: [ServerOption] = [
    .choice(
      "log-level", \.log.level, .log, isReloadable: true, "Least level that is written."),
    .choice("log-format", \.log.format, .log, "Lines for people or JSON objects."),
    .duration(
      "slow-statement-threshold", \.log.slowStatementThreshold, .log,
      "Statements that take this long are logged with their text; 0 turns it off."),
  ]

  private static let metrics: [ServerOption] = [
    .duration(
      "metrics-window", \.metricsWindow, .metrics, isReloadable: false,
      "Length of the windows of the running columns of the relation metrics.")
  ]
}
