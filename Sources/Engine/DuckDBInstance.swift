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
  /// How long those who use a broken database have to let go of it, in seconds.
  private static let maxReopenWaitSeconds = 10

  private struct State {
    var database: Database?
    var generation = 1
    /// Grows with each change of the catalog; a kept statement of an older one is not used again.
    var catalogVersion = 1
    var idle: [String: [Connection]] = [:]
    var idleCount = 0
    var kept = KeptStatements()
    /// Those who hold connections of the open database.
    var holders: [ObjectIdentifier: WeakHolder] = [:]
  }

  private struct WeakHolder {
    weak var holder: (any ConnectionHolder)?
  }

  /// Tables whose rows come from Swift; SQL reads them as `liveRelation`.
  public let liveTables: LiveTables
  /// The table function behind them. Clients may not call it: numbers can be guessed.
  public static let liveFunction = "__hyprstream_live"

  private let library: DuckDBLibrary
  private let configuration: Configuration
  private let state: Mutex<State>
  private let reopened = Monitor()

  public init(library: DuckDBLibrary, configuration: Configuration) throws(DuckDBError) {
    self.library = library
    self.configuration = configuration
    liveTables = LiveTables(library)
    let database = try Self.open(library, configuration, liveTables)
    state = Mutex(State(database: database))
  }

  /// What may stand after FROM to read a live table.
  public static func liveRelation(_ id: Int64) -> String { "\(liveFunction)(\(id))" }

  public var libraryVersion: String { library.version }

  /// Grows by one each time the database had to be opened again.
  public var generation: Int { state.withLock { $0.generation } }

  private static func open(
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
    let (idle, generation) = state.withLock { state -> (Connection?, Int) in
      let connection = state.idle[settings.key]?.popLast()
      if connection != nil { state.idleCount -= 1 }
      return (connection, state.generation)
    }
    if let idle {
      return HeldConnection(idle, settings: settings, generation: generation)
    }
    let (database, openGeneration) = openDatabase()
    do {
      let connection = try database.connect()
      for statement in configuration.connectionSetup + settings.statements {
        try connection.execute(statement)
      }
      return HeldConnection(connection, settings: settings, generation: openGeneration)
    } catch {
      throw .statement(error)
    }
  }

  /// Keeps a connection for the next one who needs such a connection.
  ///
  /// - Precondition: no transaction and no result is open on it, and it holds no state but its
  ///   settings.
  public func giveBack(_ held: HeldConnection) {
    state.withLock { state in
      guard held.generation == state.generation, state.idleCount < Self.maxIdleConnectionCount
      else { return }
      state.idle[held.settings.key, default: []].append(held.connection)
      state.idleCount += 1
    }
  }

  private func openDatabase() -> (Database, Int) {
    var result: (Database, Int)?
    reopened.wait {
      result = state.withLock { state in state.database.map { ($0, state.generation) } }
      return result != nil
    }
    guard let result else { preconditionFailure("the wait ended without a database") }
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

  /// To be called after a statement that may have changed the catalog or a macro.
  public func catalogDidChange() {
    let dropped = state.withLock { state in
      state.catalogVersion += 1
      return state.kept.removeAll()
    }
    for statement in dropped { giveBack(statement.connection) }
  }

  // MARK: Recovery

  /// Registers one who holds a connection across statements, so that it can be told to let go.
  func register(_ holder: any ConnectionHolder) {
    state.withLock { $0.holders[ObjectIdentifier(holder)] = WeakHolder(holder: holder) }
  }

  /// Answers those whose statement neither gets on nor says so. To be called now and then.
  public func announceAll() {
    let holders = state.withLock { Array($0.holders.values) }
    for holder in holders { (holder.holder as? ResultPump)?.announce() }
  }

  func unregister(_ holder: any ConnectionHolder) {
    state.withLock { _ = $0.holders.removeValue(forKey: ObjectIdentifier(holder)) }
  }

  /// Looks at an error of DuckDB and opens the database again if it says that it is broken.
  public func noteFailure(_ error: DuckDBError, generation: Int) {
    guard error.kind == .fatal || error.kind == .internal else { return }
    let holders = state.withLock { state -> [WeakHolder]? in
      guard state.generation == generation, let database = state.database,
        database.isInvalidated || error.kind == .fatal
      else { return nil }
      state.generation += 1
      state.catalogVersion += 1
      state.database = nil
      state.idle = [:]
      state.idleCount = 0
      _ = state.kept.removeAll()
      defer { state.holders = [:] }
      return Array(state.holders.values)
    }
    guard let holders else { return }
    for holder in holders { holder.holder?.abandonConnection() }
    reopen()
  }

  private func reopen() {
    for attempt in 1... {
      if let database = try? Self.open(library, configuration, liveTables) {
        state.withLock { $0.database = database }
        reopened.broadcast()
        return
      }
      // Someone still holds a connection of the broken database, or the disk has a problem.
      // Wait for it: without a database there is nothing else to do.
      _ = reopened.wait(seconds: min(attempt, Self.maxReopenWaitSeconds)) { false }
    }
  }
}

/// One who keeps a connection across statements: an open result, a session's own connection.
protocol ConnectionHolder: AnyObject, Sendable {
  /// Lets go of the connection and everything made on it; whoever uses it later gets `.restarted`.
  func abandonConnection()
}
