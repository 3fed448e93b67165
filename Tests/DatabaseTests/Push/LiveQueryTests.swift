import Columnar
import Database
import Testing

/// Endless queries, through the session.
struct LiveQueryTests {
  private func open(_ sql: String, _ session: Session) async throws -> LiveQuery {
    let query = try await session.query(sql, .inside(nil))
    return try #require(query.live)
  }

  /// The next rows as text.
  private func next(_ query: LiveQuery) async throws -> [[String]] {
    guard let live = try await query.next() else { return [] }
    return (0..<live.batch.rowCount).map { row in
      live.batch.columns.map { $0.string(at: row) ?? "NULL" }
    }
  }

  @Test func `rows are pushed as they are appended, filtered and computed`() async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id BIGINT, v DOUBLE)", .inside(nil))
      _ = try await session.update("INSERT INTO s VALUES (1, 1)", .inside(nil))
      let query = try await open("SELECT id, v * 2 AS w FROM s WHERE v > 1 EMIT CHANGES", session)
      #expect(query.schema.fields.map(\.name) == ["id", "w"])
      _ = try await session.update("INSERT INTO s VALUES (2, 0), (3, 4)", .inside(nil))
      #expect(try await next(query) == [["3", "8.0"]])
      _ = try await session.update("INSERT INTO s VALUES (4, 0)", .inside(nil))
      _ = try await session.update("INSERT INTO s VALUES (5, 5)", .inside(nil))
      #expect(try await next(query) == [["5", "10.0"]])
      query.close()
    }
  }

  @Test(arguments: [
    ("FROM BEGINNING", ["1", "2", "3"]), ("FROM OFFSET 1", ["2", "3"]), ("FROM NOW", ["4"]),
    ("FROM TIMESTAMP '2000-01-01'", ["1", "2", "3"]),
  ])
  func `a query begins where it is told to`(start: String, expected: [String]) async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id BIGINT)", .inside(nil))
      _ = try await session.update("INSERT INTO s VALUES (1), (2), (3)", .inside(nil))
      let query = try await open("SELECT * FROM s EMIT CHANGES \(start)", session)
      if start == "FROM NOW" {
        _ = try await session.update("INSERT INTO s VALUES (4)", .inside(nil))
      }
      #expect(try await next(query).map { $0[0] } == expected)
      query.close()
    }
  }

  @Test func `a token resumes where another reader stopped`() async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id BIGINT)", .inside(nil))
      let first = try await open("SELECT * FROM s EMIT CHANGES", session)
      _ = try await session.update("INSERT INTO s VALUES (1)", .inside(nil))
      let token = try #require(try await first.next()).token
      first.close()
      _ = try await session.update("INSERT INTO s VALUES (2)", .inside(nil))
      let second = try await open("SELECT * FROM s EMIT CHANGES FROM TOKEN '\(token)'", session)
      #expect(try await next(second) == [["2"]])
      second.close()
      await #expect(throws: DatabaseError.self) {
        try await open("SELECT * FROM s EMIT CHANGES FROM TOKEN 'hs1-77-0'", session)
      }
    }
  }

  @Test func `queries are listed, paused and ended from another session`() async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      let other = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id BIGINT)", .inside(nil))
      let query = try await open("SELECT * FROM s EMIT CHANGES", session)
      _ = try await other.update("PAUSE QUERY \(query.id)", .inside(nil))
      _ = try await session.update("INSERT INTO s VALUES (1)", .inside(nil))
      let listed = try await other.rows("SHOW QUERIES")
      #expect(listed.map { [$0[0], $0[2], $0[7]] } == [[query.id, "paused", "1"]])
      _ = try await other.update("RESUME QUERY \(query.id)", .inside(nil))
      #expect(try await next(query) == [["1"]])
      _ = try await other.update("TERMINATE QUERY ALL", .inside(nil))
      await #expect(throws: DatabaseError.self) { try await next(query) }
      query.close()
      #expect(try await other.rows("SHOW QUERIES") == [])
      await #expect(throws: DatabaseError.self) {
        try await other.update("TERMINATE QUERY q99", .inside(nil))
      }
    }
  }

  @Test func `a stream that is dropped ends its queries`() async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id BIGINT)", .inside(nil))
      let query = try await open("SELECT * FROM s EMIT CHANGES", session)
      _ = try await session.update("DROP STREAM s", .inside(nil))
      let error = await #expect(throws: DatabaseError.self) { try await next(query) }
      #expect(error?.code == .notFound)
      query.close()
    }
  }

  @Test func `a change that widens a column ends queries that had it narrow, with a token`()
    async throws
  {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id INTEGER, v INTEGER)", .inside(nil))
      let query = try await open("SELECT * FROM s EMIT CHANGES", session)
      _ = try await session.update("ALTER STREAM s ADD COLUMN more INTEGER", .inside(nil))
      _ = try await session.update("INSERT INTO s VALUES (1, 2, 3)", .inside(nil))
      #expect(try await next(query) == [["1", "2"]])
      _ = try await session.update("ALTER STREAM s ALTER COLUMN v TYPE BIGINT", .inside(nil))
      _ = try await session.update("INSERT INTO s VALUES (4, 5, 6)", .inside(nil))
      let error = await #expect(throws: DatabaseError.self) { try await next(query) }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.message.contains("FROM TOKEN 'hs1-") == true)
      query.close()
    }
  }

  @Test func `columns that no row has brought yet are waited for`() async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM demo WITH (FORMAT = \"JSON\")", .inside(nil))
      let query = try await open(
        "SELECT * FROM demo WHERE humidity > 70 EMIT CHANGES", session)
      #expect(query.schema.fields.map(\.name) == ["row"])
      for values in ["(22, 80)", "(15, 20)", "(31, 76)"] {
        _ = try await session.update(
          "INSERT INTO demo (temperature, humidity) VALUES \(values)", .inside(nil))
      }
      var rows: [[String]] = []
      while rows.count < 2 { rows += try await next(query) }
      #expect(
        rows == [
          ["{\"temperature\":22,\"humidity\":80}"], ["{\"temperature\":31,\"humidity\":76}"],
        ])
      query.close()
    }
  }

  @Test(arguments: [
    "SELECT count(*) FROM s EMIT CHANGES", "SELECT DISTINCT id FROM s EMIT CHANGES",
    "SELECT * FROM s ORDER BY id EMIT CHANGES", "SELECT * FROM s LIMIT 3 EMIT CHANGES",
    "SELECT a.id FROM s a JOIN s b ON a.id = b.id EMIT CHANGES",
    "SELECT id, row_number() OVER () FROM s EMIT CHANGES", "SELECT 1 EMIT CHANGES",
  ])
  func `what needs more than one row at a time is refused`(sql: String) async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id BIGINT)", .inside(nil))
      let error = await #expect(throws: DatabaseError.self) {
        try await session.query(sql, .inside(nil))
      }
      #expect([.failedPrecondition, .notFound].contains(error?.code))
    }
  }

  @Test func `consumers of a subscription share its rows, and go on where they acknowledged`()
    async throws
  {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      _ = try await session.update("CREATE STREAM s (id BIGINT)", .inside(nil))
      _ = try await session.update("CREATE SUBSCRIPTION sub FROM s", .inside(nil))
      let (one, two) = (
        try await open("SUBSCRIBE sub", session), try await open("SUBSCRIBE TO sub", session)
      )
      _ = try await session.update("INSERT INTO s VALUES (1)", .inside(nil))
      let first = try #require(try await one.next())
      _ = try await session.update("INSERT INTO s VALUES (2)", .inside(nil))
      #expect(try await next(two) == [["2"]])
      _ = try await session.update(
        "ACKNOWLEDGE sub UP TO '\(first.token)'", .inside(nil))
      // What the second one had and did not acknowledge is delivered again.
      two.close()
      #expect(try await next(one) == [["2"]])
      one.close()
      let three = try await open("SUBSCRIBE sub", session)
      #expect(try await next(three) == [["2"]])
      three.close()
      #expect(try await session.rows("SHOW SUBSCRIPTIONS").map { $0[3] } == ["1"])
      await #expect(throws: DatabaseError.self) {
        try await session.update("ACKNOWLEDGE sub UP TO 'hs1-1-ffff'", .inside(nil))
      }
      _ = try await session.update("DROP SUBSCRIPTION sub", .inside(nil))
      await #expect(throws: DatabaseError.self) {
        try await session.query("SUBSCRIBE sub", .inside(nil))
      }
    }
  }
}
