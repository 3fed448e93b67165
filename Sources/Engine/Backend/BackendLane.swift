internal import Synchronization

public import ADBC
public import Columnar

/// A connection that stays with its session, because a transaction or temporary tables live in it.
///
/// Many drivers allow one open result per connection, so statements go one after another, and a result that is still open
/// is run to its end and kept aside first.
public final class BackendLane: Sendable {
  private struct State {
    var lease: ConnectionPool.Lease?
    var openResult: ResultPump?
    /// Why the connection, and with it all that lived there, is gone.
    var loss: EngineError?
    var isInTransaction = false
    var hasEnded = false
  }

  private let engine: ADBCEngine
  private let isHome: Bool
  private let turn = Turn()
  private let state = Mutex(State())

  init(_ engine: ADBCEngine, isHome: Bool) {
    self.engine = engine
    self.isHome = isHome
  }

  deinit {
    // What lives in the connection must not meet its next user.
    state.withLock { $0.lease }?.discard()
  }

  /// Starts a statement whose rows are wanted.
  public func start(
    _ sql: String, parameters: Batch?, _ call: BackendCall
  ) async throws(EngineError) -> ResultPump {
    try await engine.admission.enter()
    await turn.acquire()
    defer { turn.release() }
    do throws(EngineError) {
      let connection = try await connection()
      let pump = try await engine.open(sql, parameters, on: connection, call) {
        [weak self] ending in
        if let failure = ending.failure { self?.note(failure) }
      }
      state.withLock { $0.openResult = pump }
      return pump
    } catch {
      engine.admission.leave()
      throw error
    }
  }

  /// Runs `body` with the connection, on a worker.
  public func run<Value: Sendable>(
    _ call: BackendCall,
    _ body: @escaping @Sendable (ADBCConnection) throws(ADBCError) -> Value
  ) async throws(EngineError) -> Value {
    await turn.acquire()
    defer { turn.release() }
    let connection = try await connection()
    let result = await engine.run(on: connection, call, body)
    if case .failure(.backend(let error)) = result { note(error) }
    return try result.get()
  }

  /// Runs a statement for what it changes, with all its rows of parameters or none of them.
  public func update(
    _ sql: String, parameters: Batch?, _ call: BackendCall
  ) async throws(EngineError) -> Int? {
    try await run(call) { (connection) throws(ADBCError) in
      try connection.update(sql, parameters)
    }
  }

  /// Begins a transaction; does nothing in one.
  public func begin() async throws(EngineError) {
    guard !state.withLock({ $0.isInTransaction }) else { return }
    try await run(BackendCall()) { (connection) throws(ADBCError) in
      if connection.isAutocommit { try connection.setAutocommit(false) }
    }
    state.withLock { $0.isInTransaction = true }
  }

  /// Ends the transaction. Unless it is a session's own, the lane cannot be used afterwards.
  public func end(commits: Bool) async throws(EngineError) {
    await turn.acquire()
    defer { turn.release() }
    await spoolOpenResult()
    let (lease, loss) = state.withLock { state in
      state.isInTransaction = false
      state.hasEnded = !isHome
      let found = (state.lease, state.loss)
      if !isHome { state.lease = nil }
      return found
    }
    if let loss, commits { throw loss }
    guard let lease else { return }
    let result = await engine.run(on: lease.resource, BackendCall()) {
      (connection) throws(ADBCError) in
      if commits { try connection.commit() } else { try connection.rollback() }
      try connection.setAutocommit(true)
    }
    if case .failure = result, !isHome { lease.discard() }
    if case .success = result, !isHome { lease.giveBack() }
    try result.get()
  }

  /// The connection, free for the next statement. Called with the turn.
  private func connection() async throws(EngineError) -> ADBCConnection {
    await spoolOpenResult()
    let (lease, loss, hasEnded) = state.withLock { ($0.lease, $0.loss, $0.hasEnded) }
    if hasEnded { throw .outOfTurn("the transaction ended before the statement could run") }
    if let loss { throw loss }
    if let lease { return lease.resource }
    let fresh = try await engine.connect()
    state.withLock { $0.lease = fresh }
    return fresh.resource
  }

  private func spoolOpenResult() async {
    let open = state.withLock { state in
      defer { state.openResult = nil }
      return state.openResult
    }
    await open?.spool()
  }

  private func note(_ error: ADBCError) {
    guard error.isConnectionLost else { return }
    let lease = state.withLock { state in
      state.loss = state.loss ?? .connectionLost(engine.name, error)
      defer { state.lease = nil }
      return state.lease
    }
    lease?.discard(isLost: true)
  }
}
