import Database
import Testing

struct StreamPrefixTests {
  @Test func `all scans of a statement see the same rows, while others append`() async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id BIGINT)", .inside(nil))
      let writer = try test.database.openSession()
      let job = Task {
        while !Task.isCancelled {
          _ = try await writer.update("INSERT INTO s VALUES (1)", .inside(nil))
        }
      }
      var last = 0
      for _ in 0..<200 {
        let rows = try await session.rows(
          "SELECT (SELECT count(*) FROM s), (SELECT count(*) FROM s), (SELECT max(_offset) + 1 FROM s)"
        )
        #expect(rows[0][0] == rows[0][1])
        #expect(rows[0][0] == rows[0][2] || rows[0][2] == "NULL")
        // A statement that is run again sees what came meanwhile.
        let count = Int(rows[0][0]) ?? -1
        #expect(count >= last)
        last = count
      }
      job.cancel()
      _ = await job.result
      #expect(last > 0)
    }
  }
}
