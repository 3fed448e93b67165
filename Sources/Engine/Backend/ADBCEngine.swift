internal import Threads
internal import Synchronization

public import ADBC
public import Columnar

/// Runs SQL on a database behind an ADBC driver, in that database's own dialect.
///
/// Statements that stand alone take a connection from a pool; those of a transaction share one (``BackendLane``). Drivers
/// block, so they are called on threads of their own, and callers suspend meanwhile.
public final class ADBCEngine: Sendable {
  /// By which people know it.
  public let name: String
  /// Its connection for people, without secrets.
  public let displayText: String
  let connections: ConnectionPool
  let workers: WorkerPool
  let admission: Admission
  private let settings: ConnectionSettings
  private let allocator: any BufferAllocator
  private let spoolLimits: SpoolLimits
  private let facts = Mutex<Facts?>(nil)

  /// What the database says about itself.
  public struct Facts: Sendable {
    public var dialect: Dialect
    /// Such as `PostgreSQL 15.9`.
    public var version: String
  }

  /// Nothing is connected before the first statement.
  public init(
    name: String, _ manager: DriverManager, _ settings: ConnectionSettings, admission: Admission,
    allocator: any BufferAllocator, spoolLimits: SpoolLimits
  ) {
    self.name = name
    displayText = settings.displayText
    self.settings = settings
    self.admission = admission
    self.allocator = allocator
    self.spoolLimits = spoolLimits
    let setup = settings.setupStatements
    connections = ConnectionPool(manager, settings) { (connection) throws(ADBCError) in
      for statement in setup { try connection.execute(statement) }
    }
    // One for each connection, and some for results whose readers wait.
    workers = WorkerPool(name: "backend", maxThreadCount: settings.pool.maxCount + 4)
  }

  /// - Parameter isHome: Whether it stays with a session over several transactions.
  public func makeLane(isHome: Bool = false) -> BackendLane { BackendLane(self, isHome: isHome) }

  /// Hears notifications of the database.
  public func listener(
    channel: String, onEvent: @escaping @Sendable (NotificationListener.Event) -> Void
  ) throws(ADBCError) -> NotificationListener {
    try NotificationListener(settings, channel: channel, onEvent: onEvent)
  }

  /// What the pool of connections looks like now.
  public var figures: PoolFigures { connections.figures }

  /// Closes connections that nobody uses, and gives out no more.
  public func close() { connections.close() }

  /// Asks the database who it is, once.
  public func known() async throws(EngineError) -> Facts {
    if let facts = facts.withLock({ $0 }) { return facts }
    let info = try await run(BackendCall()) { (connection) throws(ADBCError) in
      try connection.info()
    }
    let made = Facts(
      dialect: Dialect(info),
      version: [info.vendorName, info.vendorVersion].compactMap { $0 }.joined(separator: " "))
    facts.withLock { $0 = made }
    return made
  }

  // MARK: - Statements

  /// Starts a query and returns as soon as its columns are known.
  ///
  /// - Parameters:
  ///   - parameters: One run per row; `nil` for a statement without parameters.
  ///   - mayRepeat: Whether it may be sent again if the connection turns out to be dead.
  ///   - flight: Gets the result at its end. Whoever made it ends it if this throws.
  public func start(
    _ sql: String, parameters: Batch? = nil, mayRepeat: Bool = true,
    for flight: CacheFlight? = nil, _ call: BackendCall
  ) async throws(EngineError) -> ResultPump {
    try await admission.enter()
    var repeats = mayRepeat
    while true {
      let lease: ConnectionPool.Lease
      do throws(EngineError) { lease = try await connect() } catch {
        admission.leave()
        throw error
      }
      do throws(EngineError) {
        return try await open(sql, parameters, on: lease.resource, for: flight, call) { ending in
          lease.end(ending)
        }
      } catch {
        guard repeats, call.reason == nil, case .backend(let failure) = error,
          failure.isConnectionLost
        else {
          admission.leave()
          throw error
        }
        repeats = false
      }
    }
  }

  /// Opens a result on a worker and fills a pump with it in the same go. Leaves the place of admission when the worker goes away, but
  /// not if this throws.
  ///
  /// - Parameters:
  ///   - onRelease: Called once, when the connection is free again.
  func open(
    _ sql: String, _ parameters: Batch?, on connection: ADBCConnection,
    for flight: CacheFlight? = nil, _ call: BackendCall,
    onRelease: @escaping @Sendable (BackendSource.Ending) -> Void
  ) async throws(EngineError) -> ResultPump {
    let result: Result<ResultPump, EngineError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        workers.submit { [self] in
          do throws(EngineError) {
            let (schema, source) = try execute(sql, parameters, connection, call, onRelease)
            let announcement = Announcement()
            let recorded = flight.map { RecordingSource(source, schema, for: $0) }
            let pump = ResultPump(
              schema: schema, source: recorded ?? source, of: nil, pool: workers,
              allocator: allocator, spoolLimits: spoolLimits, announcement: announcement,
              runAheadByteCount: flight?.maxByteCount ?? 0)
            announcement.whenMade { continuation.resume(returning: .success(pump)) }
            pump.fill()
            admission.leave()
          } catch {
            continuation.resume(returning: .failure(error))
          }
        }
      }
    } onCancel: {
      call.stop(.cancelled)
    }
    return try result.get()
  }

  func execute(
    _ sql: String, _ parameters: Batch?, _ connection: ADBCConnection, _ call: BackendCall,
    _ onRelease: @escaping @Sendable (BackendSource.Ending) -> Void
  ) throws(EngineError) -> (Schema, BackendSource) {
    do throws(EngineError) {
      try call.begin(on: connection)
    } catch {
      onRelease(BackendSource.Ending())
      throw error
    }
    defer { call.end() }
    do throws(ADBCError) {
      let result = try connection.prepared(sql, parameters).executeQuery()
      return (result.schema, BackendSource(result, on: connection, onRelease: onRelease))
    } catch {
      onRelease(BackendSource.Ending(failure: error, wasInterrupted: call.reason != nil))
      throw call.failure(error)
    }
  }

  /// A result of batches that are there already. Does not wait.
  ///
  /// - Parameter changedRowCount: For the answer to a statement that has changed rows.
  public func ready(
    _ schema: Schema, _ batches: [Batch], changedRowCount: Int? = nil
  ) -> ResultPump {
    let pump = ResultPump(
      schema: schema, source: BatchesSource(batches, changedRowCount), of: nil, pool: workers,
      allocator: allocator,
      spoolLimits: spoolLimits)
    pump.fill()
    return pump
  }

  /// Runs a statement for what it changes, with all its rows of parameters or none of them.
  ///
  /// - Returns: How many rows it changed; `nil` if the driver cannot tell.
  public func update(
    _ sql: String, parameters: Batch? = nil, _ call: BackendCall
  ) async throws(EngineError) -> Int? {
    try await run(call) { (connection) throws(ADBCError) in
      try connection.update(sql, parameters)
    }
  }

  /// Runs `body` with a connection of the pool, on a worker, within the limits of admission.
  public func run<Value: Sendable>(
    _ call: BackendCall,
    _ body: @escaping @Sendable (ADBCConnection) throws(ADBCError) -> Value
  ) async throws(EngineError) -> Value {
    try await admission.enter()
    defer { admission.leave() }
    return try await load(call, body)
  }

  /// The same for what waits for its client's data: outside of admission.
  public func load<Value: Sendable>(
    _ call: BackendCall,
    _ body: @escaping @Sendable (ADBCConnection) throws(ADBCError) -> Value
  ) async throws(EngineError) -> Value {
    let lease = try await connect()
    let result = await run(on: lease.resource, call, body)
    var ending = BackendSource.Ending(failure: nil, wasInterrupted: call.reason != nil)
    if case .failure(.backend(let error)) = result { ending.failure = error }
    lease.end(ending)
    return try result.get()
  }

  func run<Value: Sendable>(
    on connection: ADBCConnection, _ call: BackendCall,
    _ body: @escaping @Sendable (ADBCConnection) throws(ADBCError) -> Value
  ) async -> Result<Value, EngineError> {
    await withTaskCancellationHandler {
      await workers.run { () -> Result<Value, EngineError> in
        do throws(EngineError) {
          try call.begin(on: connection)
        } catch {
          return .failure(error)
        }
        defer { call.end() }
        do throws(ADBCError) {
          return .success(try body(connection))
        } catch {
          return .failure(call.failure(error))
        }
      }
    } onCancel: {
      call.stop(.cancelled)
    }
  }

  func connect() async throws(EngineError) -> ConnectionPool.Lease {
    do throws(PoolError) {
      return try await connections.lease()
    } catch {
      switch error {
      case .cancelled: throw .cancelled
      case .closed: throw .shuttingDown
      default: throw .unreachable(name, error)
      }
    }
  }

  // MARK: - Descriptions

  /// What a statement would return and need; parameters of unknown type are `null`.
  public struct Description: Sendable {
    public var resultSchema: Schema
    public var parameterSchema: Schema

    public init(resultSchema: Schema, parameterSchema: Schema) {
      self.resultSchema = resultSchema
      self.parameterSchema = parameterSchema
    }
  }

  /// Prepares a statement and changes nothing.
  ///
  /// - Parameter isRead: Whether it may be run to find out its columns, with a driver that cannot tell them otherwise.
  public func describe(
    _ sql: String, isRead: Bool, returnsRows: Bool, on lane: BackendLane?, _ call: BackendCall
  ) async throws(EngineError) -> Description {
    let body: @Sendable (ADBCConnection) throws(ADBCError) -> Description = {
      (connection) throws(ADBCError) in
      try connection.describe(sql, isRead: isRead, returnsRows: returnsRows)
    }
    if let lane { return try await lane.run(call, body) }
    return try await run(call, body)
  }
}

extension ConnectionPool.Lease {
  /// Gives the connection back, or closes it where it is of no more use.
  func end(_ ending: BackendSource.Ending) {
    if ending.failure?.isConnectionLost == true {
      discard(isLost: true)
    } else if ending.wasInterrupted {
      discard()
    } else {
      giveBack()
    }
  }
}

extension ADBCConnection {
  /// A statement with what is bound to it.
  public func prepared(_ sql: String, _ parameters: Batch?) throws(ADBCError) -> ADBCStatement {
    let statement = try statement(sql)
    // PostgreSQL's driver reads by COPY, which takes queries only. Other drivers know no such option.
    if Self.isUtility(sql) { try? statement.setOption("adbc.postgresql.use_copy", false) }
    guard let parameters else { return statement }
    try statement.prepare()
    try statement.bind(parameters)
    return statement
  }

  /// Runs a statement for what it changes, with all its rows of parameters or none of them.
  @discardableResult
  public func update(_ sql: String, _ parameters: Batch?) throws(ADBCError) -> Int? {
    guard let parameters, parameters.rowCount > 1 else {
      return try prepared(sql, parameters).executeUpdate()
    }
    return try inTransaction { () throws(ADBCError) in
      try prepared(sql, parameters).executeUpdate()
    }
  }

  /// Whether a statement has rows and is no query.
  private static func isUtility(_ sql: String) -> Bool {
    let word = sql.prefix { $0.isLetter }.lowercased()
    return ["show", "explain", "call", "execute", "fetch"].contains(word)
  }

  /// Runs `body` in a transaction of its own, or in the one that is open.
  public func inTransaction<Value>(
    _ body: () throws(ADBCError) -> Value
  ) throws(ADBCError) -> Value {
    guard isAutocommit else { return try body() }
    try setAutocommit(false)
    let value: Value
    do throws(ADBCError) {
      value = try body()
      try commit()
    } catch {
      try? rollback()
      try? setAutocommit(true)
      throw error
    }
    try setAutocommit(true)
    return value
  }

  fileprivate func describe(
    _ sql: String, isRead: Bool, returnsRows: Bool
  ) throws(ADBCError) -> ADBCEngine.Description {
    let statement = try statement(sql)
    try statement.prepare()
    var parameters = Schema()
    do throws(ADBCError) {
      parameters = try statement.parameterSchema()
    } catch {
      guard error.status == .notImplemented || error.status == .invalidState else { throw error }
    }
    guard isRead || returnsRows else {
      return ADBCEngine.Description(resultSchema: Schema(), parameterSchema: parameters)
    }
    do throws(ADBCError) {
      return ADBCEngine.Description(
        resultSchema: try statement.executeSchema(), parameterSchema: parameters)
    } catch {
      guard error.status == .notImplemented else { throw error }
    }
    guard isRead, parameters.fields.isEmpty else {
      return ADBCEngine.Description(resultSchema: Schema(), parameterSchema: parameters)
    }
    let result = try statement.executeQuery()
    defer { result.close() }
    return ADBCEngine.Description(resultSchema: result.schema, parameterSchema: parameters)
  }
}

/// Batches that are there.
private final class BatchesSource: ResultSource {
  private var rest: ArraySlice<Batch>
  let changedRowCount: Int?
  var progress: Double? { nil }

  init(_ batches: [Batch], _ changedRowCount: Int?) {
    rest = batches[...]
    self.changedRowCount = changedRowCount
  }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    rest.popFirst()
  }

  func interrupt() {}
  func noteFailure(_ error: EngineError) {}
  func release() { rest = [] }
}
