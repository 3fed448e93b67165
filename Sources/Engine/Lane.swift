internal import Threads
internal import Synchronization

internal import Columnar
public import DuckDB

/// A connection that stays with its session, because something lives in it: a transaction,
/// temporary tables, variables.
///
/// DuckDB ends an open result when the next statement starts on its connection, so statements go
/// one after another, and a result that is still open is run to its end and kept aside first.
public final class Lane: ConnectionHolder {
  /// Asked when a statement's turn has come: throws if it may not run any more, because what it
  /// was sent for has ended while it waited.
  public typealias Check = @Sendable () throws(EngineError) -> Void

  private struct State {
    var held: HeldConnection?
    var openResult: ResultPump?
    var isLost = false
  }

  private let engine: DuckDBEngine
  private let turn = Turn()
  private let state = Mutex(State())

  init(_ engine: DuckDBEngine) { self.engine = engine }

  deinit { engine.instance.unregister(self) }

  /// Whether DuckDB was opened anew since, so that what lived in this connection is gone.
  public var isLost: Bool { state.withLock { $0.isLost } }

  func abandonConnection() {
    let dropped = state.withLock { state in
      state.isLost = true
      defer {
        state.held = nil
        state.openResult = nil
      }
      return (state.held, state.openResult)
    }
    dropped.1?.stop(.restarted)
  }

  func remind() {}

  /// Runs `body` on a worker thread with the connection, when no other statement uses it.
  public func run<Value: Sendable>(
    _ settings: SessionSettings, stop: StopSignal? = nil, mayRun: @escaping Check = {},
    _ body: @escaping @Sendable (Connection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    try await run(on: engine.pool, settings, stop, mayRun, body)
  }

  /// The same for a statement that waits for its client's data.
  public func load<Value: Sendable>(
    _ settings: SessionSettings, stop: StopSignal? = nil, mayRun: @escaping Check = {},
    _ body: @escaping @Sendable (Connection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    try await run(on: engine.loaders, settings, stop, mayRun, body)
  }

  private func run<Value: Sendable>(
    on pool: WorkerPool, _ settings: SessionSettings, _ stop: StopSignal?, _ mayRun: Check,
    _ body: @escaping @Sendable (Connection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    await turn.acquire()
    defer { turn.release() }
    try mayRun()
    await spoolOpenResult()
    let result = await pool.run { () -> Result<Value, EngineError> in
      do throws(EngineError) {
        let held = try self.connection(settings)
        return .success(try self.engine.instance.run(on: held, stop: stop, body))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Starts a statement whose rows are read while others wait for the connection.
  ///
  /// A place among the running statements is asked for last: who waits for this lane keeps none.
  func start(
    _ sql: String, _ settings: SessionSettings, parameters: Batch?, mayRun: Check
  ) async throws(EngineError) -> ResultPump {
    await turn.acquire()
    defer { turn.release() }
    if Task.isCancelled { throw .cancelled }
    try mayRun()
    await spoolOpenResult()
    try await engine.admission.enter()
    let pump = try await engine.startOnWorker { (announcement) throws(EngineError) in
      let held = try self.connection(settings)
      do throws(DuckDBError) {
        let statement = try held.connection.prepareLast(sql)
        let source = StatementSource(
          statement, on: held, of: self.engine.instance, parameters: parameters,
          start: announcement, onRelease: {})
        return (try source.resolvedSchema(), source, held.generation)
      } catch {
        self.engine.instance.noteFailure(error, generation: held.generation)
        throw .statement(error)
      }
    }
    state.withLock { $0.openResult = pump }
    return pump
  }

  private func spoolOpenResult() async {
    let open = state.withLock { state in
      defer { state.openResult = nil }
      return state.openResult
    }
    await open?.spool()
  }

  private func connection(_ settings: SessionSettings) throws(EngineError) -> HeldConnection {
    let (held, isLost) = state.withLock { ($0.held, $0.isLost) }
    if isLost { throw .restarted }
    if let held { return held }
    let fresh = try engine.instance.connect(settings)
    state.withLock { $0.held = fresh }
    engine.instance.register(self, generation: fresh.generation)
    return fresh
  }
}
