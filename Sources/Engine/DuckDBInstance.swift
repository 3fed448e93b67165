internal import Threads
internal import Synchronization

public import DuckDB

/// One DuckDB database in this process, with its idle connections and kept statements.
///
/// An INTERNAL or FATAL error makes DuckDB refuse everything from then on. The instance then closes
/// it and opens it again: what is in the file survives; open transactions, temporary tables and
/// in-memory tables do not, and those who hold them are told (`EngineError.restarted`).
///
/// All methods block and are called on worker threads.
public final class DuckDBInstance: Sendable {
  public struct Configuration: Sendable {
    /// Path of the database file; `nil` keeps everything in memory.
    public var path: String?
    /// Settings given when the database is opened, before any statement.
    public var settings: [String: String]
    /// Statements run once after opening (extensions, macros, tables, at last the lock).
    public var setup: [String]
    /// Statements run on each new connection.
    public var connectionSetup: [String]

    public init(
      path: String?, settings: [String: String], setup: [String], connectionSetup: [String] = []
    ) {
      self.connectionSetup = connectionSetup
      self.path = path
      self.settings = settings
      self.setup = setup
    }
  }

  /// Kept statements, and idle connections of each kind. More are closed when given back.
  private static let maxKeptStatementCount = 128
  private static let maxIdleConnectionCount = 32
  /// How long a statement waits while the database is opened again, in seconds.
  private static let maxReopenWaitSeconds = 30

  struct State {
    var database: Database?
    var generation = 1
    /// Grows with each change of the catalog; a kept statement of an older one is not used again.
    var catalogVersion = 1
    var idle: [String: [IdleConnection]] = [:]
    var idleCount = 0
    var kept = KeptStatements()
    var lookups = KeptLookups()
    /// Those who hold connections of the open database.
    var holders: [ObjectIdentifier: WeakHolder] = [:]
  }

  struct IdleConnection {
    let connection: Connection
    let keptInsert: KeptInsert?
  }

  struct WeakHolder {
    weak var holder: (any ConnectionHolder)?
  }

  /// Tables whose rows come from Swift; SQL reads them as `liveRelation`.
  public let liveTables: LiveTables
  /// The table function behind them. Clients may not call it: numbers can be guessed.
  public static let liveFunction = "__hyprstream_live"

  let library: DuckDBLibrary
  let configuration: Configuration
  let state: Mutex<State>
  let reopened = Monitor()
  /// Run when the database was opened again, before anyone else uses it.
  private let reopenSetup = Mutex<ReopenSetup?>(nil)
  public typealias ReopenSetup = @Sendable (Connection) throws(DuckDBError) -> Void
  /// Opens the database again: that waits for those who work, so it cannot be one of them.
  let reopener = WorkerPool(name: "reopener", maxThreadCount: 1)

  public init(library: DuckDBLibrary, configuration: Configuration) throws(DuckDBError) {
    self.library = library
    self.configuration = configuration
    liveTables = LiveTables(library)
    let database = try Self.open(library, configuration, liveTables)
    state = Mutex(State(database: database))
  }

  /// Sets what has to be done each time the database was opened again: what was in memory is gone.
  public func whenReopened(_ setup: @escaping ReopenSetup) {
    reopenSetup.withLock { $0 = setup }
  }

  func setUpAgain(_ database: Database) throws(DuckDBError) {
    guard let setup = reopenSetup.withLock({ $0 }) else { return }
    try setup(try database.connect())
  }

  /// What may stand after FROM to read a live table.
  ///
  /// - Parameter arguments: More of them, each with a comma before it.
  public static func liveRelation(_ id: Int64, _ arguments: String = "") -> String {
    "\(liveFunction)(\(id)\(arguments))"
  }

  public var libraryVersion: String { library.version }

  /// Grows by one each time the database had to be opened again.
  public var generation: Int { state.withLock { $0.generation } }

  static func open(
    _ library: DuckDBLibrary, _ configuration: Configuration, _ liveTables: LiveTables
  ) throws(DuckDBError) -> Database {
    let database = try Database(
      library, path: configuration.path, settings: configuration.settings)
    try database.callThreadsOnDemand()
    try database.registerLiveTables(liveTables, function: liveFunction)
    let connection = try database.connect()
    for statement in configuration.setup { try connection.execute(statement) }
    return database
  }

  // MARK: Connections

  /// A connection with those settings. Give it back with `giveBack`, or drop it.
  public func connect(_ settings: SessionSettings) throws(EngineError) -> HeldConnection {
    let (idle, generation) = state.withLock { state -> (IdleConnection?, Int) in
      let connection = state.idle[settings.key]?.popLast()
      if connection != nil { state.idleCount -= 1 }
      if state.idle[settings.key]?.isEmpty == true { state.idle[settings.key] = nil }
      return (connection, state.generation)
    }
    if let idle {
      return HeldConnection(
        idle.connection, settings: settings, generation: generation, keptInsert: idle.keptInsert)
    }
    return try retryingOnce { () throws(EngineError) in try makeConnection(settings) }
  }

  private func makeConnection(_ settings: SessionSettings) throws(EngineError) -> HeldConnection {
    let (database, generation) = try openDatabase()
    do {
      let connection = try database.connect()
      for statement in configuration.connectionSetup + settings.statements {
        try connection.execute(statement)
      }
      return HeldConnection(connection, settings: settings, generation: generation)
    } catch {
      noteFailure(error, generation: generation)
      throw .statement(error)
    }
  }

  /// Tries again after an error that says that the database was broken already: nothing was done.
  private func retryingOnce<Value>(
    _ body: () throws(EngineError) -> Value
  ) throws(EngineError) -> Value {
    do {
      return try body()
    } catch {
      guard case .statement(let reason) = error, reason.kind == .fatal else { throw error }
      return try body()
    }
  }

  /// Keeps a connection for the next one who needs such a connection.
  ///
  /// - Precondition: no transaction and no result is open on it, and it holds no state but its
  ///   settings.
  public func giveBack(_ held: HeldConnection) {
    let fresh = IdleConnection(
      connection: held.connection, keptInsert: held.keptInsert.withLock { $0 })
    let evicted = state.withLock { state -> IdleConnection? in
      guard held.generation == state.generation else { return nil }
      var evicted: IdleConnection?
      if state.idleCount >= Self.maxIdleConnectionCount {
        // Those of settings that nobody has any more must not keep out the others for ever.
        guard let other = state.idle.keys.first(where: { $0 != held.settings.key }) else {
          return nil
        }
        evicted = state.idle[other]?.popLast()
        if state.idle[other]?.isEmpty == true { state.idle[other] = nil }
        state.idleCount -= 1
      }
      state.idle[held.settings.key, default: []].append(fresh)
      state.idleCount += 1
      return evicted
    }
    withExtendedLifetime(evicted) {}  // closed here, not under the lock
  }

  private func openDatabase() throws(EngineError) -> (Database, Int) {
    var result: (Database, Int)?
    _ = reopened.wait(atMost: .seconds(Self.maxReopenWaitSeconds)) {
      result = state.withLock { state in state.database.map { ($0, state.generation) } }
      return result != nil
    }
    guard let result else { throw .reopening }
    return result
  }

  // MARK: Statements

  /// Prepares `sql` on a connection of its own, or takes a statement that was kept for that text.
  public func prepare(_ sql: String, _ settings: SessionSettings) throws(EngineError)
    -> OpenStatement
  {
    let (kept, catalogVersion) = state.withLock { state in
      (
        state.kept.take(sql: sql, settings: settings, catalogVersion: state.catalogVersion),
        state.catalogVersion
      )
    }
    if let kept { return kept }
    return try retryingOnce { () throws(EngineError) in
      try prepare(sql, settings, catalogVersion)
    }
  }

  /// Takes a statement that was kept for this text and got to its end when it ran last. Does not block.
  func takeProven(_ sql: String, _ settings: SessionSettings) -> OpenStatement? {
    state.withLock { state in
      state.kept.take(
        sql: sql, settings: settings, catalogVersion: state.catalogVersion, provenOnly: true)
    }
  }

  private func prepare(
    _ sql: String, _ settings: SessionSettings, _ catalogVersion: Int
  ) throws(EngineError) -> OpenStatement {
    let connection = try connect(settings)
    do {
      let statement = try connection.connection.prepare(sql)
      return OpenStatement(
        sql: sql, statement: statement, on: connection, catalogVersion: catalogVersion)
    } catch {
      giveBack(connection)
      noteFailure(error, generation: connection.generation)
      throw .statement(error)
    }
  }

  /// Keeps a statement whose result is closed, for the next one with the same text.
  public func giveBack(_ open: OpenStatement) {
    let evicted = state.withLock { state -> OpenStatement? in
      guard open.connection.generation == state.generation,
        open.catalogVersion == state.catalogVersion
      else { return open }
      return state.kept.keep(open, limit: Self.maxKeptStatementCount)
    }
    if let evicted { giveBack(evicted.connection) }
  }

  /// Grows with each change of the catalog, and each time that the database is opened again.
  public var currentCatalogVersion: Int { state.withLock { $0.catalogVersion } }

  /// To be called after a statement that may have changed the catalog or a macro.
  public func catalogDidChange() {
    let (dropped, lookups) = state.withLock { state in
      state.catalogVersion += 1
      return (state.kept.removeAll(), state.lookups.removeAll())
    }
    for statement in dropped { giveBack(statement.connection) }
    withExtendedLifetime(lookups) {}  // closed here, not under the lock
  }
}

/// One who keeps a connection across statements: an open result, a session's own connection.
protocol ConnectionHolder: AnyObject, Sendable {
  /// Lets go of the connection and everything made on it; whoever uses it later gets `.restarted`.
  func abandonConnection()
  /// Interrupts once more what was told to stop and still runs.
  func remind()
}
