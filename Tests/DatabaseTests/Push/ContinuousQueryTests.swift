import Columnar
import Engine
import Log
import Testing

@testable import Database

/// Streams that are fed by queries which never end.
struct ContinuousQueryTests {
  /// Waits until the queries have dealt with everything that is there.
  private func settle(_ database: StreamingDatabase) async {
    for query in database.continuous.all {
      await query.reach(query.source.topic.state.head)
    }
  }

  private func ids(_ session: Session, _ stream: String) async throws -> [String] {
    try await session.rows("SELECT * FROM \(stream)").map { $0[0] }
  }

  @Test func `rows that were there and rows that come flow into the stream, computed`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT, v DOUBLE)")
    try await session.run("INSERT INTO s VALUES (1, 1), (2, 5)")
    try await session.run("CREATE STREAM t AS SELECT id, v * 2 AS w FROM s WHERE v > 1")
    #expect(try await session.rows("SELECT * FROM t") == [["2", "10.0"]])
    try await session.run("INSERT INTO s VALUES (3, 0), (4, 7)")
    try await session.run("INSERT INTO s VALUES (5, 2)")
    await settle(server.database)
    #expect(
      try await session.rows("SELECT * FROM t") == [["2", "10.0"], ["4", "14.0"], ["5", "4.0"]])
    let listed = try await session.rows("SHOW QUERIES")
    #expect(
      listed.map { [$0[1], $0[2], $0[3], $0[6], $0[7], $0[8], $0[9], $0[10]] } == [
        [
          "SELECT id, v * 2 AS w FROM s WHERE v > 1", "running", "s", "5", "0", "create stream",
          "t", "NULL",
        ]
      ])
    #expect(
      try await session.rows("SHOW STREAMS").map { [$0[0], $0[11]] }
        == [["metrics", "NULL"], ["s", "NULL"], ["t", listed[0][0]]])
    await server.database.close()
  }

  @Test func `lists are unnested, and more rows come out than went in`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT, tags VARCHAR[])")
    try await session.run(
      "CREATE STREAM t AS SELECT id, upper(unnest(tags)) AS tag FROM s EMIT CHANGES")
    try await session.run("INSERT INTO s VALUES (1, ['a', 'b']), (2, []), (3, ['c'])")
    await settle(server.database)
    #expect(try await session.rows("SELECT * FROM t") == [["1", "A"], ["1", "B"], ["3", "C"]])
    await server.database.close()
  }

  @Test(arguments: [
    ("AS SELECT * FROM s", ["1", "2", "3", "4"]),
    ("AS SELECT * FROM s EMIT CHANGES", ["1", "2", "3", "4"]),
    ("AS SELECT * FROM s EMIT CHANGES FROM NOW", ["4"]),
    ("AS SELECT * FROM s EMIT CHANGES FROM OFFSET 1", ["2", "3", "4"]),
    ("WITH (start = 'now') AS SELECT * FROM s", ["4"]),
    ("AS SELECT * FROM s WITH (start = beginning, durability = 'os')", ["1", "2", "3", "4"]),
    ("WITH (start = '2') AS SELECT * FROM s", ["3", "4"]),
  ])
  func `it begins where it is told to`(text: String, expected: [String]) async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("INSERT INTO s VALUES (1), (2), (3)")
    try await session.run("CREATE STREAM t \(text)")
    try await session.run("INSERT INTO s VALUES (4)")
    await settle(server.database)
    #expect(try await ids(session, "t") == expected)
    await server.database.close()
  }

  @Test func `what must see more than one row is stored once, and says so`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("INSERT INTO s VALUES (1), (2)")
    try await session.run("CREATE STREAM t AS SELECT count(*) AS n FROM s")
    try await session.run("CREATE TABLE names AS SELECT 1 AS id, 'one' AS name")
    try await session.run("CREATE STREAM u AS SELECT s.id, name FROM s JOIN names USING (id)")
    try await session.run("INSERT INTO s VALUES (1)")
    #expect(try await session.rows("SELECT * FROM t") == [["2"]])
    #expect(try await session.rows("SELECT * FROM u") == [["1", "one"]])
    #expect(try await session.rows("SHOW QUERIES").isEmpty)
    let fed = try await session.rows("SHOW STREAMS").map { $0[11] }
    #expect(fed[2...3] == ["stored once", "stored once"])
    let shown = try await session.rows("SHOW CREATE STREAM t")
    #expect(shown[0][1].contains("-- its rows were stored once: "))
    #expect(shown[0][1].contains("aggregate"))
    #expect(
      await session.failure("CREATE STREAM v AS SELECT count(*) AS n FROM s EMIT CHANGES")?.code
        == .failedPrecondition)
    #expect(await session.failure("SELECT * FROM v") != nil)
    await server.database.close()
  }

  @Test func `it goes on after a restart, and every row comes once`() async throws {
    let server = try await StreamDatabase()
    var session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("CREATE STREAM t AS SELECT id FROM s WHERE id % 2 = 0")
    var expected: [String] = []
    for round in 0..<4 {
      for id in (round * 10)..<(round * 10 + 10) {
        try await session.run("INSERT INTO s VALUES (\(id))")
        if id % 2 == 0 { expected.append("\(id)") }
      }
      try await server.restart()
      session = try server.session
      await settle(server.database)
      #expect(try await ids(session, "t") == expected)
    }
    #expect(try await session.rows("SHOW QUERIES").map { $0[2] } == ["running"])
    await server.database.close()
  }

  @Test func `a query that was ended stays ended, and one that was paused stays paused`()
    async throws
  {
    let server = try await StreamDatabase()
    var session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("CREATE STREAM paused AS SELECT * FROM s")
    try await session.run("CREATE STREAM ended AS SELECT * FROM s")
    let queries = try await session.rows("SHOW QUERIES")
    try await session.run("PAUSE QUERY \(queries[0][0])")
    try await session.run("TERMINATE QUERY \(queries[1][0])")
    try await session.run("INSERT INTO s VALUES (1)")
    for _ in 0..<2 {
      #expect(
        try await session.rows("SHOW QUERIES").map { [$0[2], $0[7], $0[9]] }
          == [["paused", "1", "paused"]])
      try await server.restart()
      session = try server.session
    }
    try await session.run("RESUME QUERY \(queries[0][0])")
    await settle(server.database)
    #expect(try await ids(session, "paused") == ["1"])
    #expect(try await ids(session, "ended") == [])
    try await server.restart()
    #expect(try await server.session.rows("SHOW QUERIES").map { $0[2] } == ["running"])
    let positions = try #require(UInt32(queries[1][0].dropFirst()))
    #expect(server.eventLog.topic(TopicID(rawValue: positions)) == nil)
    await server.database.close()
  }

  @Test func `a bad row stops the query behind the rows before it, or becomes a dead letter`()
    async throws
  {
    let server = try await StreamDatabase()
    var session = try server.session
    try await session.run("CREATE STREAM s (v VARCHAR)")
    try await session.run("CREATE STREAM strict AS SELECT CAST(v AS INTEGER) AS i FROM s")
    try await session.run(
      "CREATE STREAM kind WITH (on_error = 'dead_letter') AS SELECT CAST(v AS INTEGER) AS i FROM s")
    try await session.run("INSERT INTO s VALUES ('1'), ('2'), ('x'), ('4'), ('y'), ('6')")
    await settle(server.database)
    #expect(try await ids(session, "strict") == ["1", "2"])
    #expect(try await ids(session, "kind") == ["1", "2", "4", "6"])
    let letters = try await session.rows("SELECT * FROM kind.dead_letter")
    #expect(letters.map { [$0[1], $0[3]] } == [["{\"v\":\"x\"}", "2"], ["{\"v\":\"y\"}", "4"]])
    #expect(letters.allSatisfy { $0[0].contains("Could not convert") && $0[2].hasPrefix("c") })
    let failed = try await session.rows("SHOW QUERIES")[0]
    #expect(failed[2] == "FAILED" && failed[6] == "2")
    #expect(failed[10].hasPrefix("row 2 of s: "))
    // It is tried again, and fails again.
    try await server.restart()
    session = try server.session
    await settle(server.database)
    #expect(try await session.rows("SHOW QUERIES").map { $0[2] } == ["FAILED", "running"])
    try await session.run("ALTER STREAM strict SET (on_error = 'dead_letter')")
    try await session.run("RESUME QUERY \(failed[0])")
    await settle(server.database)
    #expect(try await ids(session, "strict") == ["1", "2", "4", "6"])
    await server.database.close()
  }

  @Test func `a stream that a query reads is dropped only with CASCADE, one that it fills ends it`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("CREATE STREAM t AS SELECT * FROM s")
    try await session.run("CREATE STREAM u AS SELECT * FROM t")
    try await session.run("CREATE STREAM other (id BIGINT)")
    try await session.run("INSERT INTO other SELECT * FROM t EMIT CHANGES")
    try await session.run("CREATE SUBSCRIPTION sub FROM s")
    let refused = await session.failure("DROP STREAM s")
    #expect(refused?.code == .failedPrecondition)
    #expect(refused?.message.contains("the stream t (query c") == true)
    #expect(refused?.message.contains("the subscription sub") == true)
    #expect(
      await session.failure("DROP STREAM t")?.message.contains("into other") == true)
    try await session.run("INSERT INTO s VALUES (1)")
    await settle(server.database)
    await settle(server.database)
    #expect(try await ids(session, "other") == ["1"])
    try await session.run("DROP STREAM u")
    #expect(try await session.rows("SHOW QUERIES").count == 2)
    try await session.run("DROP STREAM s CASCADE")
    #expect(try await session.rows("SHOW QUERIES").isEmpty)
    #expect(try await session.rows("SHOW SUBSCRIPTIONS").isEmpty)
    #expect(try await session.rows("SHOW STREAMS").map { $0[0] } == ["metrics", "other"])
    #expect(try await ids(session, "other") == ["1"])
    try await server.restart()
    #expect(try await server.session.rows("SHOW QUERIES").isEmpty)
    await server.database.close()
  }

  @Test func `INSERT with EMIT CHANGES goes on, by place and by name, but not in circles`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT, name VARCHAR)")
    try await session.run("CREATE STREAM t (name VARCHAR, id INTEGER, more VARCHAR)")
    try await session.run("INSERT INTO s VALUES (1, 'a')")
    try await session.run("INSERT INTO t (id, name) SELECT id, name FROM s EMIT CHANGES")
    try await session.run(
      "INSERT INTO t BY NAME SELECT id + 10 AS id, 'm' AS more FROM s EMIT CHANGES FROM NOW")
    try await session.run("INSERT INTO s VALUES (2, 'b')")
    await settle(server.database)
    #expect(
      try await session.rows("SELECT id, name, more FROM t ORDER BY id")
        == [["1", "a", "NULL"], ["2", "b", "NULL"], ["12", "NULL", "m"]])
    #expect(
      await session.failure("INSERT INTO t SELECT id FROM s EMIT CHANGES")?.code
        == .invalidArgument)
    #expect(
      await session.failure("INSERT INTO t (nothing) SELECT id FROM s EMIT CHANGES") != nil)
    for circle in [
      "INSERT INTO s SELECT id, name FROM t EMIT CHANGES",
      "INSERT INTO s SELECT * FROM s EMIT CHANGES",
    ] {
      let failure = await session.failure(circle)
      #expect(failure?.message.contains("feed itself") == true)
    }
    #expect(try await session.rows("SHOW QUERIES").count == 2)
    // What does not fit at once is no query.
    try await session.run("CREATE STREAM n (i INTEGER)")
    #expect(await session.failure("INSERT INTO n SELECT name FROM s EMIT CHANGES") != nil)
    #expect(try await session.rows("SHOW QUERIES").count == 2)
    await server.database.close()
  }

  @Test(.timeLimit(.minutes(1)))
  func `watermarks and the end of the source come behind its rows`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT)")
    try await session.run("CREATE STREAM t AS SELECT id FROM s WHERE id > 1")
    let rows = batch([("id", .int64s([1, 2]))])
    try await session.put([rows], to: "s", StreamMarks(watermarkMicroseconds: 77))
    let query = try #require(server.database.continuous.all.first)
    try await waitUntil { query.sink.topic.state.watermarkMicroseconds == 77 }
    try await session.put([], to: "s", StreamMarks(watermarkMicroseconds: 99, endsStream: true))
    try await waitUntil { query.sink.topic.state.isEnded }
    #expect(query.sink.topic.state.watermarkMicroseconds == 99)
    #expect(try await ids(session, "t") == ["2"])
    await server.database.close()
  }

  /// Waits for something that another task does; the time limit of the test ends a vain wait.
  private func waitUntil(_ isTrue: () -> Bool) async throws {
    while !isTrue() {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  @Test func `columns of the source may be renamed, added and widened meanwhile`() async throws {
    let server = try await StreamDatabase()
    var session = try server.session
    try await session.run("CREATE STREAM s (id INTEGER, v INTEGER)")
    try await session.run("CREATE STREAM t AS SELECT * FROM s WHERE v > 0")
    try await session.run("INSERT INTO s VALUES (1, 1)")
    try await session.run("ALTER STREAM s ADD COLUMN more VARCHAR")
    try await session.run("ALTER STREAM s RENAME COLUMN v TO value")
    try await session.run("INSERT INTO s VALUES (2, 2, 'x')")
    await settle(server.database)
    try await session.run("ALTER STREAM s RENAME TO renamed")
    try await session.run("ALTER STREAM t RENAME COLUMN v TO w")
    try await server.restart()
    session = try server.session
    try await session.run("ALTER STREAM renamed ALTER COLUMN value TYPE BIGINT")
    try await session.run("INSERT INTO renamed VALUES (3, 3, 'y')")
    await settle(server.database)
    #expect(
      try await session.rows("SELECT id, w FROM t") == [["1", "1"], ["2", "2"], ["3", "3"]])
    try await session.run("INSERT INTO renamed VALUES (4, 3000000000, 'z')")
    await settle(server.database)
    let failed = try await session.rows("SHOW QUERIES")[0]
    #expect(failed[2] == "FAILED" && failed[10].contains("row 3 of renamed"))
    try await session.run("ALTER STREAM t ALTER COLUMN w TYPE BIGINT")
    try await session.run("RESUME QUERY \(failed[0])")
    await settle(server.database)
    #expect(try await session.rows("SELECT max(w) FROM t") == [["3000000000"]])
    await server.database.close()
  }

  @Test func `a stream that is fed by a query computes its running columns`() async throws {
    let server = try await StreamDatabase()
    var session = try server.session
    try await session.run("CREATE STREAM s (k VARCHAR, moment TIMESTAMP, v DOUBLE)")
    try await session.run(
      "CREATE STREAM t WITH (running = 'v', running_key = 'k', running_window = '5 minutes') "
        + "AS SELECT k, moment, v FROM s WHERE v > 0")
    for value in [1, -5, 2, 4] {
      try await session.run("INSERT INTO s VALUES ('a', TIMESTAMP '2026-01-01 00:00:00', \(value))")
    }
    await settle(server.database)
    try await server.restart()
    session = try server.session
    try await session.run("INSERT INTO s VALUES ('a', TIMESTAMP '2026-01-01 00:00:01', 8)")
    await settle(server.database)
    #expect(
      try await session.rows("SELECT v, v_running_window_sum, v_running_window_count FROM t")
        == [
          ["1.0", "1.0", "1"], ["2.0", "3.0", "2"], ["4.0", "7.0", "3"], ["8.0", "15.0", "4"],
        ])
    try await session.run("INSERT INTO t SELECT k, moment, v + 10 FROM s WHERE v = 8 EMIT CHANGES")
    #expect(try await session.rows("SELECT max(v_running_window_sum) FROM t") == [["33.0"]])
    await server.database.close()
  }

  @Test func `columns that appear in the source appear in a stream that is open too`()
    async throws
  {
    let server = try await StreamDatabase()
    var session = try server.session
    try await session.run("CREATE STREAM demo WITH (FORMAT = 'JSON')")
    try await session.run("INSERT INTO demo (a) VALUES (1)")
    try await session.run("CREATE STREAM copy WITH (FORMAT = 'JSON') AS SELECT * FROM demo")
    try await session.run("CREATE STREAM fixed AS SELECT * FROM demo")
    try await session.run(
      "CREATE STREAM computed WITH (FORMAT = 'JSON') AS SELECT a, {'x': a} AS s FROM demo")
    try await session.run("INSERT INTO demo (a, b) VALUES (2, 'two')")
    try await server.restart()
    session = try server.session
    try await session.run("INSERT INTO demo (b, c) VALUES ('three', 0.5)")
    await settle(server.database)
    #expect(
      try await session.rows("SELECT a, b, c FROM copy")
        == [["1", "NULL", "NULL"], ["2", "two", "NULL"], ["NULL", "three", "0.5"]])
    #expect(try await session.rows("SELECT * FROM fixed") == [["1"], ["2"], ["NULL"]])
    #expect(
      try await session.rows("SELECT a, s FROM computed").map { $0[0] } == ["1", "2", "NULL"])
    #expect(try await session.rows("SHOW QUERIES").allSatisfy { $0[2] == "running" })
    await server.database.close()
  }

  @Test func `all columns go into a copy, also those that SQL cannot hold`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    let field = Field("h", .float16)
    var request = IngestRequest(table: "s", ifMissing: .create)
    request.options["stream"] = "true"
    let writer = try await session.makeStream(
      for: request, schema: Schema([Field("id", .int64), field]))
    _ = try await writer.append([
      Batch(
        schema: Schema([Field("id", .int64), field]),
        columns: [.int64s([1]), .placeholder(.float16, 1)], rowCount: 1)
    ])
    try await session.run("CREATE STREAM t AS SELECT * FROM s")
    #expect(try await session.batches("SELECT * FROM t").map(\.schema.fields.count) == [2])
    #expect(try await session.batches("SELECT * FROM t")[0].schema.fields[1].type == .float16)
    await server.database.close()
  }

  @Test func `the source may be named with its schema`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE SCHEMA e")
    try await session.run("CREATE STREAM e.s (id BIGINT)")
    try await session.run("INSERT INTO e.s VALUES (1)")
    try await session.run("CREATE STREAM t AS SELECT id, _offset AS o FROM e.s WHERE id > 0")
    try await session.run("CREATE STREAM u AS SELECT x.id FROM main.t x EMIT CHANGES")
    try await session.run("INSERT INTO e.s VALUES (2)")
    await settle(server.database)
    await settle(server.database)
    #expect(try await session.rows("SELECT * FROM t") == [["1", "0"], ["2", "1"]])
    #expect(try await ids(session, "u") == ["1", "2"])
    await server.database.close()
  }

  @Test func `a query whose rows are gone says so, and goes on behind them when it is told to`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run(
      "CREATE STREAM s (id BIGINT) WITH (retention = '0 s', retention_ignores_readers = true)")
    try await session.run("CREATE STREAM t AS SELECT * FROM s")
    let id = try await session.rows("SHOW QUERIES")[0][0]
    try await session.run("PAUSE QUERY \(id)")
    try await session.run("INSERT INTO s VALUES (1)")
    let log = try #require(server.eventLog as? SegmentLog)
    log.maintain()
    try await server.restart()
    let after = try server.session
    try await after.run("RESUME QUERY \(id)")
    try await after.run("INSERT INTO s VALUES (2)")
    await settle(server.database)
    let failed = try await after.rows("SHOW QUERIES")[0]
    #expect(failed[2] == "FAILED" && failed[10].contains("removed by retention"), "\(failed)")
    try await after.run("RESUME QUERY \(id)")
    await settle(server.database)
    #expect(try await ids(after, "t") == ["2"])
    await server.database.close()
  }

  @Test func `retention keeps what the query has not seen`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (id BIGINT) WITH (retention = '0 s')")
    try await session.run("CREATE STREAM t AS SELECT * FROM s")
    let id = try await session.rows("SHOW QUERIES")[0][0]
    try await session.run("PAUSE QUERY \(id)")
    try await session.run("INSERT INTO s VALUES (1)")
    try await session.run("INSERT INTO s VALUES (2)")
    let log = try #require(server.eventLog as? SegmentLog)
    log.maintain()
    #expect(try await ids(session, "s") == ["1", "2"])
    try await session.run("RESUME QUERY \(id)")
    await settle(server.database)
    #expect(try await ids(session, "t") == ["1", "2"])
    log.maintain()
    try await session.run("INSERT INTO s VALUES (3)")
    #expect(try await session.rows("SELECT min(_offset) FROM s") == [["2"]])
    await server.database.close()
  }
}
