private import ADBC
internal import Console
private import DataFolder
private import Database
private import DuckDB
private import Engine
private import FlightProtocol
private import FlightServer
private import GRPC
private import Log
private import Logging
internal import Settings
private import SettingsLoading
private import Synchronization
private import Telemetry

/// The database behind its Flight SQL door.
final class FlightSQLServer: RunningServer {
  private let parts: ServerParts
  private let figures: ServerFigures
  private let eventLog: SegmentLog
  private let database: StreamingDatabase
  private let service: FlightService
  private let grpc: GRPCServer
  /// How long running calls may go on when the server stops.
  private let drainTimeout: Mutex<Duration>
  private let background = Mutex<[Task<Void, Never>]>([])

  init(_ parts: ServerParts) throws {
    self.parts = parts
    let options = parts.options
    drainTimeout = Mutex(options.timeouts.drain)
    let library = try Self.library(options)
    var settings = DatabaseOptions(options, folder: parts.folder)
    if settings.extensionDirectory == nil {
      settings.extensionDirectory = ExtensionFolder.beside(libraryPath: library.path)
    }
    eventLog = try EventLog.open(parts.folder, logger: parts.logger)
    database = try StreamingDatabase(
      options: settings, library: library, allocator: NetworkBufferAllocator(),
      eventLog: eventLog, coldRows: eventLog, engine: try EngineSettings(options.engine),
      metrics: parts.metrics, logger: parts.logger)
    figures = ServerFigures(
      database, parts.metrics, memoryLimit: options.memoryLimit(machineBytes: Machine.memoryBytes),
      syncTotals: { [eventLog] in eventLog.syncTotals })
    service = FlightService(
      database, version: ProductVersion.current, metrics: parts.metrics,
      logger: parts.logger)
    var configuration = GRPCServerConfiguration(
      host: options.network.host, port: options.network.port)
    configuration.maxRequestMessageBytes = options.limits.maxMessageBytes
    configuration.maxConnections = options.limits.maxConnections
    grpc = GRPCServer(configuration: configuration, service: service, logger: parts.logger)
  }

  private static func library(_ options: ServerOptions) throws -> DuckDBLibrary {
    let path = options.machine.duckDBLibrary
    return try path.isEmpty ? DuckDBLibrary.load() : DuckDBLibrary.load(searching: [path])
  }

  var streamDoor: StreamDoor {
    let database = database
    return StreamDoor { () throws(DatabaseError) in try database.openSession() }
  }

  var statusLines: [ServerStatus.Line] {
    let duckDB = ServerStatus.Line("Engine", "DuckDB \(database.duckDBVersion)")
    let engines = database.engineTexts
    guard database.backend != nil else {
      return [duckDB] + engines.map { ServerStatus.Line("Engine \($0.name)", $0.text) }
    }
    return engines.map { ServerStatus.Line("Engine \($0.name)", $0.text) } + [
      ServerStatus.Line("Streams", "DuckDB \(database.duckDBVersion)")
    ]
  }

  var statusFigures: [ServerStatus.Figure] {
    let load = database.engine.admission.load
    let reading = figures.reading
    let totals = parts.metrics.rowTotals
    return [
      ServerStatus.Figure(
        "Statements", String(load.running), note: "running, \(load.queued) waiting"),
      .init("Sessions", String(database.sessionCount), note: "open now"),
      .init(
        "Rows sent", ReadableNumber.count(reading.sentPerSecond) + "/s",
        note: ReadableNumber.count(totals.sent) + " in all"),
      .init(
        "Rows received", ReadableNumber.count(reading.receivedPerSecond) + "/s",
        note: ReadableNumber.count(totals.received) + " in all"),
      .init(
        "Engine memory", reading.usedMemory.map { ReadableNumber.size($0) } ?? "–",
        note: "of " + ReadableNumber.size(figures.memoryLimit)),
    ]
  }

  func start() async throws -> (host: String, port: Int) {
    try await database.recover()
    try await reachBackend()
    let address = try await grpc.start()
    let (database, service, figures) = (database, service, figures)
    background.withLock { tasks in
      tasks = [
        Task { await database.run() }, Task { await service.run() }, Task { await figures.run() },
        Task { await self.maintainLog() },
      ]
    }
    return address
  }

  /// Connects to the database behind: settings that cannot work end the start, one that does not answer does not.
  private func reachBackend() async throws {
    guard let backend = database.backend else { return }
    do throws(DatabaseError) {
      let version = try await backend.reach()
      parts.logger.info(
        "reached the engine",
        metadata: ["engine": "\(backend.engine.displayText)", "version": "\(version)"])
    } catch {
      guard error.code == .unavailable else { throw error }
      parts.logger.warning("\(error.message); statements fail until it can be reached")
    }
  }

  /// Moves old rows out of the log and lets retention do its work, now and then.
  private func maintainLog() async {
    var round = 0
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(2))
      round += 1
      let hasMoved = await database.moveColdRows()
      if hasMoved || round % 5 == 0 { eventLog.maintain() }
    }
  }

  func shutDown() async {
    database.endLiveQueries()
    await grpc.shutDown(gracePeriod: drainTimeout.withLock { $0 })
    for task in background.withLock({ $0 }) { task.cancel() }
    await database.close()
    eventLog.close()
  }

  func reload(_ options: ServerOptions) async {
    drainTimeout.withLock { $0 = options.timeouts.drain }
    database.reload(DatabaseOptions(options, folder: parts.folder))
  }
}

extension DatabaseOptions {
  /// - Parameter folder: The data folder; `nil` for a server that keeps nothing.
  fileprivate init(_ options: ServerOptions, folder: DataFolder?) {
    self.init()
    path = folder?.databasePath
    spoolDirectory =
      options.storage.spoolDirectory.isEmpty
      ? folder?.temporaryPath ?? "/tmp" : options.storage.spoolDirectory
    extensionDirectory =
      options.machine.extensionDirectory.isEmpty ? nil : options.machine.extensionDirectory
    extensions = options.machine.extensions
    if options.engine.backend == .duckdb {
      engineSettings = options.engine.options
      if !options.engine.connection.isEmpty {
        path = options.engine.connection == ":memory:" ? nil : options.engine.connection
      }
    }
    if options.cache.isEnabled { cache = ResultCache.Limits(options) }
    engineCredentials = EngineCredentials.inEnvironment
    allowedDirectories = options.machine.allowedDirectories
    coldDirectory = folder?.coldPath
    tierLocations = options.machine.tierLocations
    memoryLimitByteCount = options.limits.memoryBytes
    threadCount = options.limits.threads
    maxRunning = options.runningLimit(coreCount: Machine.coreCount)
    maxQueued = options.limits.maxQueued
    queueTimeout = options.timeouts.queue
    maxSessions = options.limits.maxSessions
    maxPreparedStatements = options.limits.maxPreparedStatements
    maxTransactions = options.limits.maxTransactions
    maxSpoolByteCount = options.limits.maxSpoolBytes
    statementTimeout = options.timeouts.statement
    transactionIdleTimeout = options.timeouts.transactionIdle
    sessionIdleTimeout = options.timeouts.sessionIdle
    handleLease = options.timeouts.handleLease
    slowStatementThreshold = options.log.slowStatementThreshold
    metricsWindow = options.metricsWindow
  }
}

extension EngineSettings {
  /// Nil for DuckDB in this process.
  fileprivate init?(_ engine: ServerOptions.Engine) throws {
    guard engine.backend == .adbc else { return nil }
    let manager = try DriverManager.load()
    do throws(ADBCError) {
      self.init(
        name: engine.name, manager: manager,
        connection: try ConnectionSettings(
          connection: engine.connection,
          options: engine.options.filter { $0.key != "notify_channel" },
          username: engine.username.isEmpty ? nil : engine.username,
          password: engine.password.isEmpty ? nil : engine.password),
        options: BackendOptions(engine))
    } catch {
      throw OptionError.conflict(option: "--engine-connection", reason: error.message)
    }
  }
}

extension EngineCredentials {
  /// `HYPRSTREAM_ENGINE_<NAME>_USERNAME` and `…_PASSWORD`.
  fileprivate static func inEnvironment(ofEngine name: String) -> EngineCredentials {
    let word = name.uppercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }
    let environment = ProcessEnvironment.variables()
    func value(_ what: String) -> String? {
      environment["HYPRSTREAM_ENGINE_\(String(word))_\(what)"].flatMap { $0.isEmpty ? nil : $0 }
    }
    return EngineCredentials(username: value("USERNAME"), password: value("PASSWORD"))
  }
}

extension BackendOptions {
  fileprivate init(_ engine: ServerOptions.Engine) {
    self.init()
    writeMode =
      switch engine.write {
      case .through: .through
      case .behind: .behind
      case .around: .around
      }
    outboxMaxByteCount = engine.outboxMaxBytes
    notifyChannel = engine.options["notify_channel"].flatMap { $0.isEmpty ? nil : $0 }
  }
}

extension ResultCache.Limits {
  fileprivate init(_ options: ServerOptions) {
    self.init()
    maxByteCount =
      options.cache.maxBytes > 0
      ? options.cache.maxBytes : options.memoryLimit(machineBytes: Machine.memoryBytes) / 4
    maxAge = options.cache.maxDuration
    maxCount = options.cache.maxEntries
    policy =
      switch options.cache.policy {
      case .ttl: .ttl
      case .lru: .lru
      case .lfu: .lfu
      }
  }
}
