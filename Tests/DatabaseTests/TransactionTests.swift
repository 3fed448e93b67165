import Columnar
import Database
import Engine
import Testing

@Suite(.timeLimit(.minutes(2))) struct `Transactions of a session` {
  private let test: TestDatabase
  private let session: Session

  init() async throws {
    test = try TestDatabase()
    session = try test.database.openSession()
    try await session.run("CREATE TABLE t(i INTEGER PRIMARY KEY)")
  }

  private func begin() throws -> Handle { try session.beginTransaction(connectionID: 1) }

  @Test func `a temporary table made after the first write stays`() async throws {
    let transaction = try begin()
    try await session.run("INSERT INTO t VALUES (1)", in: transaction)
    try await session.run("CREATE TEMP TABLE mine AS SELECT 7 AS i", in: transaction)
    #expect(try await session.count("SELECT i FROM mine", in: transaction) == 7)
    try await session.endTransaction(transaction, commits: true)
    #expect(try await session.count("SELECT i FROM mine") == 7)
  }

  @Test func `a temporary table cannot be made where it would be lost`() async throws {
    let (first, second) = (try begin(), try begin())
    try await session.run("INSERT INTO t VALUES (1)", in: first)
    try await session.run("CREATE TEMP TABLE mine AS SELECT 7 AS i", in: second)
    let refused = await code {
      try await session.run("CREATE TEMP TABLE other AS SELECT 7 AS i", in: first)
    }
    #expect(refused == .failedPrecondition)
    try await session.endTransaction(first, commits: true)
    try await session.endTransaction(second, commits: true)
    #expect(try await session.count("SELECT count(*) FROM t") == 1)
  }

  @Test func `a commit in conflict is ABORTED, and can be rolled back then`() async throws {
    let (first, second) = (try begin(), try begin())
    try await session.run("INSERT INTO t VALUES (1)", in: first)
    try await session.run("INSERT INTO t VALUES (1)", in: second)
    try await session.endTransaction(first, commits: true)
    #expect(await code { try await session.endTransaction(second, commits: true) } == .aborted)
    #expect(await code { try await session.run("SELECT 1", in: second) } == .aborted)
    try await session.endTransaction(second, commits: false)
    #expect(await code { try await session.endTransaction(second, commits: false) } == .notFound)
    #expect(try await session.count("SELECT count(*) FROM t") == 1)
  }

  @Test func `each has its own snapshot from its first write on`() async throws {
    let (first, second) = (try begin(), try begin())
    try await session.run("INSERT INTO t VALUES (1)", in: first)
    try await session.run("INSERT INTO t VALUES (2)", in: second)
    try await session.run("INSERT INTO t VALUES (3)")
    #expect(try await session.count("SELECT sum(i) FROM t", in: first) == 1)
    #expect(try await session.count("SELECT sum(i) FROM t", in: second) == 2)
    #expect(try await session.count("SELECT sum(i) FROM t") == 3)
  }

  @Test func `with isolation snapshot the first statement takes the snapshot`() async throws {
    try await session.run("SET isolation = 'snapshot'")
    let transaction = try begin()
    #expect(try await session.count("SELECT count(*) FROM t", in: transaction) == 0)
    let now = try await session.rows("SELECT CAST(now() AS VARCHAR)", in: transaction)
    let other = try test.database.openSession()
    try await other.run("INSERT INTO t VALUES (1)")
    #expect(try await session.count("SELECT count(*) FROM t", in: transaction) == 0)
    #expect(try await session.rows("SELECT CAST(now() AS VARCHAR)", in: transaction) == now)
    try await session.endTransaction(transaction, commits: true)
    #expect(try await session.count("SELECT count(*) FROM t") == 1)
  }

  @Test func `statements that wait while it ends do not run after its end`() async throws {
    let transaction = try begin()
    let queue = IngestQueue()
    let load = session.load("loaded", from: queue, in: transaction)
    while !queue.isTaken { await Task.yield() }
    // The lane is taken by the load; these wait for it, in whatever order they come.
    let inserts = (1...5).map { number in
      Task { try await session.run("INSERT INTO t VALUES (\(number))", in: transaction) }
    }
    let end = Task { try await session.endTransaction(transaction, commits: false) }
    queue.fail("enough")
    _ = await code { _ = try await load.value }
    for insert in inserts { _ = await insert.result }
    try await end.value
    #expect(try await session.count("SELECT count(*) FROM t") == 0)
  }

  @Test func `several statements in one text keep its BEGIN and COMMIT`() async throws {
    try await session.run("BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); COMMIT")
    #expect(try await session.count("SELECT count(*) FROM t") == 2)
    let failed = await code {
      try await session.run("BEGIN; INSERT INTO t VALUES (3); INSERT INTO t VALUES (1); COMMIT")
    }
    #expect(failed == .invalidArgument)
    try await session.run("ROLLBACK")
    #expect(try await session.count("SELECT count(*) FROM t") == 2)
  }

  @Test func `two loads into one transaction, and a temporary one twice`() async throws {
    let transaction = try begin()
    for round in 0..<2 {
      for (name, isTemporary) in [("loaded", false), ("temporary", true)] {
        let queue = IngestQueue()
        let load = session.load(name, from: queue, in: transaction, isTemporary: isTemporary)
        #expect(await queue.push(integers(Int64(round * 10)..<Int64(round * 10 + 10))))
        queue.finish()
        #expect(try await load.value == 10)
      }
    }
    let other = try test.database.openSession()
    #expect(await code { try await other.run("FROM loaded") } == .invalidArgument)
    try await session.endTransaction(transaction, commits: true)
    #expect(try await session.count("SELECT count(DISTINCT i) FROM loaded") == 20)
    #expect(try await session.count("SELECT count(DISTINCT i) FROM temporary") == 20)
    #expect(await code { try await other.run("FROM temporary") } == .invalidArgument)
  }

  @Test func `RETURNING gives the rows and changes them once`() async throws {
    let query = try await session.query("INSERT INTO t VALUES (5) RETURNING i + 1", .inside(nil))
    #expect(try await session.count("SELECT count(*) FROM t") == 1)
    let (open, pump) = try await session.result(query.handle)
    #expect(try await pump.next()?.rowCount == 1)
    session.readerLeft(open, pump)
    #expect(await code { _ = try await session.result(query.handle) } == .failedPrecondition)
    #expect(try await session.count("SELECT count(*) FROM t") == 1)
  }

  @Test func `two readers of one ticket do not end each other`() async throws {
    let query = try await session.query("SELECT i FROM range(3000000) t(i)", .inside(nil))
    let (first, firstPump) = try await session.result(query.handle)
    let (_, secondPump) = try await session.result(query.handle)
    session.readerLeft(first, firstPump)
    var rowCount = 0
    while let batch = try await secondPump.next() { rowCount += batch.rowCount }
    #expect(rowCount == 3_000_000)
  }
}
