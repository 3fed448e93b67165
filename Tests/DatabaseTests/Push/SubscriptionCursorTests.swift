import Columnar
import Database
import Engine
import Testing

/// DECLARE, FETCH and CLOSE.
@Suite(.timeLimit(.minutes(1))) struct SubscriptionCursorTests {
  /// The values of the first column.
  private func fetch(_ session: Session, _ text: String) async throws -> [String] {
    try await session.rows("FETCH \(text)").map { $0[0] }
  }

  @Test func `rows are fetched some at a time, with how they changed and where they are`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT, name VARCHAR)")
    try await session.run("INSERT INTO s VALUES (1, 'a'), (2, 'b')")
    try await session.run("INSERT INTO s VALUES (3, 'c')")
    try await session.run("DECLARE c SUBSCRIPTION CURSOR FOR s FULL")
    let query = try await session.query("FETCH 2 FROM c", .inside(nil))
    #expect(query.schema.fields.map(\.name) == ["id", "name", "_op", "_ts", "_seq"])
    session.closeResult(query.handle)
    #expect(try await fetch(session, "NEXT FROM c") == ["3"])
    #expect(try await fetch(session, "10 FROM c") == [])
    try await session.run("INSERT INTO s VALUES (4, 'd'), (5, 'e')")
    let rows = try await session.rows("FETCH 10 FROM c")
    #expect(rows.map { [$0[0], $0[1], $0[2]] } == [["4", "d", "+I"], ["5", "e", "+I"]])
    #expect(rows.allSatisfy { $0[3].hasPrefix("20") })
    // Each token goes on behind its row.
    try await session.run("DECLARE d SUBSCRIPTION CURSOR FOR s SINCE '\(rows[0][4])'")
    #expect(try await fetch(session, "10 FROM d") == ["5"])
    try await session.run("CLOSE c")
    #expect(await session.failure("FETCH NEXT FROM c")?.code == .notFound)
    #expect(await session.failure("DECLARE d SUBSCRIPTION CURSOR FOR s")?.code == .alreadyExists)
    try await session.run("CLOSE ALL")
    #expect(try await session.rows("SHOW QUERIES").isEmpty)
    await server.database.close()
  }

  @Test(arguments: [
    ("", ["4"]), ("SINCE now()", ["4"]), ("SINCE BEGINNING", ["1", "2", "3", "4"]),
    ("SINCE begin()", ["1", "2", "3", "4"]), ("SINCE 0", ["1", "2", "3", "4"]),
    ("SINCE OFFSET 2", ["3", "4"]), ("FULL", ["1", "2", "3", "4"]),
  ])
  func `a cursor begins where it is told to`(start: String, expected: [String]) async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("INSERT INTO s VALUES (1), (2), (3)")
    try await session.run("DECLARE c SUBSCRIPTION CURSOR FOR s \(start)")
    try await session.run("INSERT INTO s VALUES (4)")
    #expect(try await fetch(session, "10 FROM c") == expected)
    await server.database.close()
  }

  @Test func `FETCH waits for the first row, and no longer than it is told to`() async throws {
    let server = try await StreamDatabase()
    let (session, other) = (try server.session, try server.session)
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("DECLARE c SUBSCRIPTION CURSOR FOR s")
    #expect(try await fetch(session, "5 FROM c WITH (timeout = '1 ms')") == [])
    async let rows = fetch(session, "5 FROM c WITH (timeout = '1h')")
    try await other.run("INSERT INTO s VALUES (1)")
    #expect(try await rows == ["1"])
    try await other.run("INSERT INTO s VALUES (2)")
    #expect(try await fetch(session, "5 FROM c WITH (timeout = '1h')") == ["2"])
    await server.database.close()
  }

  @Test func `a FETCH that is cancelled loses no row, and there is one at a time`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("DECLARE c SUBSCRIPTION CURSOR FOR s")
    let waiting = Task { try await fetch(session, "1 FROM c WITH (timeout = '1h')") }
    while await session.failure("FETCH 1 FROM c")?.code != .failedPrecondition {
      try Task.checkCancellation()
      await Task.yield()
    }
    waiting.cancel()
    await #expect(throws: DatabaseError.self) { try await waiting.value }
    try await session.run("INSERT INTO s VALUES (1), (2)")
    let prepared = try await session.prepare("FETCH 2 FROM c", .inside(nil))
    #expect(prepared.resultSchema.fields.map(\.name) == ["id", "_op", "_ts", "_seq"])
    #expect(!prepared.isUpdate)
    #expect(try await fetch(session, "2 FROM c WITH (timeout = '1h')") == ["1", "2"])
    await server.database.close()
  }

  @Test func `a cursor over a subscription takes its turn, and rows are acknowledged by _seq`()
    async throws
  {
    let server = try await StreamDatabase()
    let (session, other) = (try server.session, try server.session)
    try await session.run("CREATE STREAM s (id BIGINT, v BIGINT)")
    try await session.run(
      "CREATE SUBSCRIPTION sub WITH (start = beginning) AS SELECT id, v + 1 AS w FROM s WHERE v > 0"
    )
    try await session.run("INSERT INTO s VALUES (1, 1), (2, 0), (3, 3), (4, 4)")
    try await session.run("DECLARE c SUBSCRIPTION CURSOR FOR sub")
    let rows = try await session.rows("FETCH 2 FROM c")
    #expect(rows.map { [$0[0], $0[1]] } == [["1", "2"], ["3", "4"]])
    #expect(rows[1][4] == "hs1-\(rows[0][4].split(separator: "-")[1])-3")
    try await other.run("DECLARE c SUBSCRIPTION CURSOR FOR sub")
    #expect(try await fetch(other, "10 FROM c") == [])
    #expect(try await fetch(session, "10 FROM c") == ["4"])
    let last = try await session.rows("SHOW SUBSCRIPTIONS")[0]
    #expect(last[3] == "0")
    // What was not acknowledged is another's when the cursor is closed.
    try await session.run("CLOSE c")
    let again = try await other.rows("FETCH 10 FROM c")
    #expect(again.map { $0[0] } == ["1", "3", "4"])
    try await other.run("ACKNOWLEDGE sub UP TO '\(again[2][4])'")
    #expect(try await session.rows("SHOW SUBSCRIPTIONS")[0][3] == "4")
    await server.database.close()
  }

  @Test func `rows of a query that hides where they are have the tokens of their batch`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run(
      "CREATE SUBSCRIPTION sub WITH (start = beginning) AS "
        + "SELECT * FROM (SELECT id * 2 AS twice FROM s WHERE id > 0)")
    try await session.run("CREATE SUBSCRIPTION starred AS SELECT *, id + 1 AS more FROM s")
    try await session.run("INSERT INTO s VALUES (1), (2), (3)")
    try await session.run("DECLARE c SUBSCRIPTION CURSOR FOR sub")
    let rows = try await session.rows("FETCH 2 FROM c") + session.rows("FETCH 2 FROM c")
    #expect(rows.map { $0[0] } == ["2", "4", "6"])
    #expect(rows.map { $0[3].split(separator: "-").last } == ["0", "0", "3"])
    try await session.run("DECLARE d SUBSCRIPTION CURSOR FOR starred SINCE OFFSET 1")
    let starred = try await session.rows("FETCH 10 FROM d")
    #expect(starred.map { [$0[0], $0[1], $0[2]] } == [["2", "3", "+I"], ["3", "4", "+I"]])
    #expect(starred.map { $0[4].split(separator: "-").last } == ["2", "3"])
    await server.database.close()
  }

  @Test func `cursors end with their session, and a dropped stream ends them`() async throws {
    let server = try await StreamDatabase()
    let (session, other) = (try server.session, try server.session)
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("DECLARE c SUBSCRIPTION CURSOR FOR s")
    #expect(try await other.rows("SHOW QUERIES").count == 1)
    try await other.run("DROP STREAM s")
    #expect(await session.failure("FETCH NEXT FROM c WITH (timeout = '1h')")?.code == .notFound)
    await session.close()
    #expect(try await other.rows("SHOW QUERIES").isEmpty)
    for mistake in [
      "FETCH 0 FROM d", "FETCH NEXT d", "FETCH 1 FROM d WITH (wait = 1)",
      "DECLARE d CURSOR FOR s", "DECLARE d SUBSCRIPTION CURSOR FOR nothing",
      "FETCH 2000000 FROM d",
    ] {
      #expect(await other.failure(mistake) != nil, "\(mistake)")
    }
    await server.database.close()
  }
}
