internal import Threads
public import Columnar
public import DuckDB

/// Runs SQL on the *queries* instance of DuckDB: statements of their own on pooled connections,
/// statements of a session with state on its lanes.
///
/// Everything that enters DuckDB does so on the threads of `pool`; callers suspend meanwhile.
public final class DuckDBEngine: Sendable {
  public let instance: DuckDBInstance
  public let admission: Admission
  let pool: WorkerPool
  /// For bulk loads, which wait for their client in the middle of a statement.
  let loaders: WorkerPool
  /// Loads at a time. Most of their threads sleep, so there may be many: fewer, and that many
  /// clients that send slowly would keep all others from loading.
  private static let maxLoaderCount = 1_024
  private let allocator: any BufferAllocator
  private let spoolLimits: SpoolLimits
  /// The disk that results take which are kept aside.
  public var disk: SpoolAccount { spoolLimits.disk }

  /// - Parameter allocator: Makes the memory of result batches.
  public init(
    instance: DuckDBInstance, admission: Admission, maxThreadCount: Int,
    allocator: any BufferAllocator, spoolLimits: SpoolLimits
  ) {
    self.instance = instance
    self.admission = admission
    self.allocator = allocator
    self.spoolLimits = spoolLimits
    pool = WorkerPool(name: "duckdb", maxThreadCount: maxThreadCount)
    loaders = WorkerPool(name: "loader", maxThreadCount: Self.maxLoaderCount)
  }

  public func makeLane() -> Lane { Lane(self) }

  /// A result without columns and rows, for statements that the session itself carries out.
  public func emptyResult() -> ResultPump {
    let pump = makePump(schema: Schema([]), source: EmptySource())
    pump.fill()
    return pump
  }

  func makePump(
    schema: Schema, source: any ResultSource, announcement: Announcement? = nil
  ) -> ResultPump {
    ResultPump(
      schema: schema, source: source, of: instance, pool: pool, allocator: allocator,
      spoolLimits: spoolLimits, announcement: announcement)
  }

  /// What a statement would return and need.
  public struct Description: Sendable {
    public let resultSchema: Schema
    public let parameters: [Parameter]
    public let statementType: StatementType
  }

  /// Prepares a statement and runs nothing.
  public func describe(
    _ sql: String, _ settings: SessionSettings, on lane: Lane?
  ) async throws(EngineError) -> Description {
    if let lane {
      return try await lane.run(settings) { (connection) throws(DuckDBError) in
        return try Description(try connection.prepareLast(sql))
      }
    }
    let instance = self.instance
    let result = await pool.run { () -> Result<Description, EngineError> in
      do throws(EngineError) {
        let open = try instance.prepare(sql, settings)
        // Who asks what a statement returns is about to run it.
        open.isWorthKeeping = true
        defer { instance.giveBack(open) }
        do throws(DuckDBError) {
          return .success(try Description(open.statement))
        } catch {
          instance.noteFailure(error, generation: open.connection.generation)
          throw .statement(error)
        }
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Starts a statement and returns as soon as its columns are known; it goes on running.
  ///
  /// - Parameter parameters: One run per row; `nil` for a statement without parameters.
  /// - Parameter lane: The connection to run on; `nil` takes one from the pool.
  /// - Parameter mayRun: Asked when the statement's turn on the lane has come.
  public func start(
    _ sql: String, _ settings: SessionSettings, parameters: Batch?, on lane: Lane?,
    mayRun: @escaping Lane.Check = {}
  ) async throws(EngineError) -> ResultPump {
    if let lane {
      return try await lane.start(sql, settings, parameters: parameters, mayRun: mayRun)
    }
    try await admission.enter()
    let instance = self.instance
    return try await startOnWorker { (announcement) throws(EngineError) in
      let open = try instance.prepare(sql, settings)
      let source = StatementSource(
        open.statement, on: open.connection, of: instance, parameters: parameters,
        start: announcement, onRelease: { instance.giveBack(open) })
      open.hasSucceeded = false
      source.onEnd = { open.hasSucceeded = true }
      do throws(DuckDBError) {
        return (try source.resolvedSchema(), source, open.connection.generation)
      } catch {
        instance.noteFailure(error, generation: open.connection.generation)
        throw .statement(error)
      }
    }
  }

  /// Starts a query that has run before without asking anything of DuckDB first: its columns are known,
  /// so this does not wait for the rows.
  ///
  /// - Returns: `nil` if no such statement is at hand.
  public func startProven(
    _ sql: String, _ settings: SessionSettings
  ) async throws(EngineError) -> ResultPump? {
    guard let open = instance.takeProven(sql, settings) else { return nil }
    let instance = self.instance
    let (schema, generation) = (open.knownSchema, open.connection.generation)
    guard let schema, open.statement.parameterCount == 0 else {
      instance.giveBack(open)
      return nil
    }
    do throws(EngineError) {
      try await admission.enter()
    } catch {
      instance.giveBack(open)
      throw error
    }
    let announcement = Announcement()
    let source = StatementSource(
      open.statement, on: open.connection, of: instance, parameters: nil, start: announcement,
      expects: schema
    ) { instance.giveBack(open) }
    open.hasSucceeded = false
    source.onEnd = { open.hasSucceeded = true }
    let pump = makePump(schema: schema, source: source, announcement: announcement)
    pool.submit { [admission] in
      defer { admission.leave() }
      instance.register(pump, generation: generation)
      pump.fill()
    }
    return pump
  }

  /// Runs `open` on a worker and fills the pump in the same go. Answers with the pump when its first
  /// rows are there, or when it is clear that they will take a while.
  ///
  /// Leaves `admission` when the worker goes away for the first time.
  func startOnWorker(
    _ open:
      @escaping @Sendable (Announcement) throws(EngineError) -> (Schema, any ResultSource, Int)
  ) async throws(EngineError) -> ResultPump {
    let result: Result<ResultPump, EngineError> = await withCheckedContinuation { continuation in
      pool.submit { [self] in
        defer { admission.leave() }
        do throws(EngineError) {
          let announcement = Announcement()
          let (schema, source, generation) = try open(announcement)
          let pump = ResultPump(
            schema: schema, source: source, of: instance, pool: pool, allocator: allocator,
            spoolLimits: spoolLimits, announcement: announcement)
          announcement.whenMade { continuation.resume(returning: .success(pump)) }
          instance.register(pump, generation: generation)
          pump.fill()
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }

  /// Runs `body` with a pooled connection, on a worker thread, within the limits of admission.
  public func run<Value: Sendable>(
    _ settings: SessionSettings, stop: StopSignal? = nil,
    _ body: @escaping @Sendable (Connection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    try await admission.enter()
    defer { admission.leave() }
    return try await run(on: pool, settings, stop: stop) { (held) throws(DuckDBError) in
      try body(held.connection)
    }
  }

  /// Like `run`, but on the threads for statements that wait for their client's data.
  public func load<Value: Sendable>(
    _ settings: SessionSettings, stop: StopSignal? = nil,
    _ body: @escaping @Sendable (HeldConnection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    try await run(on: loaders, settings, stop: stop, body)
  }

  private func run<Value: Sendable>(
    on pool: WorkerPool, _ settings: SessionSettings, stop: StopSignal?,
    _ body: @escaping @Sendable (HeldConnection) throws(DuckDBError) -> Value
  ) async throws(EngineError) -> Value {
    let instance = self.instance
    let result = await pool.run { () -> Result<Value, EngineError> in
      do throws(EngineError) {
        let held = try instance.connect(settings)
        // A failed one is not given back: it may have left a transaction open.
        let value = try instance.run(on: held, stop: stop) { (_) throws(DuckDBError) in
          try body(held)
        }
        instance.giveBack(held)
        return .success(value)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}

extension Connection {
  /// Prepares a statement. One that DuckDB takes for several (a PIVOT without an IN list makes a type
  /// of its own first) is run up to the last of them.
  func prepareLast(_ sql: String) throws(DuckDBError) -> PreparedStatement {
    let statements = try extract(sql)
    guard statements.count > 1 else { return try prepare(sql) }
    for index in 0..<(statements.count - 1) {
      let result = try statements.prepare(index).execute()
      while try result.next(maxRows: 2_048, allocator: HeapAllocator()) != nil {}
    }
    return try statements.prepare(statements.count - 1)
  }
}

extension DuckDBEngine.Description {
  init(_ statement: PreparedStatement) throws(DuckDBError) {
    self.init(
      resultSchema: try statement.resultSchema, parameters: statement.parameters,
      statementType: statement.statementType)
  }
}

extension DuckDBEngine {
  /// Runs something that blocks on a worker, outside of admission.
  public func onWorker<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await pool.run(body)
  }

  /// A result whose batches do not come from DuckDB.
  ///
  /// - Parameters:
  ///   - changedRowCount: For the answer to a statement that has changed rows.
  ///   - next: Called on a worker, which it may block, until it returns nil or throws.
  public func start(
    schema: Schema, changedRowCount: Int? = nil,
    next: @escaping @Sendable () throws(DuckDBError) -> Batch?
  ) async throws(EngineError) -> ResultPump {
    try await admission.enter()
    let generation = instance.generation
    return try await startOnWorker { _ in
      (schema, FunctionSource(changedRowCount: changedRowCount, next: next), generation)
    }
  }
}

/// A source that is a function.
private final class FunctionSource: ResultSource {
  let changedRowCount: Int?
  private let function: @Sendable () throws(DuckDBError) -> Batch?
  var progress: Double? { nil }

  init(
    changedRowCount: Int?, next: @escaping @Sendable () throws(DuckDBError) -> Batch?
  ) {
    self.changedRowCount = changedRowCount
    function = next
  }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    do throws(DuckDBError) { return try function() } catch { throw .statement(error) }
  }

  func interrupt() {}
  func noteFailure(_ error: EngineError) {}
  func release() {}
}

/// A source without rows.
private final class EmptySource: ResultSource {
  var changedRowCount: Int? { nil }
  var progress: Double? { nil }
  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? { nil }
  func interrupt() {}
  func noteFailure(_ error: EngineError) {}
  func release() {}
}
