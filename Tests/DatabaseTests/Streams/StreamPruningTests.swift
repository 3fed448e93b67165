import Columnar
import Database
import DuckDB
import Engine
import Log
import Synchronization
import Testing

/// What a scan reads of a stream when the statement bounds offsets and times.
struct StreamPruningTests {
  private static let batchCount = 40
  private static let batchRowCount = 3_000
  private static let second: Int64 = 1_000_000
  /// 2026-01-01 00:00:00 UTC.
  private static let start: Int64 = 1_767_225_600_000_000

  /// A stream `s` of 40 batches of about 70 KiB: batch `i` came at `i` minutes past the start, its
  /// events lie up to 30 seconds around that, and some have no time. Row `n` has `k = n % 7`.
  private final class Fixture: Sendable {
    let folder = CountingFolder()
    let database: StreamingDatabase
    let log: SegmentLog

    init(columns: String = "id BIGINT, k BIGINT, ts TIMESTAMP, w BIGINT") async throws {
      let now = Mutex(StreamPruningTests.start)
      log = try SegmentLog(
        folder,
        SegmentLog.Configuration(segmentByteCount: 512 << 10, recentByteCount: 1),
        clock: { now.withLock { $0 } })
      database = try StreamingDatabase(
        options: DatabaseOptions(), library: DuckDBLibrary.load(), allocator: HeapAllocator(),
        eventLog: log)
      let session = try database.openSession()
      try await session.run(
        "CREATE STREAM s (\(columns), WATERMARK FOR ts AS ts - INTERVAL 1 MINUTE)")
      var random = SplitMix(state: 7)
      for index in 0..<Int64(batchCount) {
        let minute = StreamPruningTests.start + index * 60 * second
        now.withLock { $0 = minute }
        let ids = (0..<Int64(batchRowCount)).map { index * Int64(batchRowCount) + $0 }
        let times = ids.map { id in
          id % 11 == 0 ? nil : minute + random.next(in: -30 * second...30 * second)
        }
        let time = timestamps(times)
        try await session.put(
          [
            batch([
              ("id", .int64s(ids)), ("k", .int64s(ids.map { $0 % 7 })), ("ts", time),
              ("w", .int64s(ids.map { $0 &* 31 })),
            ])
          ], to: "s")
      }
    }

    func close() async {
      await database.close()
      log.close()
    }

    /// The share of the stream's bytes that a statement has read.
    func share(_ session: Session, _ sql: String, _ parameters: Batch? = nil) async throws -> Double
    {
      let before = folder.readByteCount
      let query = try await session.query(sql, parameters: parameters, .inside(nil))
      while try await query.pump.next() != nil {}
      session.closeResult(query.handle)
      let topic = try #require(log.topics.first { $0.state.name == "s" })
      return Double(folder.readByteCount - before) / Double(topic.state.byteCount)
    }
  }

  /// Bounds, and how many of the 40 batches hold such rows at most.
  @Test func `what lies outside the bounds is not read`() async throws {
    let fixture = try await Fixture()
    let session = try fixture.database.openSession()
    let bounded: [(sql: String, batches: Int)] = [
      ("SELECT * FROM s WHERE _offset >= 6000 AND _offset < 9000", 1),
      ("SELECT count(*) FROM s WHERE _offset BETWEEN 2999 AND 3000", 2),
      ("SELECT id FROM main.s AS x WHERE 100000 = x._offset", 1),
      ("SELECT id FROM s WHERE _offset IN (1, 5, 3001) AND k > 2", 2),
      ("SELECT id FROM s WHERE _offset > 5 AND _offset < 5", 0),
      ("SELECT id FROM s WHERE _offset > 500000", 0),
      ("EXPLAIN ANALYZE SELECT id FROM s WHERE _offset < 3000", 1),
      ("SELECT id FROM s WHERE _ingest_time >= TIMESTAMPTZ '2026-01-01 00:38:00+00'", 2),
      ("SELECT id FROM s WHERE _ingest_time < '2026-01-01 00:01:30'", 2),
      (
        "SELECT id FROM s WHERE ts BETWEEN '2026-01-01 00:10:10' AND TIMESTAMP '2026-01-01 00:10:20'",
        1
      ),
      (
        "SELECT id FROM s WHERE ts > CAST('2026-01-01 00:40:00' AS TIMESTAMP) - INTERVAL 2 MINUTE",
        2
      ),
      ("SELECT id FROM s WHERE ts >= now() - INTERVAL '1' DAY AND _ingest_time > now()", 0),
      ("SELECT 1 FROM s a JOIN s b USING (k) WHERE a._offset = 5 AND b._offset = 3005", 4),
      ("SELECT 1 FROM s WHERE _offset = 1 UNION ALL SELECT 2 FROM s WHERE _offset = 2", 2),
      (
        "SELECT x.id FROM (SELECT * FROM s WHERE _offset < 10) x LEFT JOIN range(5) r(i) ON i = k",
        1
      ),
      ("SELECT (SELECT max(i) FROM range(9) r(i) WHERE i > 5) FROM s WHERE _offset = 3", 1),
    ]
    for (sql, batches) in bounded {
      let share = try await fixture.share(session, sql)
      let limit = (Double(batches) + 0.5) / Double(Self.batchCount)
      #expect(share <= limit, "\(sql) reads \(share) of the stream")
    }
    await fixture.close()
  }

  /// Scans that the text does not show, or whose bounds are not those of the stream.
  @Test func `what may be needed is read`() async throws {
    let fixture = try await Fixture()
    let session = try fixture.database.openSession()
    let all = "\(Self.batchCount * Self.batchRowCount)"
    try await session.run("CREATE VIEW v AS SELECT * FROM memory.main.s")
    try await session.run("CREATE MACRO counted() AS (SELECT count(*) FROM s)")
    try await session.run("CREATE MACRO ignored(x) AS (SELECT count(*) FROM s)")
    let read: [(sql: String, rows: [[String]])] = [
      ("SELECT (SELECT count(*) FROM v) FROM s WHERE _offset = 3", [[all]]),
      ("SELECT counted() FROM s WHERE _offset = 3", [[all]]),
      ("SELECT ignored((SELECT max(id) FROM s WHERE _offset = 3))", [[all]]),
      ("WITH c AS (SELECT * FROM s WHERE _offset = 3) SELECT count(*) FROM v", [[all]]),
      (
        "WITH s AS (SELECT 5 AS _offset) SELECT count(*) FROM s, main.s t WHERE s._offset = 5",
        [[all]]
      ),
      ("SELECT count(*) FROM s WHERE _offset = 3 OR k >= 0", [[all]]),
      ("SELECT count(*) FROM s LEFT JOIN (SELECT 1 x) ON _offset = 3 AND s.k = 0", [[all]]),
      (
        "SELECT s._offset FROM (SELECT 70000 AS o) t ASOF JOIN s ON t.o >= s._offset WHERE s._offset < 9000",
        []
      ),
      ("SELECT count(*) FROM v WHERE k >= 0", [[all]]),
    ]
    for (sql, rows) in read {
      #expect(try await session.rows(sql) == rows, "\(sql)")
    }
    // It comes before the stream of that name, and `v` reads the stream.
    try await session.run(
      "CREATE TEMP TABLE IF NOT EXISTS s AS SELECT TIMESTAMP '2026-01-01' AS ts")
    let shadowed = "SELECT count(*) FROM s, v WHERE s.ts < '2026-01-01 00:00:10'"
    #expect(try await session.rows(shadowed) == [[all]])
    await fixture.close()
  }

  @Test func `comparisons whose sense is not that of their words take no rows away`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run(
      "CREATE STREAM c (t TIMESTAMP_S, v INTEGER, WATERMARK FOR t AS t - INTERVAL 1 SECOND)")
    try await session.run("INSERT INTO c VALUES ('2026-01-01 00:00:01', 5)")
    // The text is rounded to the seconds of the column.
    #expect(
      try await session.count("SELECT count(*) FROM c WHERE t <= '2026-01-01 00:00:00.7'") == 1)
    #expect(
      try await session.count("SELECT count(*) FROM c WHERE _offset BETWEEN 1 AND 9 = false") == 1)
    try await session.run("CREATE TABLE k (v INTEGER PRIMARY KEY, t TIMESTAMP, n INTEGER)")
    try await session.run(
      "INSERT INTO k SELECT v, t, 0 FROM c ON CONFLICT DO UPDATE SET n = 1 WHERE t > '2027-01-01'")
    #expect(try await session.count("SELECT count(*) FROM k") == 1)
    await server.database.close()
  }

  @Test func `the answer is that of reading everything, for random conditions`() async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SplitMix(state: seed)
    let fixture = try await Fixture()
    let session = try fixture.database.openSession()
    try await session.run("CREATE TABLE t AS SELECT i AS id, i * 400 AS o FROM range(300) r(i)")
    for zone in ["UTC", "America/New_York"] {
      try await session.run("SET TimeZone = '\(zone)'")
      for _ in 0..<120 {
        let condition = random.condition(depth: 2)
        let from = random.pick([
          "FROM s", "FROM s AS s", "FROM t LEFT JOIN s ON t.o = s._offset",
          "FROM s LEFT JOIN t ON t.o = s._offset", "FROM t FULL JOIN s ON t.o = s._offset",
        ])
        let select = "SELECT count(*), sum(s.id), min(s.ts), max(s._ingest_time) \(from) WHERE"
        let bounded = try await session.rows("\(select) \(condition)")
        // What stands under an OR bounds nothing.
        let whole = try await session.rows("\(select) (\(condition)) OR (s.id < 0 AND s.k IS NULL)")
        #expect(bounded == whole, "seed \(seed): \(from) WHERE \(condition)")
      }
    }
    await fixture.close()
  }
}

/// Random numbers that a seed repeats.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func next(in range: ClosedRange<Int64>) -> Int64 {
    Int64.random(in: range, using: &self)
  }

  mutating func pick(_ choices: [String]) -> String {
    choices.randomElement(using: &self) ?? ""
  }

  /// A condition over the columns of `s`.
  mutating func condition(depth: Int) -> String {
    let parts = (0..<Int.random(in: 1...3, using: &self)).map { _ -> String in
      if depth > 0, Int.random(in: 0..<4, using: &self) == 0 {
        let inner = condition(depth: depth - 1)
        return pick(["(\(inner))", "NOT (\(inner))", "(\(inner))"])
      }
      return comparison()
    }
    return parts.joined(separator: pick([" AND ", " AND ", " AND ", " OR "]))
  }

  private mutating func comparison() -> String {
    let sign = pick(["=", "<", "<=", ">", ">=", ">=", "<", "<>"])
    let column = pick([
      "_offset", "s._offset", "s._ingest_time", "s.ts", "\"ts\"", "s.k", "_ingest_time",
    ])
    let value = { (random: inout Self) in
      if column.contains("offset") { return "\(random.next(in: -10...130_000))" }
      if column == "s.k" { return "\(random.next(in: -1...8))" }
      return random.time()
    }
    switch Int.random(in: 0..<6, using: &self) {
    case 0: return "\(column) BETWEEN \(value(&self)) AND \(value(&self))"
    case 1: return "\(value(&self)) \(sign) \(column)"
    case 2 where column.contains("offset"):
      return "\(column) IN (\(value(&self)), \(value(&self)), \(value(&self)))"
    default: return "\(column) \(sign) \(value(&self))"
    }
  }

  private mutating func time() -> String {
    let seconds = next(in: -600...3_000)
    let text = "TIMESTAMP '2026-01-01' + INTERVAL '\(seconds) seconds'"
    return pick([
      text, "(\(text))", "TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL \(abs(seconds)) SECOND",
      "now() - INTERVAL \(abs(seconds)) DAY",
      "CAST('2026-01-01 00:2\(abs(seconds) % 10):05' AS TIMESTAMP)",
      "'2026-01-01 00:1\(abs(seconds) % 10):30.25'", "DATE '2026-01-01'",
    ])
  }
}

/// Microseconds since 1970 as a column.
private func timestamps(_ values: [Int64?]) -> Column {
  .fixedWidth(.timestamp(.microsecond, timeZone: nil), values)
}
