import Columnar
import Engine
import Database
import DuckDB
import Engine
import Logging
import Telemetry
import TestSupport
import Testing

/// The `.slt` files of `Tests/SQLTests/slt`, each against a database of its own in memory.
@Suite struct `SQL files` {
  @Test(arguments: try SQLTestFile.all(inFolder: SQLTestFile.projectFolder))
  func `do what they say`(file: SQLTestFile) async throws {
    let database = try StreamingDatabase(
      options: DatabaseOptions(), library: DuckDBLibrary.load(), allocator: HeapAllocator(),
      eventLog: try testLog(), metrics: ServerMetrics(), logger: Logger(label: "test"))
    try await database.recover()
    let failures = try await SQLTestRun.failures(of: file) { _ in
      SessionRunner(session: try database.openSession())
    }
    for failure in failures { Issue.record("\(failure)") }
    await database.close()
  }
}

/// A session of the database as a runner of test files.
struct SessionRunner: SQLRunner {
  let session: Session

  func run(_ sql: String) async throws -> (columns: [String], rows: [[String]]) {
    let query = try await session.query(sql, StatementContext(connectionID: 1))
    let pump = query.pump
    defer { session.closeResult(query.handle) }
    var rows: [[String]] = []
    while let batch = try await pump.next() {
      for row in 0..<batch.rowCount {
        rows.append(batch.columns.map { $0.string(at: row) ?? "NULL" })
      }
    }
    return (query.schema.fields.map(\.name), rows)
  }
}
