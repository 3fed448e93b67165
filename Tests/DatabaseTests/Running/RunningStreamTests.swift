import Columnar
import DuckDB
import Engine
import Foundation
import Log
import Synchronization
import TestSupport
import Testing

@testable import Database

/// Streams whose running columns are computed as rows are stored, against the SQL that defines them.
@Suite struct `Streams with running aggregates` {
  /// Rows whose columns differ from those that SQL computes in the order of offsets.
  private static func differences(_ stream: String) -> String {
    """
    SELECT count(*) FROM (
      SELECT value_running_window_sum AS s, value_running_window_avg AS a,
        value_running_window_count AS c, sum(value) OVER running AS ws, avg(value) OVER running AS wa,
        count(value) OVER running AS wc
      FROM (SELECT *, _offset AS place FROM \(stream))
      WINDOW running AS (
        PARTITION BY metric_id, time_bucket(INTERVAL 5 MINUTES, "timestamp")
        ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
    WHERE c IS DISTINCT FROM wc OR abs(s - ws) > 1e-9 * (1 + abs(ws)) OR (s IS NULL) <> (ws IS NULL)
      OR abs(a - wa) > 1e-9 * (1 + abs(wa)) OR (a IS NULL) <> (wa IS NULL)
    """
  }

  /// Rows as text, whole numbers without what stands behind the point.
  private func numbers(_ session: Session, _ sql: String) async throws -> [[String]] {
    try await session.rows(sql).map { row in
      row.map { $0.hasSuffix(".0") ? String($0.dropLast(2)) : $0 }
    }
  }

  private func metrics(_ random: inout SeededRandom, rows: Int, span: Int64 = 1_200) -> Batch {
    let places = 0..<rows
    return batch([
      ("metric_id", .strings(places.map { _ in "m\(Int.random(in: 0..<6, using: &random))" })),
      (
        "timestamp",
        .int64s(places.map { _ in 1_700_000_000 + Int64.random(in: 0..<span, using: &random) })
      ),
      ("value", .doubles(places.map { _ in Double.random(in: -100...100, using: &random) })),
    ])
  }

  @Test func `the columns equal the definition, over restarts, transactions and repeats`()
    async throws
  {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of random metrics: \(seed)")
    var random = SeededRandom(seed: seed)
    let server = try await StreamDatabase()
    var rowCount = 0
    for round in 0..<4 {
      let session = try server.session
      for step in 0..<12 {
        let rows = metrics(&random, rows: Int.random(in: 1...40, using: &random))
        switch step % 4 {
        case 0:
          let marks = StreamMarks(producer: "p", sequence: Int64(round * 100 + step))
          try await session.put([rows], to: "metrics", marks)
          let again = try await session.put([rows], to: "metrics", marks)
          #expect(again.isRepeat)
        case 1:
          let transaction = try session.beginTransaction(connectionID: 1)
          try await session.put([rows], to: "metrics", in: transaction)
          try await session.run("CREATE TABLE t\(round)_\(step) (i INTEGER)", in: transaction)
          try await session.endTransaction(transaction, commits: true)
        case 2:
          let transaction = try session.beginTransaction(connectionID: 1)
          try await session.put([rows], to: "metrics", in: transaction)
          try await session.endTransaction(transaction, commits: false)
          rowCount -= rows.rowCount
        default:
          try await session.put([rows, rows.slice(from: 0, count: 1)], to: "metrics")
          rowCount += 1
        }
        rowCount += rows.rowCount
      }
      #expect(try await session.count("SELECT count(*) FROM metrics") == rowCount)
      #expect(try await session.count(Self.differences("metrics")) == 0)
      try await server.restart()
    }
    await server.database.close()
  }

  @Test func `they equal the definition when the log refuses groups among those on their way`()
    async throws
  {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of a log that is full now and then: \(seed)")
    let log = FullNowAndThen(try testLog(), seed: seed)
    let database = try StreamingDatabase(
      options: DatabaseOptions(), library: DuckDBLibrary.load(), allocator: HeapAllocator(),
      eventLog: log)
    try await database.recover()
    log.begin()
    let counts = try await withThrowingTaskGroup(of: (stored: Int, failed: Int).self) { group in
      for client in 0..<6 {
        group.addTask {
          var random = SeededRandom(seed: seed &+ UInt64(client))
          let session = try database.openSession()
          let writer = try #require(session.streamWriter(["metrics"]))
          var pending: [(StreamWriter.Pending, Int)] = []
          for _ in 0..<40 {
            let rows = metrics(&random, rows: Int.random(in: 1...5, using: &random))
            pending.append((try await writer.begin([rows], StreamMarks()), rows.rowCount))
          }
          var counts = (stored: 0, failed: 0)
          var last = -1
          for (answer, rowCount) in pending {
            do {
              let acknowledged = try await answer.value
              #expect(Int(acknowledged.offset) > last, "in the order in which they were begun")
              last = Int(acknowledged.offset)
              counts.stored += rowCount
            } catch let error as DatabaseError {
              #expect(error.code == .resourceExhausted)
              counts.failed += 1
            }
          }
          return counts
        }
      }
      return try await group.reduce((stored: 0, failed: 0)) {
        (stored: $0.stored + $1.stored, failed: $0.failed + $1.failed)
      }
    }
    log.end()
    let session = try database.openSession()
    #expect(counts.failed > 0, "no failure was met")
    #expect(try await session.count("SELECT count(*) FROM metrics") == counts.stored)
    #expect(try await session.count(Self.differences("metrics")) == 0)
    await database.close()
  }

  @Test func `any stream can have them, of several columns and keys`() async throws {
    let session = try await StreamDatabase().session
    try await session.run(
      """
      CREATE STREAM power (host VARCHAR, socket INTEGER, at TIMESTAMP, watts INTEGER, volts DECIMAL(9, 2))
      WITH (running = 'watts, volts', running_key = 'host, socket', running_window = '1 minute',
        windows = '1m,1h')
      """)
    try await session.run(
      """
      INSERT INTO power VALUES ('a', 1, '2026-01-01 00:00:10', 5, 1.25), ('a', 2, '2026-01-01 00:00:10', 7, 2),
        ('a', 1, '2026-01-01 00:00:50', 6, NULL), ('a', 1, '2026-01-01 00:01:00', 8, 4)
      """)
    #expect(
      try await numbers(
        session,
        "SELECT watts_running_window_sum, watts_running_window_count, volts_running_window_avg, "
          + "volts_running_window_count FROM power ORDER BY _offset")
        == [
          ["5", "1", "1.25", "1"], ["7", "1", "2", "1"], ["11", "2", "1.25", "1"],
          ["8", "1", "4", "1"],
        ])
    #expect(
      try await numbers(
        session, "SELECT host, socket, watts_sum, volts_max FROM power_1h ORDER BY ALL")
        == [["a", "1", "19", "4.00"], ["a", "2", "7", "2.00"]])
    let created = try await session.rows("SHOW CREATE STREAM power")
    #expect(created[0][1].contains("running_key"))
    #expect(
      await session.failure("INSERT INTO power_1m VALUES (1)")?.message.contains(
        "computed from power") == true)
    #expect(
      await session.failure("ALTER STREAM power SET (running = 'volts')")?.code == .invalidArgument)
    try await session.run("DROP STREAM power")
    #expect(await session.failure("SELECT * FROM power_1h") != nil)
  }

  @Test(
    arguments: [
      (
        "(a VARCHAR, t TIMESTAMPTZ, v VARCHAR) WITH (running = 'v', running_key = 'a')",
        "sums numbers"
      ),
      ("(a VARCHAR, t TIMESTAMPTZ, v DOUBLE) WITH (running = 'v')", "running_key"),
      ("(a VARCHAR, v DOUBLE) WITH (running = 'v', running_key = 'a')", "time of a row"),
      (
        "(a VARCHAR, t TIMESTAMPTZ, v DOUBLE) WITH (running = 'w', running_key = 'a')",
        "no column 'w'"
      ),
      ("(a VARCHAR, t TIMESTAMPTZ, v DOUBLE) WITH (running_key = 'a')", "running = 'value'"),
      (
        "(a DOUBLE, t TIMESTAMPTZ, v DOUBLE) WITH (running = 'v', running_key = 'a')",
        "takes no DOUBLE"
      ),
      ("WITH (FORMAT = 'JSON', running = 'v', running_key = 'a')", "fixed types"),
      (
        "(a VARCHAR, t TIMESTAMPTZ, v DOUBLE) WITH (running = 'v', running_key = 'a', windows = '5x')",
        "durations"
      ),
    ])
  func `what cannot be summed is refused with a sentence`(columns: String, words: String)
    async throws
  {
    let session = try await StreamDatabase().session
    let failure = try #require(await session.failure("CREATE STREAM s \(columns)"))
    #expect(failure.code == .invalidArgument)
    #expect(failure.message.contains(words), "\(failure.message)")
  }

  @Test func `rows of long past windows count there, or go to a relation of their own`()
    async throws
  {
    let server = try await StreamDatabase()
    var session = try server.session
    for (name, options) in [
      ("kept", ""), ("cut", ", late = 'separate', allowed_lateness = '10 minutes'"),
    ] {
      try await session.run(
        """
        CREATE STREAM \(name) (metric_id VARCHAR, "timestamp" TIMESTAMPTZ, value DOUBLE)
        WITH (running = 'value', running_key = 'metric_id'\(options))
        """)
      try await session.run(
        "INSERT INTO \(name) VALUES ('a', 1700000000, 1), ('a', 1700004000, 2), ('a', 1700003400, 3)"
      )
      try await server.restart()
      session = try server.session
      try await session.run(
        "INSERT INTO \(name) VALUES ('a', 1700000001, 4), ('a', 1700004001, 5), ('a', 1700003401, 6)"
      )
    }
    let query = "SELECT value, value_running_window_sum, value_running_window_count FROM"
    #expect(
      try await numbers(session, "\(query) kept ORDER BY _offset") == [
        ["1", "1", "1"], ["2", "2", "1"], ["3", "3", "1"], ["4", "5", "2"], ["5", "7", "2"],
        ["6", "9", "2"],
      ])
    #expect(
      try await numbers(session, "\(query) cut ORDER BY _offset") == [
        ["1", "1", "1"], ["2", "2", "1"], ["3", "3", "1"], ["5", "7", "2"], ["6", "9", "2"],
      ])
    #expect(try await numbers(session, "\(query) cut.late") == [["4", "NULL", "NULL"]])
  }

  @Test func `a row that brings a running column keeps it, and counts all the same`() async throws {
    let session = try await StreamDatabase().session
    try await session.run(
      """
      INSERT INTO metrics (metric_id, timestamp, value, value_running_window_sum) VALUES
        ('a', 1700000000, 1, NULL), ('a', 1700000000, 2, 99), ('a', 1700000000, 3, NULL)
      """)
    #expect(
      try await numbers(
        session,
        "SELECT value_running_window_sum, value_running_window_count FROM metrics ORDER BY _offset")
        == [["1", "1"], ["99", "2"], ["6", "3"]])
  }

  @Test func `rows of the table of an older version become rows of the stream, once`() async throws
  {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("hyprstream-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/old.duckdb"
    do {
      let old = try DuckDB.Database(DuckDBLibrary.load(), path: file).connect()
      for sql in [
        "CREATE SCHEMA __hyprstream",
        """
        CREATE TABLE __hyprstream.metrics (arrival BIGINT, arrival_row BIGINT, metric_id VARCHAR,
          "timestamp" TIMESTAMPTZ, "value" DOUBLE, given_sum DOUBLE, given_avg DOUBLE, given_count BIGINT)
        """,
        """
        INSERT INTO __hyprstream.metrics VALUES
          (2, 1, 'a', TIMESTAMPTZ '2026-01-01 00:00:00+00', 2, NULL, NULL, NULL),
          (1, 1, 'a', TIMESTAMPTZ '2026-01-01 00:00:00+00', 1, 50, NULL, NULL)
        """,
        "CREATE VIEW metrics AS SELECT 1 AS old", "CREATE VIEW metrics_5m AS SELECT 1 AS old",
      ] { try old.execute(sql) }
    }
    let server = try await StreamDatabase(path: file)
    for _ in 1...2 {
      let session = try server.session
      #expect(
        try await numbers(
          session, "SELECT value, value_running_window_sum FROM metrics ORDER BY value")
          == [["1", "50"], ["2", "3"]])
      #expect(try await numbers(session, "SELECT sum FROM metrics_5m") == [["3"]])
      try await server.restart()
    }
    await server.database.close()
  }
}

/// A log that says now and then that the disk is full.
private final class FullNowAndThen: LogStore {
  private let log: any LogStore
  private let random: Mutex<SeededRandom>
  private let fails = Mutex(false)

  init(_ log: any LogStore, seed: UInt64) {
    self.log = log
    random = Mutex(SeededRandom(seed: seed))
  }

  func begin() { fails.withLock { $0 = true } }
  func end() { fails.withLock { $0 = false } }

  func createTopic(named name: String, settings: TopicSettings) throws(LogError) -> TopicID {
    try log.createTopic(named: name, settings: settings)
  }
  func removeTopic(_ id: TopicID) throws(LogError) { try log.removeTopic(id) }
  func topic(_ id: TopicID) -> (any Topic)? { log.topic(id) }
  var openPreparations: [PreparationID] { log.openPreparations }

  func submit(
    _ group: AppendGroup,
    _ completion: @escaping @Sendable (Result<AppendOutcome, LogError>) -> Void
  ) {
    let isFull = random.withLock { random in Int.random(in: 0..<8, using: &random) == 0 }
    guard isFull, fails.withLock({ $0 }) else { return log.submit(group, completion) }
    // Others are handed over before this is known.
    Task {
      for _ in 0..<20 { await Task.yield() }
      completion(.failure(.full("planted")))
    }
  }

  func resolve(
    _ preparation: PreparationID, commits: Bool
  ) async throws(LogError) -> AppendOutcome {
    try await log.resolve(preparation, commits: commits)
  }
}
