import Columnar
import DuckDB
import Engine
import Log
import Telemetry
import Testing

@testable import Database

@Suite struct `Streams in transactions` {
  private func prepared() async throws -> StreamDatabase {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER)")
    try await session.run("CREATE STREAM s2 (a INTEGER)")
    try await session.run("CREATE TABLE t (a INTEGER)")
    return server
  }

  @Test func `rows are visible to nobody before COMMIT and to all at once after it`() async throws {
    let server = try await prepared()
    let (session, other) = (try server.session, try server.session)
    let transaction = try session.beginTransaction(connectionID: 1)
    try await session.run("INSERT INTO s VALUES (1)", in: transaction)
    try await session.run("INSERT INTO t VALUES (1)", in: transaction)
    try await session.run("INSERT INTO s2 VALUES (2)", in: transaction)
    try await session.run("INSERT INTO s VALUES (3)", in: transaction)
    #expect(try await other.count("SELECT count(*) FROM s") == 0)
    try await session.endTransaction(transaction, commits: true)
    #expect(try await other.rows("FROM s") == [["1"], ["3"]])
    #expect(try await other.rows("FROM s2") == [["2"]])
    #expect(try await other.rows("FROM t") == [["1"]])
    #expect(server.eventLog.openPreparations.isEmpty)
  }

  @Test func `rows of a transaction that is rolled back are gone`() async throws {
    let server = try await prepared()
    let session = try server.session
    for writesTable in [true, false] {
      let transaction = try session.beginTransaction(connectionID: 1)
      try await session.run("INSERT INTO s VALUES (1)", in: transaction)
      if writesTable { try await session.run("INSERT INTO t VALUES (1)", in: transaction) }
      try await session.endTransaction(transaction, commits: false)
    }
    #expect(try await session.count("SELECT count(*) FROM s") == 0)
    #expect(try await session.count("SELECT count(*) FROM t") == 0)
    try await session.run("BEGIN")
    try await session.run("INSERT INTO s VALUES (1)")
    try await session.run("ROLLBACK")
    try await session.run("BEGIN")
    try await session.run("INSERT INTO s VALUES (2)")
    try await session.run("COMMIT")
    #expect(try await session.rows("FROM s") == [["2"]])
  }

  @Test func `a statement in a transaction that reads its table sees what the transaction wrote`()
    async throws
  {
    let server = try await prepared()
    let session = try server.session
    let transaction = try session.beginTransaction(connectionID: 1)
    try await session.run("INSERT INTO t VALUES (5)", in: transaction)
    try await session.run("INSERT INTO s SELECT a + 1 FROM t", in: transaction)
    try await session.endTransaction(transaction, commits: true)
    #expect(try await session.rows("FROM s") == [["6"]])
  }

  @Test func `a commit that DuckDB refuses leaves no rows in the stream`() async throws {
    let server = try await prepared()
    let (session, other) = (try server.session, try server.session)
    try await session.run("CREATE TABLE k (a INTEGER PRIMARY KEY, b INTEGER)")
    try await session.run("INSERT INTO k VALUES (1, 0)")
    let transaction = try session.beginTransaction(connectionID: 1)
    try await session.run("INSERT INTO s VALUES (1)", in: transaction)
    try await session.run("INSERT INTO k VALUES (2, 1)", in: transaction)
    // The same key, committed meanwhile by someone else: DuckDB finds out at COMMIT.
    try await other.run("INSERT INTO k VALUES (2, 2)")
    await #expect(throws: DatabaseError.self) {
      try await session.endTransaction(transaction, commits: true)
    }
    #expect(try await other.count("SELECT count(*) FROM s") == 0)
    #expect(server.eventLog.openPreparations.isEmpty)
  }

  @Test func `a stream that was altered or dropped meanwhile`() async throws {
    let server = try await prepared()
    let (session, other) = (try server.session, try server.session)
    let transaction = try session.beginTransaction(connectionID: 1)
    try await session.run("INSERT INTO s VALUES (1)", in: transaction)
    try await other.run("ALTER STREAM s ADD COLUMN b VARCHAR")
    try await session.endTransaction(transaction, commits: true)
    #expect(try await other.rows("SELECT a, b FROM s") == [["1", "NULL"]])
    let second = try session.beginTransaction(connectionID: 1)
    try await session.run("INSERT INTO s2 VALUES (1)", in: second)
    try await other.run("DROP STREAM s2")
    await #expect { try await session.endTransaction(second, commits: true) } throws: {
      ($0 as? DatabaseError)?.code == .notFound
    }
  }

  @Test func `a transaction that holds too much is told so`() async throws {
    let server = try await prepared()
    let session = try server.session
    let transaction = try session.beginTransaction(connectionID: 1)
    try await session.run("CREATE STREAM big (i BIGINT)")
    let rows = integers(0..<4_000_000)
    await #expect {
      for _ in 0..<12 { try await session.put([rows], to: "big", in: transaction) }
    } throws: {
      ($0 as? DatabaseError)?.code == .resourceExhausted
    }
    try await session.endTransaction(transaction, commits: false)
    #expect(try await session.count("SELECT count(*) FROM big") == 0)
  }

  @Test(arguments: [true, false])
  func `recovery asks DuckDB what became of a prepared group`(wasCommitted: Bool) async throws {
    let server = try await prepared()
    let session = try server.session
    let stream = try #require(session.streamWriter(["s"])).stream
    let id = PreparationID(high: 0xFFFF_FFFF_FFFF_FFFF, low: 3)
    let records = try stream.records(for: batch([("a", .int32s([7]))]))
    _ = try await server.eventLog.append(
      AppendGroup([TopicWrite(stream.topicID, records)], preparation: id))
    if wasCommitted {
      let held = try server.database.engine.instance.connect(SessionSettings())
      try held.connection.execute(
        "INSERT INTO __hyprstream.committed_groups VALUES (\(id.high), \(id.low))")
      server.database.engine.instance.giveBack(held)
    }
    #expect(try await session.count("SELECT count(*) FROM s") == 0)
    try await server.database.recover()
    #expect(try await session.count("SELECT count(*) FROM s") == (wasCommitted ? 1 : 0))
    #expect(server.eventLog.openPreparations.isEmpty)
    #expect(try await session.count("SELECT count(*) FROM __hyprstream.committed_groups") == 0)
  }

  @Test func `the key of a producer is refused, since it could not be kept`() async throws {
    let server = try await prepared()
    let session = try server.session
    let transaction = try session.beginTransaction(connectionID: 1)
    await #expect {
      try await session.put(
        [batch([("a", .int32s([1]))])], to: "s", StreamMarks(producer: "p", sequence: 1),
        in: transaction)
    } throws: {
      ($0 as? DatabaseError)?.code == .invalidArgument
    }
    try await session.endTransaction(transaction, commits: true)
    #expect(try await session.count("SELECT count(*) FROM s") == 0)
  }

  @Test func `rows for streams that nobody commits are let go of`() async throws {
    let test = try TestDatabase { $0.transactionIdleTimeout = .milliseconds(1) }
    try await test.whileRunning {
      let session = try test.database.openSession()
      try await session.run("CREATE STREAM s (a INTEGER)")
      let transaction = try session.beginTransaction(connectionID: 1)
      try await session.run("INSERT INTO s VALUES (1)", in: transaction)
      // Asked until it was rolled back, which is told.
      var failure: DatabaseError?
      for _ in 0..<40 where failure == nil {
        failure = await session.failure("SELECT 1", in: transaction)
        // A statement that runs keeps it from idling, so give it time without one.
        if failure == nil { try await Task.sleep(for: .milliseconds(250)) }
      }
      #expect(failure?.code == .aborted)
      #expect(try await session.count("SELECT count(*) FROM s") == 0)
    }
  }

  @Test func `rows that come after the end of their transaction are refused, not lost`() {
    let transaction = Transaction(connectionID: 1, metrics: ServerMetrics())
    transaction.end("committed")
    #expect {
      try transaction.add([TopicWrite(TopicID(rawValue: 1), [.watermark(microseconds: 1)])])
    } throws: {
      ($0 as? DatabaseError)?.code == .aborted
    }
    #expect(transaction.takeStreamWrites().isEmpty)
  }
}
