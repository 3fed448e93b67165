import Columnar
import DuckDB
import Testing

@Suite struct `Threads on demand` {
  private func open() throws -> Database {
    let database = try memoryDatabase(["threads": "3"])
    try database.callThreadsOnDemand()
    return database
  }

  @Test func `small and large statements answer as they do with DuckDB's own threads`() throws {
    let connection = try open().connect()
    #expect(connection.setting("threads") == "3")
    try connection.execute(
      "CREATE TABLE t AS SELECT range AS i, range % 1000 AS g FROM range(3000000)")
    #expect(try connection.text("SELECT i::VARCHAR FROM t WHERE i = 77") == "77")
    #expect(try connection.text("SELECT sum(i)::VARCHAR FROM t") == "4499998500000")
    let groups = try connection.text("SELECT count(*)::VARCHAR FROM (SELECT g FROM t GROUP BY g)")
    #expect(groups == "1000")
    let even = try connection.batches("SELECT i FROM t WHERE i % 2 = 0")
    #expect(even.reduce(0) { $0 + $1.rowCount } == 1_500_000)
  }

  @Test(arguments: [1, 3_000_000])
  func `a statement that fails says why, early or late`(rowCount: Int) throws {
    let connection = try open().connect()
    let sql =
      "SELECT sum(CASE WHEN range = \(rowCount - 1) THEN error('too far') ELSE 1 END) "
      + "FROM range(\(rowCount))"
    let error = #expect(throws: DuckDBError.self) { try connection.batches(sql) }
    #expect(error?.message.contains("too far") == true)
    #expect(error?.message.contains("pending") == false)
    #expect(try connection.text("SELECT 'alive'") == "alive")
  }

  @Test func `a result that is left in the middle lets the database close`() throws {
    for _ in 0..<20 {
      let result = try open().connect().prepare("SELECT range FROM range(10000000)").execute()
      for _ in 0..<3 { _ = try result.next(maxRows: 2_048) }
    }
  }
}
