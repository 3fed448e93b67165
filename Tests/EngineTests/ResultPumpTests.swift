import Columnar
import DuckDB
import Synchronization
import Testing
import Threads

@testable import Engine

/// Gives batches of one row, 1, 2, 3, …, of `rowByteCount` bytes each.
private final class Counting: ResultSource {
  let limit: Int
  private let failsAt: Int?
  private let log: Log
  private var position = 0

  /// What happened to a source, seen from outside.
  final class Log: Sendable {
    let releases = Atomic(0)
    let interrupts = Atomic(0)
    let produced = Atomic(0)
  }

  init(limit: Int, failsAt: Int? = nil, log: Log = Log()) {
    self.limit = limit
    self.failsAt = failsAt
    self.log = log
  }

  var changedRowCount: Int? { nil }
  var progress: Double? { nil }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    position += 1
    if position == failsAt {
      throw .statement(DuckDBError(kind: .conversion, message: "row \(position)"))
    }
    guard position <= limit else { return nil }
    log.produced.wrappingAdd(1, ordering: .relaxed)
    let values = [Int64](repeating: Int64(position), count: 65_536)
    let column = Column(
      type: .int64, count: values.count, buffers: [.empty, Buffer(copying: values)])
    return Batch(schema: Counting.schema, columns: [column], rowCount: values.count)
  }

  static let schema = Schema(Field("n", .int64))

  func interrupt() { log.interrupts.wrappingAdd(1, ordering: .relaxed) }
  func noteFailure(_ error: EngineError) {}
  func release() { log.releases.wrappingAdd(1, ordering: .relaxed) }
}

@Suite struct `Open results` {
  private let pool = WorkerPool(name: "test", maxThreadCount: 2)
  private let instance: DuckDBInstance

  init() throws {
    instance = try DuckDBInstance(
      library: DuckDBLibrary.load(),
      configuration: .init(path: nil, settings: [:], setup: []))
  }

  private func pump(_ source: Counting, memory: Int = 16 << 20) -> ResultPump {
    var limits = SpoolLimits(directory: "/tmp")
    limits.maxMemoryByteCount = memory
    let pump = ResultPump(
      schema: Counting.schema, source: source, of: instance, pool: pool,
      allocator: HeapAllocator(), spoolLimits: limits)
    pool.submit { pump.fill() }
    return pump
  }

  private func numbers(_ pump: ResultPump) async throws -> [Int64] {
    var numbers: [Int64] = []
    while let batch = try await pump.next() {
      let data = batch.columns[0].buffers[1]
      numbers.append(data.values(as: Int64.self)[0])
    }
    return numbers
  }

  @Test func `all batches arrive in order, and the source is released once`() async throws {
    let log = Counting.Log()
    let pump = pump(Counting(limit: 300, log: log))
    #expect(try await numbers(pump) == Array(1...300))
    #expect(log.releases.load(ordering: .relaxed) == 1)
    #expect(pump.produced.rows == 300 * 65_536)
  }

  @Test func `nothing but the first batch is made until somebody reads`() async throws {
    let log = Counting.Log()
    let pump = pump(Counting(limit: 1_000, log: log))
    while pump.busyDuration != nil { await Task.yield() }
    #expect(log.produced.load(ordering: .relaxed) == 1)
    #expect(pump.isReady && !pump.isEnded)
    #expect(try await numbers(pump) == Array(1...1_000))
  }

  @Test func `while the reader rests the worker pauses when the queue is full`() async throws {
    let log = Counting.Log()
    let pump = pump(Counting(limit: 1_000, log: log))
    let first = try #require(try await pump.next())
    #expect(first.rowCount == 65_536)
    while pump.busyDuration != nil { await Task.yield() }
    let queued = log.produced.load(ordering: .relaxed)
    #expect(queued > 1 && queued < 100)
    #expect(try await numbers(pump) == Array(2...1_000))
  }

  @Test func `an error comes after the batches before it`() async throws {
    let pump = pump(Counting(limit: 10, failsAt: 4))
    for expected in 1...3 {
      let batch = try #require(try await pump.next())
      let data = batch.columns[0].buffers[1]
      #expect(data.values(as: Int64.self)[0] == Int64(expected))
    }
    await #expect(throws: EngineError.self) { try await pump.next() }
  }

  @Test func `spooling runs to the end, to disk when memory is full, and loses nothing`()
    async throws
  {
    let log = Counting.Log()
    let pump = pump(Counting(limit: 200, log: log), memory: 4 << 20)
    await pump.spool()
    #expect(pump.isEnded)
    #expect(log.releases.load(ordering: .relaxed) == 1)
    #expect(try await numbers(pump) == Array(1...200))
  }

  @Test func `closing a paused result releases its source`() async throws {
    let log = Counting.Log()
    let pump = pump(Counting(limit: 1_000, log: log))
    while pump.busyDuration != nil { await Task.yield() }
    pump.close()
    while log.releases.load(ordering: .relaxed) == 0 { await Task.yield() }
    await #expect(throws: EngineError.self) { try await pump.next() }
  }

  @Test func `a cancelled reader stops the statement`() async throws {
    let log = Counting.Log()
    let pump = pump(Counting(limit: .max, log: log))
    let reader = Task { try await numbers(pump) }
    _ = log.produced.load(ordering: .relaxed)
    while log.produced.load(ordering: .relaxed) < 5 { await Task.yield() }
    pump.stop(.timedOut(.seconds(1)))
    do {
      _ = try await reader.value
      Issue.record("the reader came to an end")
    } catch let error as EngineError {
      guard case .timedOut = error else { throw error }
    }
  }
}
