internal import Console
private import DataFolder
private import Database
private import DuckDB
private import Engine
private import FlightProtocol
private import FlightServer
private import GRPC
private import Logging
internal import Settings
private import Synchronization

/// The database behind its Flight SQL door.
final class FlightSQLServer: RunningServer {
  private let parts: ServerParts
  private let database: StreamingDatabase
  private let service: FlightService
  private let grpc: GRPCServer
  private let background = Mutex<[Task<Void, Never>]>([])

  init(_ parts: ServerParts) throws {
    self.parts = parts
    let options = parts.options
    let library = try Self.library(options)
    database = try StreamingDatabase(
      options: DatabaseOptions(options, folder: parts.folder), library: library,
      allocator: NetworkBufferAllocator(), metrics: parts.metrics, logger: parts.logger)
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

  var statusLines: [ServerStatus.Line] {
    let load = database.engine.admission.load
    return [
      ServerStatus.Line("Engine", "DuckDB \(database.duckDBVersion)"),
      .init("Sessions", String(database.sessionCount)),
      .init("Statements", "\(load.running) running, \(load.queued) waiting"),
    ]
  }

  func start() async throws -> (host: String, port: Int) {
    let address = try await grpc.start()
    let (database, service) = (database, service)
    background.withLock { tasks in
      tasks = [Task { await database.run() }, Task { await service.run() }]
    }
    return address
  }

  func shutDown() async {
    await grpc.shutDown(gracePeriod: parts.options.timeouts.drain)
    for task in background.withLock({ $0 }) { task.cancel() }
    await database.close()
  }

  func reload(_ options: ServerOptions) async {
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
    allowedDirectories = options.machine.allowedDirectories
    memoryLimitByteCount = options.limits.memoryBytes
    threadCount = options.limits.threads
    if options.limits.maxRunning > 0 { maxRunning = options.limits.maxRunning }
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
