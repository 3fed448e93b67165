internal import Synchronization

public import Columnar
public import DuckDB
public import Engine
public import Log
public import Logging
internal import SQL
public import Telemetry

/// The database: its engine, its sessions, and the job that looks after both.
public final class StreamingDatabase: Sendable {
  private struct State {
    var sessions: [Handle: Session] = [:]
    var isClosing = false
  }

  /// The limits and time-outs as they are now.
  public var options: DatabaseOptions { currentOptions.withLock { $0 } }
  private let currentOptions: Mutex<DatabaseOptions>
  public let engine: DuckDBEngine
  public let instances: EngineInstances
  let planner: StatementPlanner
  let metrics: MetricsRelation
  let tableColumns = TableColumns()
  let streams: StreamCatalog
  let relations: StreamRelations
  let plainTypes = PlainTypes()
  let groupCommits: GroupCommits
  let liveQueries: LiveQueries
  /// Microseconds since 1970.
  let clock: @Sendable () -> Int64
  var nowMicroseconds: Int64 { clock() }
  let subscriptions: Subscriptions
  let tiering: Tiering
  let continuous: ContinuousQueries
  let outboxes: Outboxes
  /// What keeps the table of metrics of the engine behind.
  let metricsCopy = Mutex<EngineCopy?>(nil)
  private let state = Mutex(State())

  let log: StatementLog
  /// The databases behind.
  let engines: Engines
  /// The one where statements go that name no stream, if there is one.
  public var backend: Backend? { engines.standard }
  /// Shared by all engines; nil for plain proxies.
  let cache: ResultCache?
  let workshop: BackendWorkshop
  let foreignViews = ForeignViews()

  /// Opens the database.
  ///
  /// - Parameters:
  ///   - allocator: Makes the memory of results; the server's way out ships it as it is.
  ///   - eventLog: Where the rows of streams are.
  ///   - coldRows: The same log, if its old rows may be kept elsewhere.
  ///   - engine: How to reach the database behind; nil for none.
  public init(
    options: DatabaseOptions, library: DuckDBLibrary, allocator: any BufferAllocator,
    eventLog: any LogStore, coldRows: (any ColdRows)? = nil, engine settings: EngineSettings? = nil,
    clock: @escaping @Sendable () -> Int64 = WallClock.microseconds,
    metrics serverMetrics: ServerMetrics = ServerMetrics(),
    logger: Logger = Logger(label: "hyprstream") { _ in SwiftLogNoOpLogHandler() }
  ) throws(DatabaseError) {
    log = StatementLog(
      metrics: serverMetrics, logger: logger, threshold: options.slowStatementThreshold)
    currentOptions = Mutex(options)
    metrics = MetricsRelation(
      catalog: Self.catalogName(ofPath: options.path), window: options.metricsWindow)
    self.clock = clock
    streams = StreamCatalog(eventLog)
    let policy = MachineAccessPolicy(allowedDirectories: options.allowedDirectories)
    let spoolLimits = SpoolLimits(
      directory: options.spoolDirectory,
      disk: SpoolAccount(limitByteCount: options.maxSpoolByteCount))
    do throws(DuckDBError) {
      instances = try EngineInstances(options, library: library, metrics: metrics)
      engine = DuckDBEngine(
        instance: instances.queries,
        admission: Admission(
          maxRunning: options.maxRunning, maxQueued: options.maxQueued,
          watch: Admission.Watch(
            queued: { serverMetrics.statementQueued() },
            leftQueue: { serverMetrics.statementLeftQueue(waited: $0) },
            refused: { serverMetrics.statementRefused() })),
        maxThreadCount: options.maxRunning + 4, allocator: allocator,
        spoolLimits: spoolLimits)
    } catch {
      throw DatabaseError(error)
    }
    let (engine, cache) = (engine, options.cache.map { ResultCache($0) })
    self.cache = cache
    let workshop = BackendWorkshop(
      admission: engine.admission, allocator: allocator, spoolLimits: spoolLimits, cache: cache,
      local: engine, room: cache.map { CopyRoom($0) })
    self.workshop = workshop
    engines = Engines(standard: settings.map { workshop.make($0) })
    planner = StatementPlanner(
      policy: policy, metrics: metrics, streams: streams, engines: engines)
    relations = StreamRelations(engine.instance, catalog: metrics.catalog)
    groupCommits = GroupCommits(eventLog, engine.instance, catalog: metrics.catalog)
    liveQueries = LiveQueries(instances)
    subscriptions = Subscriptions(streams)
    let (instances, streams) = (instances, streams)
    let coldFiles = ColdFiles(
      ColdPlaces(
        folder: coldRows == nil ? nil : options.coldDirectory, policy: policy,
        locations: options.tierLocations),
      machine: { () throws(DuckDBError) in try instances.machine() },
      stream: { [weak streams] in streams?.stream(of: $0) })
    coldRows?.setColdStore(coldFiles)
    tiering = Tiering(streams, coldRows, coldFiles, engine, logger)
    continuous = ContinuousQueries(streams)
    outboxes = Outboxes(streams)
    try streams.fold()
    try relations.registerAll(streams.all)
    engine.instance.whenReopened {
      [weak relations, streams, engines] (connection) throws(DuckDBError) in
      try relations?.registerAll(streams.all, on: connection)
      for backend in engines.all { try backend.foreign.restore(on: connection) }
    }
  }

  /// Ends what a crash left open. To be called once, before the first client.
  public func recover() async throws(DatabaseError) {
    try await streams.dropUnfinished(relations.takeUnfinished())
    try await groupCommits.recover()
    await tiering.sweep()
    try await subscriptions.fold()
    try await openEngines()
    try await MetricsStream(self).open()
    try await MetricsStream(self).openCopy()
    try resumeContinuousQueries()
    try outboxes.fold()
    for backend in engines.all { try await resumeOutbox(of: backend) }
    try resumeCachedTables()
    try listenToEngines()
  }

  var defaultSessionOptions: [String: SessionOption] {
    ["catalog": .string(catalogName), "schema": .string("main")]
  }

  var defaultPlace: MetricsRelation.Session { MetricsRelation.Session(catalog: catalogName) }

  /// The catalog that holds the tables: named after the file, as DuckDB does it.
  public var catalogName: String { metrics.catalog }

  private static func catalogName(ofPath path: String?) -> String {
    guard let path else { return "memory" }
    let file = path.split(separator: "/").last ?? ""
    return String(file.split(separator: ".").first ?? "memory")
  }

  /// Bytes of memory that the engine holds now; `nil` if it cannot be asked. Waits for no place in
  /// the queue.
  public func usedMemoryByteCount() async -> Int? {
    let sql = "SELECT CAST(sum(memory_usage_bytes) AS BIGINT) FROM duckdb_memory()"
    let text = try? await engine.load(SessionSettings()) {
      (held) throws(DuckDBError) -> String? in
      let result = try held.connection.prepare(sql).execute()
      let batch = try result.next(maxRows: 1, allocator: HeapAllocator())
      return batch?.columns.first?.string(at: 0)
    }
    return text.flatMap { $0 }.flatMap { Int($0) }
  }

  /// The version of DuckDB, as `1.5.5`.
  public var duckDBVersion: String { engine.instance.libraryVersion }

  // MARK: Sessions

  /// - Throws: RESOURCE_EXHAUSTED when there are too many, UNAVAILABLE when the server stops.
  public func openSession() throws(DatabaseError) -> Session {
    let session = Session(self)
    let limit = options.maxSessions
    if sessionCount >= limit { replaceSession() }
    let (isClosing, isFull) = state.withLock { state in
      let isFull = state.sessions.count >= limit
      if !isFull, !state.isClosing { state.sessions[session.id] = session }
      return (state.isClosing, isFull)
    }
    if isClosing { throw DatabaseError(.shuttingDown) }
    if isFull {
      throw DatabaseError(
        .resourceExhausted, "\(limit) sessions are open, which is the limit (max_sessions)")
    }
    log.metrics.sessionOpened()
    return session
  }

  private func replaceSession() {
    let grace = options.replaceableSessionGrace
    let sessions = state.withLock { Array($0.sessions.values) }
    sessions.first { $0.isReplaceable(after: grace) }?.closeEmpty()
  }

  func forget(_ session: Session) {
    let wasOpen = state.withLock { $0.sessions.removeValue(forKey: session.id) != nil }
    if wasOpen { log.metrics.sessionClosed() }
  }

  public var sessionCount: Int { state.withLock { $0.sessions.count } }

  /// A client's connection has closed.
  public func connectionClosed(_ connectionID: UInt64) async {
    for session in state.withLock({ Array($0.sessions.values) }) {
      await session.connectionClosed(connectionID)
    }
  }

  /// Looks after sessions until the task is cancelled: leases, time-outs, idle transactions.
  public func run() async {
    var round = 0
    while !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(200))
      round += 1
      let sessions = state.withLock { Array($0.sessions.values) }
      for session in sessions { session.sweep() }
      engine.instance.remindStopped()
      engine.admission.expire(after: options.queueTimeout)
      subscriptions.sweep()
      for backend in engines.all { backend.sweep() }
      if round % 25 == 0 { sweepCache() }
    }
  }

  /// Moves rows of streams that are old enough out of the log. To be called now and then.
  ///
  /// - Returns: Whether some were, so that the log can be made smaller.
  @discardableResult
  public func moveColdRows() async -> Bool { await tiering.run(now: clock()) }

  /// Ends all sessions. Statements that run are interrupted, open transactions rolled back.
  public func close() async {
    let sessions = state.withLock { state in
      state.isClosing = true
      return Array(state.sessions.values)
    }
    liveQueries.shutDown()
    await continuous.shutDown()
    for session in sessions { await session.close() }
    await metricsCopy.withLock({ $0 })?.stop(within: .seconds(2))
    for backend in engines.all {
      await backend.closeOutbox()
      backend.close()
    }
  }

  /// Lets endless queries end, so that their calls do.
  public func endLiveQueries() { liveQueries.shutDown() }
}

extension StreamingDatabase {
  /// Takes over the limits of a configuration that was read again.
  public func reload(_ options: DatabaseOptions) {
    currentOptions.withLock { $0 = options }
    engine.disk.setLimit(options.maxSpoolByteCount)
    engine.admission.setLimits(maxRunning: options.maxRunning, maxQueued: options.maxQueued)
    log.setThreshold(options.slowStatementThreshold)
  }
}
