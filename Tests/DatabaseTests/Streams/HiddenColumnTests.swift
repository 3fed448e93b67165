import Columnar
import Log
import Testing

@testable import Database

/// `_offset` and `_ingest_time`, whose relation is made when a statement first names them.
struct HiddenColumnTests {
  private func offsets(_ session: Session, _ name: String = "s") async throws -> [[String]] {
    try await session.rows("SELECT a, _offset FROM \(name) ORDER BY _offset")
  }

  @Test func `a transaction may be the first to name them, whether it ends well or not`()
    async throws
  {
    let server = try await StreamDatabase()
    let (session, other) = (try server.session, try server.session)
    try await session.run("CREATE STREAM s (a INTEGER)")
    try await session.run("CREATE TABLE t (a INTEGER)")
    try await session.run("INSERT INTO s VALUES (7)")
    for commits in [false, true] {
      let transaction = try session.beginTransaction(connectionID: 1)
      try await session.run("INSERT INTO t VALUES (1)", in: transaction)
      for _ in 0..<2 {
        let rows = try await session.rows("SELECT a, _offset FROM s", in: transaction)
        #expect(rows == [["7", "0"]])
      }
      try await session.endTransaction(transaction, commits: commits)
      if commits { #expect(try await offsets(other) == [["7", "0"]]) }
    }
    #expect(try await offsets(session) == [["7", "0"]])
    await server.database.close()
  }

  @Test func `they follow the stream through ALTER, another name, DROP and a restart`() async throws
  {
    let server = try await StreamDatabase()
    var session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER)")
    try await session.run("INSERT INTO s VALUES (7)")
    try await session.run("CREATE VIEW v AS SELECT a, _offset FROM s")
    try await session.run("ALTER STREAM s ADD COLUMN b INTEGER")
    #expect(try await session.rows("SELECT * FROM v") == [["7", "0"]])
    #expect(try await session.rows("SELECT b, _offset FROM s") == [["NULL", "0"]])
    try await session.run("ALTER STREAM s RENAME TO r")
    try await session.run("INSERT INTO r VALUES (8, 9)")
    #expect(try await offsets(session, "r") == [["7", "0"], ["8", "1"]])
    try await server.restart()
    session = try server.session
    #expect(try await offsets(session, "r") == [["7", "0"], ["8", "1"]])
    try await session.run("DROP STREAM r")
    try await session.run("CREATE STREAM r (a VARCHAR)")
    try await session.run("INSERT INTO r VALUES ('x')")
    #expect(try await offsets(session, "r") == [["x", "0"]])
    await server.database.close()
  }

  @Test func `event times are those of the watermark's column, whatever it is called`() async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run(
      "CREATE STREAM s (a TIMESTAMP, b TIMESTAMP, WATERMARK FOR a AS a - INTERVAL 1 SECOND)")
    try await session.run("INSERT INTO s VALUES ('2020-01-01', '2030-01-01')")
    for (old, new) in [("a", "c"), ("b", "a"), ("c", "b")] {
      try await session.run("ALTER STREAM s RENAME COLUMN \(old) TO \(new)")
    }
    try await session.run("INSERT INTO s (a, b) VALUES ('2030-01-01', '2020-01-01')")
    let early = "SELECT count(*) FROM s WHERE b < '2025-01-01'"
    #expect(try await session.rows(early) == [["2"]])
    #expect(try await session.rows("SELECT count(*) FROM s WHERE a < '2025-01-01'") == [["0"]])
    await server.database.close()
  }
}
