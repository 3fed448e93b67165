internal import Synchronization

internal import Columnar
public import DuckDB

/// A connection that stays with its session, because something lives in it: a transaction,
/// temporary tables, variables.
///
/// DuckDB ends an open result when the next statement starts on its connection, so statements go
/// one after another, and a result that is still open is run to its end and kept aside first.
public final class Lane: ConnectionHolder {
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
    let openResult = state.withLock { state in
      state.isLost = true
      state.held = nil
      defer { state.openResult = nil }
      return state.openResult
    }
    openResult?.stop(.cancelled)
  }

  /// Runs `body` on a worker thread with the connection, when no other statement uses it.
  public func run<Value: Sendable>(
    _ settings: SessionSettings,
    _ body: @escaping @Sendable (Connection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    try await run(on: engine.pool, settings, body)
  }

  /// The same for a statement that waits for its client's data.
  public func load<Value: Sendable>(
    _ settings: SessionSettings,
    _ body: @escaping @Sendable (Connection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    try await run(on: engine.loaders, settings, body)
  }

  private func run<Value: Sendable>(
    on pool: WorkerPool, _ settings: SessionSettings,
    _ body: @escaping @Sendable (Connection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    await turn.acquire()
    defer { turn.release() }
    await spoolOpenResult()
    let result = await pool.run { () -> Result<Value, EngineError> in
      do throws(EngineError) {
        let held = try self.connection(settings)
        do throws(DuckDBError) {
          return .success(try body(held.connection))
        } catch {
          self.engine.instance.noteFailure(error, generation: held.generation)
          return .failure(.statement(error))
        }
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Starts a statement whose rows are read while others wait for the connection.
  func start(
    _ sql: String, _ settings: SessionSettings, parameters: Batch?
  ) async throws(EngineError) -> ResultPump {
    await turn.acquire()
    defer { turn.release() }
    await spoolOpenResult()
    let pump = try await engine.startOnWorker { (announcement) throws(EngineError) in
      let held = try self.connection(settings)
      do throws(DuckDBError) {
        let statement = try held.connection.prepareLast(sql)
        let source = StatementSource(
          statement, on: held, of: self.engine.instance, parameters: parameters, start: announcement,
          onRelease: {})
        return (try statement.resultSchema, source)
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
    engine.instance.register(self)
    state.withLock { $0.held = fresh }
    return fresh
  }
}
