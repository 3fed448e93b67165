import Columnar
import Database
import DuckDB
import Engine
import Log
import Logging
import Telemetry
import Testing

/// A database for one test, and shorthands for what clients do with it.
struct TestDatabase {
  let database: StreamingDatabase

  init(_ change: (inout DatabaseOptions) -> Void = { _ in }) throws {
    var options = DatabaseOptions()
    change(&options)
    database = try StreamingDatabase(
      options: options, library: DuckDBLibrary.load(), allocator: HeapAllocator(),
      eventLog: try testLog(), metrics: ServerMetrics(), logger: Logger(label: "test"))
  }

  /// Runs `body` while time-outs are looked after, then closes the database.
  func whileRunning(_ body: () async throws -> Void) async throws {
    let job = Task { await database.run() }
    defer { job.cancel() }
    try await body()
    await database.close()
  }

  /// What a bug in DuckDB does: its error is noted, and the database opened again.
  func breakEngine() {
    let instance = database.engine.instance
    instance.noteFailure(
      DuckDBError(kind: .fatal, message: "FATAL Error: planted"), generation: instance.generation)
  }
}

extension StatementContext {
  static func inside(_ transaction: Handle?) -> StatementContext {
    StatementContext(transaction: transaction, connectionID: 1)
  }
}

extension Session {
  /// All rows as text.
  func rows(_ sql: String, in transaction: Handle? = nil) async throws -> [[String]] {
    let query = try await query(sql, .inside(transaction))
    defer { closeResult(query.handle) }
    var rows: [[String]] = []
    while let batch = try await query.pump.next() {
      for row in 0..<batch.rowCount {
        rows.append(batch.columns.map { $0.string(at: row) ?? "NULL" })
      }
    }
    return rows
  }

  /// A whole number.
  func count(_ sql: String, in transaction: Handle? = nil) async throws -> Int {
    let text = try await rows("SELECT CAST((\(sql)) AS VARCHAR)", in: transaction)
    return try #require(Int(text[0][0]))
  }

  @discardableResult
  func run(_ sql: String, in transaction: Handle? = nil) async throws -> Int {
    try await update(sql, .inside(transaction))
  }

  /// Begins to load into a table of one column `i`; rows come through the queue.
  func load(
    _ table: String, from queue: IngestQueue, in transaction: Handle? = nil,
    isTemporary: Bool = false
  ) -> Task<Int, any Error> {
    Task {
      var request = IngestRequest(table: table, ifMissing: .create)
      request.transaction = transaction
      request.isTemporary = isTemporary
      return try await ingest(
        request, schema: Schema(Field("i", .int64)), from: queue, .inside(transaction))
    }
  }
}

/// A batch of one column `i`.
func integers(_ range: Range<Int64>) -> Batch {
  Batch(
    schema: Schema(Field("i", .int64)), columns: [.int64s(range.map { $0 })],
    rowCount: range.count)
}

/// The code with which `body` fails; `nil` if it does not.
func code(of body: () async throws -> Void) async -> DatabaseError.Code? {
  do {
    try await body()
    return nil
  } catch let error as DatabaseError {
    return error.code
  } catch let error as EngineError {
    return DatabaseError(error).code
  } catch {
    Issue.record("\(error)")
    return nil
  }
}

/// A log in memory.
func testLog(_ files: any FileSystem = MemoryFolder()) throws -> SegmentLog {
  try SegmentLog(files, clock: WallClock.microseconds)
}
