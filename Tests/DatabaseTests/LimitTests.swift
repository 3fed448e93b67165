import Columnar
import Database
import Engine
import Testing

@Suite(.timeLimit(.minutes(2))) struct `Limits of a database` {
  /// Runs for minutes if nobody stops it.
  private static let endless =
    "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"

  @Test func `sessions, transactions and prepared statements are limited`() async throws {
    let test = try TestDatabase { options in
      options.maxSessions = 2
      options.maxTransactions = 2
      options.maxPreparedStatements = 2
    }
    let session = try test.database.openSession()
    let other = try test.database.openSession()
    #expect(await code { _ = try test.database.openSession() } == .resourceExhausted)
    await other.close()
    _ = try test.database.openSession()
    for _ in 1...2 {
      _ = try session.beginTransaction(connectionID: 1)
      _ = try await session.prepare("SELECT 1", .inside(nil))
    }
    #expect(
      await code { _ = try session.beginTransaction(connectionID: 1) } == .resourceExhausted)
    let prepare = await code { _ = try await session.prepare("SELECT 1", .inside(nil)) }
    #expect(prepare == .resourceExhausted)
  }

  @Test func `a session that holds nothing makes room for another`() async throws {
    let test = try TestDatabase { options in
      options.maxSessions = 3
      options.replaceableSessionGrace = .zero
    }
    let holding = try test.database.openSession()
    try await holding.run("CREATE TEMP TABLE t AS SELECT 1 AS i")
    let open = try test.database.openSession()
    let query = try await open.query("SELECT 1", .inside(nil))
    for _ in 0..<10 { _ = try test.database.openSession() }
    #expect(test.database.sessionCount == 3)
    #expect(try await holding.count("SELECT i FROM t") == 1)
    #expect(try open.openQuery(query.handle) === query)
  }

  @Test(arguments: [
    "SELECT * FROM (\(endless))", "CREATE TABLE t AS \(endless)",
    "CREATE TEMP TABLE t AS \(endless)", "BEGIN; CREATE TABLE t AS \(endless)",
  ])
  func `a statement of any kind ends at its time-out`(sql: String) async throws {
    let test = try TestDatabase { $0.statementTimeout = .milliseconds(50) }
    try await test.whileRunning {
      let session = try test.database.openSession()
      #expect(await code { _ = try await session.rows(sql) } == .deadlineExceeded)
      try await session.run("ROLLBACK")
      #expect(try await session.count("SELECT 1") == 1)
    }
  }

  @Test(arguments: [false, true])
  func `a load whose client sends nothing ends at its time-out`(isTemporary: Bool) async throws {
    let test = try TestDatabase { $0.statementTimeout = .milliseconds(50) }
    try await test.whileRunning {
      let session = try test.database.openSession()
      let queue = IngestQueue()
      let load = session.load("t", from: queue, isTemporary: isTemporary)
      #expect(await queue.push(integers(0..<10)))
      #expect(await code { _ = try await load.value } == .deadlineExceeded)
      #expect(await code { try await session.run("FROM t") } == .invalidArgument)
    }
  }

  @Test func `closing a session ends what runs in it`() async throws {
    let test = try TestDatabase()
    try await test.whileRunning {
      let session = try test.database.openSession()
      let statement = Task { try await session.run("CREATE TABLE t AS \(Self.endless)") }
      while test.database.engine.admission.load.running == 0 { await Task.yield() }
      let queue = IngestQueue()
      let load = session.load("loaded", from: queue)
      while !queue.isTaken { await Task.yield() }
      await session.close()
      #expect(await code { _ = try await statement.value } == .cancelled)
      #expect(await code { _ = try await load.value } == .cancelled)
    }
  }

  @Test func `a cancelled task ends its statement, also before it has begun`() async throws {
    let test = try TestDatabase { $0.maxRunning = 1 }
    try await test.whileRunning {
      let session = try test.database.openSession()
      let running = Task { try await session.run("CREATE TABLE t AS \(Self.endless)") }
      while test.database.engine.admission.load.running == 0 { await Task.yield() }
      let queued = Task { try await session.run("CREATE TABLE u AS SELECT 1") }
      while test.database.engine.admission.load.queued == 0 { await Task.yield() }
      queued.cancel()
      #expect(await code { _ = try await queued.value } == .cancelled)
      running.cancel()
      #expect(await code { _ = try await running.value } == .cancelled)
      #expect(await code { try await session.run("FROM u") } == .invalidArgument)
    }
  }

  @Test func `loads that wait for their clients keep nobody out`() async throws {
    let test = try TestDatabase { $0.maxRunning = 1 }
    let session = try test.database.openSession()
    let queues = (0..<100).map { _ in IngestQueue() }
    let loads = queues.enumerated().map { number, queue in
      session.load("slow\(number)", from: queue)
    }
    for queue in queues { while !queue.isTaken { await Task.yield() } }
    let quick = IngestQueue()
    let load = session.load("quick", from: quick)
    #expect(await quick.push(integers(0..<10)))
    quick.finish()
    #expect(try await load.value == 10)
    #expect(try await session.count("SELECT count(*) FROM quick") == 10)
    for queue in queues { queue.finish() }
    for load in loads { #expect(try await load.value == 0) }
  }

  @Test func `statements that wait for their own connection keep nobody out`() async throws {
    let test = try TestDatabase { $0.maxRunning = 1 }
    let session = try test.database.openSession()
    let queue = IngestQueue()
    let load = session.load("mine", from: queue, isTemporary: true)
    while !queue.isTaken { await Task.yield() }
    // The session's connection is taken by the load, so this waits.
    let waiting = Task { try await session.count("SELECT count(*) FROM mine") }
    let other = try test.database.openSession()
    for _ in 0..<100 { #expect(try await other.count("SELECT 1") == 1) }
    #expect(await queue.push(integers(0..<10)))
    queue.finish()
    #expect(try await load.value == 10)
    #expect(try await waiting.value == 10)
  }

  @Test func `two hundred sessions work at once`() async throws {
    let test = try TestDatabase { $0.maxRunning = 4 }
    let first = try test.database.openSession()
    try await first.run("CREATE TABLE t(session INTEGER, i INTEGER)")
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for number in 0..<200 {
        let session = try test.database.openSession()
        tasks.addTask {
          let transaction = try session.beginTransaction(connectionID: 1)
          for i in 0..<3 {
            try await session.run("INSERT INTO t VALUES (\(number), \(i))", in: transaction)
          }
          let own = "SELECT count(*) FROM t WHERE session = \(number)"
          #expect(try await session.count(own, in: transaction) == 3)
          try await session.endTransaction(transaction, commits: number.isMultiple(of: 2))
          await session.close()
        }
      }
      try await tasks.waitForAll()
    }
    #expect(try await first.count("SELECT count(*) FROM t") == 300)
    #expect(test.database.sessionCount == 1)
    #expect(test.database.engine.admission.load == (0, 0))
  }

  @Test func `results kept aside share the disk that is allowed`() async throws {
    let test = try TestDatabase { $0.maxSpoolByteCount = 1 << 20 }
    let session = try test.database.openSession()
    try await session.run("CREATE TABLE t AS SELECT range AS i FROM range(10000000)")
    let transaction = try session.beginTransaction(connectionID: 1)
    try await session.run("INSERT INTO t VALUES (-1)", in: transaction)
    let query = try await session.query("FROM t", .inside(transaction))
    #expect(try await session.count("SELECT count(*) FROM t", in: transaction) == 10_000_001)
    #expect(await code { while try await query.pump.next() != nil {} } == .resourceExhausted)
    session.closeResult(query.handle)
    #expect(test.database.engine.disk.usedByteCount == 0)
  }
}
