internal import ArgumentParser
internal import Settings

/// What the command line says about the server's options, one struct per group of `--help`.
///
/// All values are texts: reading them, and saying what is wrong with them, is the job of `OptionTable`, the
/// same for every source.
protocol OptionFlags: ParsableArguments {
  /// The options that were given, by name.
  var given: [String: OptionValue] { get }
}

struct NetworkFlags: OptionFlags {
  @Option(name: .customLong("host"), help: flagHelp("host"))
  var host: String?

  @Option(name: .customLong("port"), help: flagHelp("port"))
  var port: String?

  @Option(name: .customLong("http-port"), help: flagHelp("http-port"))
  var httpPort: String?

  var given: [String: OptionValue] {
    collect([
      ("host", .init(host)),
      ("port", .init(port)),
      ("http-port", .init(httpPort)),
    ])
  }
}

struct StorageFlags: OptionFlags {
  @Option(name: .customLong("data-dir"), help: flagHelp("data-dir"))
  var dataDir: String?

  @Flag(
    name: .customLong("ephemeral"), inversion: .prefixedNo, help: flagHelp("ephemeral"))
  var ephemeral: Bool?

  @Option(name: .customLong("spool-dir"), help: flagHelp("spool-dir"))
  var spoolDir: String?

  var given: [String: OptionValue] {
    collect([
      ("data-dir", .init(dataDir)),
      ("ephemeral", .init(ephemeral)),
      ("spool-dir", .init(spoolDir)),
    ])
  }
}

struct EngineFlags: OptionFlags {
  @Option(name: .customLong("engine"), help: flagHelp("engine"))
  var engine: String?

  @Option(name: .customLong("engine-connection"), help: flagHelp("engine-connection"))
  var engineConnection: String?

  @Option(name: .customLong("engine-options"), help: flagHelp("engine-options"))
  var engineOptions: [String] = []

  @Option(name: .customLong("engine-username"), help: flagHelp("engine-username"))
  var engineUsername: String?

  @Option(name: .customLong("engine-password"), help: flagHelp("engine-password"))
  var enginePassword: String?

  @Option(name: .customLong("engine-name"), help: flagHelp("engine-name"))
  var engineName: String?

  @Option(name: .customLong("engine-write"), help: flagHelp("engine-write"))
  var engineWrite: String?

  @Option(name: .customLong("engine-outbox-max-bytes"), help: flagHelp("engine-outbox-max-bytes"))
  var engineOutboxMaxBytes: String?

  var given: [String: OptionValue] {
    collect([
      ("engine", .init(engine)),
      ("engine-name", .init(engineName)),
      ("engine-connection", .init(engineConnection)),
      ("engine-options", .init(engineOptions)),
      ("engine-username", .init(engineUsername)),
      ("engine-password", .init(enginePassword)),
      ("engine-write", .init(engineWrite)),
      ("engine-outbox-max-bytes", .init(engineOutboxMaxBytes)),
    ])
  }
}

struct CacheFlags: OptionFlags {
  @Flag(
    name: .customLong("enable-cache"), inversion: .prefixedNo, help: flagHelp("enable-cache"))
  var enableCache: Bool?

  @Option(name: .customLong("cache-engine"), help: flagHelp("cache-engine"))
  var cacheEngine: String?

  @Option(name: .customLong("cache-connection"), help: flagHelp("cache-connection"))
  var cacheConnection: String?

  @Option(name: .customLong("cache-max-duration"), help: flagHelp("cache-max-duration"))
  var cacheMaxDuration: String?

  @Option(name: .customLong("cache-policy"), help: flagHelp("cache-policy"))
  var cachePolicy: String?

  @Option(name: .customLong("cache-max-bytes"), help: flagHelp("cache-max-bytes"))
  var cacheMaxBytes: String?

  @Option(name: .customLong("cache-max-entries"), help: flagHelp("cache-max-entries"))
  var cacheMaxEntries: String?

  var given: [String: OptionValue] {
    collect([
      ("enable-cache", .init(enableCache)),
      ("cache-engine", .init(cacheEngine)),
      ("cache-connection", .init(cacheConnection)),
      ("cache-max-duration", .init(cacheMaxDuration)),
      ("cache-policy", .init(cachePolicy)),
      ("cache-max-bytes", .init(cacheMaxBytes)),
      ("cache-max-entries", .init(cacheMaxEntries)),
    ])
  }
}

struct LimitsFlags: OptionFlags {
  @Option(name: .customLong("memory-limit"), help: flagHelp("memory-limit"))
  var memoryLimit: String?

  @Option(name: .customLong("threads"), help: flagHelp("threads"))
  var threads: String?

  @Option(name: .customLong("max-running"), help: flagHelp("max-running"))
  var maxRunning: String?

  @Option(name: .customLong("max-queued"), help: flagHelp("max-queued"))
  var maxQueued: String?

  @Option(name: .customLong("max-connections"), help: flagHelp("max-connections"))
  var maxConnections: String?

  @Option(name: .customLong("max-sessions"), help: flagHelp("max-sessions"))
  var maxSessions: String?

  @Option(name: .customLong("max-prepared-statements"), help: flagHelp("max-prepared-statements"))
  var maxPreparedStatements: String?

  @Option(name: .customLong("max-transactions"), help: flagHelp("max-transactions"))
  var maxTransactions: String?

  @Option(name: .customLong("max-message-bytes"), help: flagHelp("max-message-bytes"))
  var maxMessageBytes: String?

  @Option(name: .customLong("max-batch-bytes"), help: flagHelp("max-batch-bytes"))
  var maxBatchBytes: String?

  @Option(name: .customLong("max-spool-bytes"), help: flagHelp("max-spool-bytes"))
  var maxSpoolBytes: String?

  var given: [String: OptionValue] {
    collect([
      ("memory-limit", .init(memoryLimit)),
      ("threads", .init(threads)),
      ("max-running", .init(maxRunning)),
      ("max-queued", .init(maxQueued)),
      ("max-connections", .init(maxConnections)),
      ("max-sessions", .init(maxSessions)),
      ("max-prepared-statements", .init(maxPreparedStatements)),
      ("max-transactions", .init(maxTransactions)),
      ("max-message-bytes", .init(maxMessageBytes)),
      ("max-batch-bytes", .init(maxBatchBytes)),
      ("max-spool-bytes", .init(maxSpoolBytes)),
    ])
  }
}

struct TimeoutsFlags: OptionFlags {
  @Option(name: .customLong("statement-timeout"), help: flagHelp("statement-timeout"))
  var statementTimeout: String?

  @Option(name: .customLong("queue-timeout"), help: flagHelp("queue-timeout"))
  var queueTimeout: String?

  @Option(name: .customLong("transaction-idle-timeout"), help: flagHelp("transaction-idle-timeout"))
  var transactionIdleTimeout: String?

  @Option(name: .customLong("session-idle-timeout"), help: flagHelp("session-idle-timeout"))
  var sessionIdleTimeout: String?

  @Option(name: .customLong("handle-lease"), help: flagHelp("handle-lease"))
  var handleLease: String?

  @Option(name: .customLong("drain-timeout"), help: flagHelp("drain-timeout"))
  var drainTimeout: String?

  var given: [String: OptionValue] {
    collect([
      ("statement-timeout", .init(statementTimeout)),
      ("queue-timeout", .init(queueTimeout)),
      ("transaction-idle-timeout", .init(transactionIdleTimeout)),
      ("session-idle-timeout", .init(sessionIdleTimeout)),
      ("handle-lease", .init(handleLease)),
      ("drain-timeout", .init(drainTimeout)),
    ])
  }
}

struct MachineFlags: OptionFlags {
  @Option(name: .customLong("allowed-directories"), help: flagHelp("allowed-directories"))
  var allowedDirectories: [String] = []

  @Option(name: .customLong("tier-locations"), help: flagHelp("tier-locations"))
  var tierLocations: [String] = []

  @Option(name: .customLong("duckdb-library"), help: flagHelp("duckdb-library"))
  var duckdbLibrary: String?

  @Option(name: .customLong("extension-dir"), help: flagHelp("extension-dir"))
  var extensionDir: String?

  @Option(name: .customLong("load-extensions"), help: flagHelp("load-extensions"))
  var loadExtensions: [String] = []

  var given: [String: OptionValue] {
    collect([
      ("allowed-directories", .init(allowedDirectories)),
      ("tier-locations", .init(tierLocations)),
      ("duckdb-library", .init(duckdbLibrary)),
      ("extension-dir", .init(extensionDir)),
      ("load-extensions", .init(loadExtensions)),
    ])
  }
}

struct LogFlags: OptionFlags {
  @Option(name: .customLong("log-level"), help: flagHelp("log-level"))
  var logLevel: String?

  @Option(name: .customLong("log-format"), help: flagHelp("log-format"))
  var logFormat: String?

  @Option(name: .customLong("slow-statement-threshold"), help: flagHelp("slow-statement-threshold"))
  var slowStatementThreshold: String?

  var given: [String: OptionValue] {
    collect([
      ("log-level", .init(logLevel)),
      ("log-format", .init(logFormat)),
      ("slow-statement-threshold", .init(slowStatementThreshold)),
    ])
  }
}

struct MetricsFlags: OptionFlags {
  @Option(name: .customLong("metrics-window"), help: flagHelp("metrics-window"))
  var metricsWindow: String?

  var given: [String: OptionValue] {
    collect([
      ("metrics-window", .init(metricsWindow))
    ])
  }
}
