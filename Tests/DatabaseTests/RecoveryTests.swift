import Columnar
import Database
import Engine
import Testing

/// After an error that breaks DuckDB the database opens it again and goes on.
@Suite(.timeLimit(.minutes(2))) struct `After a fatal error of the engine` {
  private let test: TestDatabase
  private let session: Session

  init() throws {
    test = try TestDatabase()
    session = try test.database.openSession()
  }

  @Test func `statements run again, on a database with its relations`() async throws {
    try await test.database.recover()
    try await session.run("CREATE TABLE t AS SELECT 1 AS i")
    test.breakEngine()
    #expect(try await session.count("SELECT 42") == 42)
    #expect(try await session.count("SELECT count(*) FROM metrics") == 0)
    #expect(
      await code { _ = try await session.count("SELECT count(*) FROM t") } == .invalidArgument)
    #expect(test.database.engine.instance.generation == 2)
  }

  @Test func `a session with temporary tables is told once`() async throws {
    try await session.run("CREATE TEMP TABLE t AS SELECT 1 AS i")
    let other = try test.database.openSession()
    test.breakEngine()
    #expect(try await other.count("SELECT 1") == 1)
    #expect(await code { _ = try await session.count("SELECT 1") } == .aborted)
    #expect(try await session.count("SELECT 2") == 2)
    try await session.run("CREATE TEMP TABLE t AS SELECT 3 AS i")
    #expect(try await session.count("SELECT i FROM t") == 3)
  }

  @Test func `a transaction that has written is told, and can be rolled back`() async throws {
    try await session.run("CREATE TABLE t(i INTEGER)")
    let transaction = try session.beginTransaction(connectionID: 1)
    let reading = try session.beginTransaction(connectionID: 1)
    try await session.run("INSERT INTO t VALUES (1)", in: transaction)
    test.breakEngine()
    #expect(await code { try await session.run("SELECT 1", in: transaction) } == .aborted)
    #expect(
      await code { try await session.endTransaction(transaction, commits: true) } == .aborted)
    try await session.endTransaction(transaction, commits: false)
    #expect(try await session.count("SELECT 2", in: reading) == 2)
    try await session.endTransaction(reading, commits: true)
  }

  @Test func `SQL's own transaction is told, and ends with ROLLBACK`() async throws {
    try await session.run("BEGIN")
    try await session.run("CREATE TABLE t(i INTEGER)")
    test.breakEngine()
    #expect(await code { try await session.run("SELECT 1") } == .aborted)
    try await session.run("ROLLBACK")
    #expect(try await session.count("SELECT 1") == 1)
  }

  @Test func `an open result and a load that waits for its client end`() async throws {
    let query = try await session.query("SELECT i FROM range(100000000) t(i)", .inside(nil))
    #expect(try await query.pump.next() != nil)
    let queue = IngestQueue()
    let load = try test.database.openSession().load("loaded", from: queue)
    #expect(await queue.push(integers(0..<10)))
    while !queue.isTaken { await Task.yield() }
    test.breakEngine()
    // The engine can only be opened again when both have let go of it.
    #expect(try await session.count("SELECT 1") == 1)
    #expect(await code { while try await query.pump.next() != nil {} } == .aborted)
    #expect(await code { _ = try await load.value } == .aborted)
  }

  @Test func `prepared statements go on`() async throws {
    let prepared = try await session.prepare("SELECT CAST(41 + 1 AS VARCHAR)", .inside(nil))
    test.breakEngine()
    let query = try await session.query(prepared, connectionID: 1)
    #expect(try await query.pump.next()?.columns[0].string(at: 0) == "42")
  }
}
