internal import Synchronization

internal import ADBC
internal import Columnar
public import Engine
public import Telemetry

/// The database behind: every statement goes there that is not about streams. In front of it may be a cache.
public final class Backend: Sendable {
  public let engine: ADBCEngine
  /// By which people know it.
  public var name: String { engine.name }
  /// Nil for a plain proxy.
  public let cache: ResultCache?
  /// Copies of whole tables, or of slices of them; nil without a cache.
  let tables: CachedTables?
  /// Statements whose results are kept; nil without a cache.
  let pinned: PinnedQueries?
  /// Its tables as relations of DuckDB.
  let foreign: ForeignCatalog
  public let options: BackendOptions
  private let reaches = Mutex<[String: KnownReach]>([:])

  let descriptions = KnownDescriptions()
  private let nextProbe = Mutex(ContinuousClock.now)
  /// What was acknowledged and is not there yet, and who pushes it; nil while there is none.
  private let writing = Mutex<(outbox: Outbox, pusher: OutboxPusher)?>(nil)
  /// Who hears of changes that others make; nil for nobody.
  private let listener = Mutex<NotificationListener?>(nil)
  /// Held while the outbox is opened.
  private let opening = Turn()

  /// Until when the table of loads is tidy; nil before it was made.
  private let appliedTidyUntil = Mutex<Int64?>(nil)

  private struct KnownReach {
    var reach: CacheVersions.Reach
    var until: ContinuousClock.Instant
  }

  /// How long what is known of a table holds: views and triggers may be made behind our back.
  private static let reachLifetime = Duration.seconds(1)
  private static let maxReachCount = 10_000

  init(
    _ engine: ADBCEngine, cache: ResultCache?, local: DuckDBEngine, tables: CachedTables? = nil,
    options: BackendOptions = BackendOptions()
  ) {
    self.engine = engine
    foreign = ForeignCatalog(engine, local: local)
    self.cache = cache
    self.options = options
    self.tables = tables
    pinned = cache.map { PinnedQueries(engine, $0) }
  }

  /// Reads and computes again what is due. Called several times a second.
  func sweep() {
    tables?.sweep()
    pinned?.sweep()
  }

  func setListener(_ made: NotificationListener?) {
    let old = listener.withLock { listener in
      defer { listener = made }
      return listener
    }
    old?.stop()
  }

  /// Lets go of connections and copies.
  func close() {
    setListener(nil)
    tables?.close()
    pinned?.close()
    engine.close()
  }

  /// Connects, if that was not done before.
  ///
  /// - Returns: The name and version of the database.
  /// - Throws: UNAVAILABLE when it does not answer; another code when the settings have to be changed first.
  public func reach() async throws(DatabaseError) -> String {
    do throws(EngineError) {
      return try await engine.known().version
    } catch {
      throw DatabaseError(error)
    }
  }

  /// What the pool and the outbox look like, and have done.
  public var totals: EngineMetrics.Totals {
    let pool = engine.figures
    var totals = EngineMetrics.Totals()
    totals.connections = pool.open
    totals.connectionsInUse = pool.inUse
    totals.waiting = pool.waiting
    totals.connectFailures = pool.failed
    if let outbox = openOutbox {
      let (backlog, figures) = (outbox.backlog, outbox.figures)
      totals.outboxRows = backlog.rowCount
      totals.outboxBytes = backlog.byteCount
      totals.outboxLag = backlog.lag
      totals.outboxApplied = figures.applied
      totals.outboxRejected = figures.rejected
    }
    return totals
  }

  /// The outbox, if it is open.
  var openOutbox: Outbox? { writing.withLock { $0?.outbox } }

  /// Opens the outbox, unless somebody has done so.
  func opening(
    _ open: () async throws(DatabaseError) -> (Outbox, OutboxPusher)
  ) async throws(DatabaseError) -> Outbox {
    await opening.acquire()
    defer { opening.release() }
    if let outbox = openOutbox { return outbox }
    let (outbox, pusher) = try await open()
    writing.withLock { $0 = (outbox, pusher) }
    pusher.start()
    return outbox
  }

  /// Whether the caller is to find out if the database is there again.
  func takesProbe() -> Bool {
    let now = ContinuousClock.now
    return nextProbe.withLock { next in
      guard now >= next else { return false }
      next = now + .seconds(1)
      return true
    }
  }

  func takePusher() -> OutboxPusher? { writing.withLock { $0?.pusher } }

  /// What a change of the rows of a table changes: the table, or, when views, triggers, foreign keys that cascade or
  /// partitions depend on it, anything.
  func reach(ofTable name: String?) async -> CacheVersions.Reach {
    guard cache != nil || openOutbox != nil else { return .nothing }
    guard let name = name?.lowercased() else { return .everything }
    let now = ContinuousClock.now
    let known = reaches.withLock { $0[name] }
    if let known, known.until > now { return known.reach }
    // What cannot be asked now is as it was.
    if isDown || openOutbox?.outage != nil { return known?.reach ?? .everything }
    let reach: CacheVersions.Reach =
      (try? await standsAlone(name)) == true ? .names([name]) : .everything
    reaches.withLock { reaches in
      if reaches.count >= Self.maxReachCount { reaches = [:] }
      reaches[name] = KnownReach(reach: reach, until: now + Self.reachLifetime)
    }
    return reach
  }

  /// The table of the loads that were applied; made when it is first asked for, and cleared of old rows once an hour.
  func appliedLoads(now: Int64) async throws -> AppliedLoads {
    let applied = AppliedLoads(dialect: try await engine.known().dialect)
    if let until = appliedTidyUntil.withLock({ $0 }), until > now { return applied }
    try await engine.run(BackendCall()) { (connection) throws(ADBCError) in
      try applied.make(connection)
      try applied.forgetOld(at: now, connection)
    }
    appliedTidyUntil.withLock { $0 = now + 3_600_000_000 }
    return applied
  }

  /// A statement of ours has changed the catalog.
  func catalogChanged() {
    forgetReaches()
    guard foreign.isListed else { return }
    Task { try? await foreign.refresh() }
  }

  /// The catalog may have changed.
  func forgetReaches() {
    reaches.withLock { $0 = [:] }
    foreign.forget()
  }

  private func standsAlone(_ name: String) async throws -> Bool {
    let dialect = try await engine.known().dialect
    guard let question = Self.dependencyQuestion(name, dialect) else { return false }
    return try await engine.run(BackendCall()) { (connection) throws(ADBCError) in
      let batch = try connection.query(question).firstBatch()
      guard let batch, batch.rowCount == 1, batch.columns.count == 1 else { return false }
      return ["0", "false", "f"].contains(batch.columns[0].string(at: 0) ?? "")
    }
  }

  /// A query for how many things depend on the tables of a name, which must be tables; nil where we do not know how to ask.
  private static func dependencyQuestion(_ name: String, _ dialect: Dialect) -> String? {
    let literal = dialect.literal(name)
    switch dialect {
    case .postgresql:
      return """
        SELECT (count(*) FILTER (WHERE c.relkind <> 'r' OR c.relhassubclass OR c.relispartition OR c.relhasrules
            OR EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
              WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND f.proname <> 'hyprstream_notify')
            OR EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = c.oid)
            OR EXISTS (SELECT 1 FROM pg_constraint k WHERE k.confrelid = c.oid
              AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd')))
            OR EXISTS (SELECT 1 FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
              WHERE d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass AND r.ev_class <> c.oid))
          + CASE WHEN count(*) = 0 THEN 1 ELSE 0 END)::bigint AS dependents
        FROM pg_class c WHERE lower(c.relname) = \(literal) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
        """
    case .sqlite:
      return """
        SELECT count(*) + (SELECT count(*) = 0 FROM sqlite_master WHERE type = 'table' AND lower(name) = \(literal))
          + (SELECT count(*) FROM sqlite_master WHERE sql LIKE '% CASCADE%' OR sql LIKE '% SET NULL%' OR sql LIKE '% SET DEFAULT%')
        FROM sqlite_master WHERE type IN ('view', 'trigger')
        """
    case .duckdb:
      return """
        SELECT (SELECT count(*) FROM duckdb_views() WHERE NOT internal)
          + (SELECT CAST(count(*) = 0 AS INTEGER) FROM duckdb_tables() WHERE lower(table_name) = \(literal))
        """
    default: return nil
    }
  }
}
