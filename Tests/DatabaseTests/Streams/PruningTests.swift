import Columnar
import DuckDB
import Engine
import Log
import Synchronization
import TestSupport
import Testing

@testable import Database

/// Statements that want a part of a stream read that part only, and answer as if they had read all of it.
@Suite struct `Parts of streams` {
  private func database(_ log: any LogStore) async throws -> StreamingDatabase {
    let database = try StreamingDatabase(
      options: DatabaseOptions(), library: DuckDBLibrary.load(), allocator: HeapAllocator(),
      eventLog: log)
    try await database.recover()
    return database
  }

  /// Ten minutes of event time with two batches of 2,048 rows each, too large to share a unit.
  private func fill(_ session: Session) async throws {
    try await session.run(
      "CREATE STREAM s (t TIMESTAMPTZ, v BIGINT, WATERMARK FOR t AS t - INTERVAL '5' SECOND)")
    for minute in 0..<10 {
      try await session.run(
        "INSERT INTO s SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_minutes(\(minute)) "
          + "+ to_milliseconds(r * 10), \(minute * 4_096) + r FROM range(4096) t(r)")
    }
  }

  @Test(
    arguments: [
      ("_offset = 20555", 1), ("_offset >= 36864", 2), ("_offset < 12288", 6),
      ("_offset BETWEEN 4100 AND 12300", 5),
      ("_offset > 50000", 0), ("t >= '2026-01-01 00:08:00+00'", 4),
      ("t < TIMESTAMPTZ '2026-01-01 00:00:50+00'", 2),
      ("t >= now()", 0), ("_ingest_time > now() + INTERVAL '1 hour'", 0), ("v = 5", 20),
      ("_offset = 5 OR v = 7", 20),
      ("_ingest_time < TIMESTAMPTZ '2020-01-01'", 0),
      ("t = '2026-01-01 00:03:30+00' AND _offset > 5000", 1),
      ("_offset >= 12288 AND (_offset < 16384 AND v > 0)", 2), ("t > 'infinity'", 20),
    ] as [(String, Int)])
  func `only the units that can hold the rows are read`(condition: String, units: Int) async throws
  {
    let log = CountingLog(try testLog())
    let database = try await database(log)
    let session = try database.openSession()
    try await fill(session)
    log.begin()
    let query = "SELECT count(*), sum(v) FROM s WHERE"
    let found = try await session.rows("\(query) \(condition)")
    #expect(log.count == units)
    #expect(try await session.rows("\(query) (\(condition)) OR false") == found)
    await database.close()
  }

  @Test func `random conditions find what the whole stream holds`() async throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of random conditions: \(seed)")
    var random = SeededRandom(seed: seed)
    let database = try await database(try testLog())
    let session = try database.openSession()
    try await fill(session)
    try await session.run(
      "CREATE TABLE k AS SELECT r AS v, r % 7 AS w FROM range(0, 50000, 30) t(r)")
    func time() -> String {
      let second = Int.random(in: -60...660, using: &random)
      return "TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL '\(second) seconds'"
    }
    for _ in 0..<120 {
      let conditions = (0..<Int.random(in: 1...3, using: &random)).map { _ in
        let sign = ["=", "<", "<=", ">", ">=", "<>"].randomElement(using: &random) ?? "="
        let number = Int.random(in: -500...41_500, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return "s._offset \(sign) \(number)"
        case 1: return "\(number) \(sign) s._offset"
        case 2: return "s.t \(sign) \(time())"
        case 3: return "s.t BETWEEN \(time()) AND \(time())"
        default: return "s.v \(sign) \(number)"
        }
      }
      let condition = conditions.joined(
        separator: Int.random(in: 0..<5, using: &random) == 0 ? " OR " : " AND ")
      let source =
        [
          "s", "s JOIN k USING (v)", "k LEFT JOIN s USING (v)", "k RIGHT JOIN s ON k.v = s.v",
          "s FULL JOIN k ON k.v = s.v",
        ].randomElement(using: &random) ?? "s"
      let query = "SELECT count(*), sum(s.v), min(s._offset), max(s.t) FROM \(source) WHERE"
      #expect(
        try await session.rows("\(query) \(condition)")
          == session.rows("\(query) (\(condition)) OR false"), "\(source) \(condition)")
    }
    await database.close()
  }

  @Test func `another column of event time leaves nothing out`() async throws {
    let database = try await database(try testLog())
    let session = try database.openSession()
    try await session.run(
      "CREATE STREAM s (a TIMESTAMPTZ, b TIMESTAMPTZ, WATERMARK FOR a AS a)")
    try await session.run("INSERT INTO s VALUES ('2026-01-01', '2030-01-01')")
    try await session.run("ALTER STREAM s SET WATERMARK FOR b AS b")
    try await session.run("INSERT INTO s VALUES ('2026-01-01', '2030-01-02')")
    #expect(try await session.count("SELECT count(*) FROM s WHERE b >= '2029-01-01'") == 2)
    #expect(try await session.count("SELECT count(*) FROM s WHERE a <= '2029-01-01'") == 2)
    #expect(!(try await session.rows("SHOW CREATE STREAM s"))[0][1].contains("__"))
    await database.close()
  }

  @Test func `a relation that hides a stream is read instead of it`() async throws {
    let database = try await database(try testLog())
    let session = try database.openSession()
    try await fill(session)
    let query = "SELECT count(*) FROM s WHERE t >= '2026-01-01 00:08:00+00'"
    #expect(try await session.count(query) == 8_192)
    try await session.run("CREATE SCHEMA other")
    try await session.run("CREATE TABLE other.s AS SELECT TIMESTAMPTZ '2027-01-01' AS t")
    try await session.run("USE other")
    #expect(try await session.count(query) == 1)
    try await session.run("USE main")
    try await session.run("CREATE TEMPORARY TABLE s AS SELECT TIMESTAMPTZ '2027-01-01' AS t")
    #expect(try await session.count(query) == 1)
    await database.close()
  }

  @Test func `columns go by the names that the statement uses, and errors speak of the statement`()
    async throws
  {
    let database = try await database(try testLog())
    let session = try database.openSession()
    try await fill(session)
    #expect(
      try await session.rows("SELECT main.s.v FROM main.s WHERE main.s._offset = 3") == [["3"]])
    #expect(try await session.rows("SELECT s.v FROM main.s WHERE s._offset = 3") == [["3"]])
    #expect(try await session.rows("SELECT x.v FROM main.s x WHERE x._offset = 3") == [["3"]])
    #expect(
      try await session.rows(
        "SELECT (SELECT max(v) FROM s WHERE _offset < 5) AS a, count(*) FROM s AS s WHERE s._offset <= 6"
      )
        == [["4", "7"]])
    let failure = try #require(await session.failure("SELECT nope FROM s WHERE t >= '2026-01-01'"))
    #expect(!failure.message.contains("__hyprstream"))
    try await session.run(
      "CREATE VIEW places AS SELECT _offset AS o, v FROM s WHERE _offset >= 40950")
    try await session.run("ALTER STREAM s ADD COLUMN more VARCHAR")
    #expect(try await session.count("SELECT count(*) FROM places") == 10)
    await database.close()
  }
}

/// A log that counts the units that are read.
private final class CountingLog: LogStore {
  private let log: any LogStore
  private let reads = Counter()

  final class Counter: Sendable {
    private let value = Mutex<Int?>(nil)
    func begin() { value.withLock { $0 = 0 } }
    func add() { value.withLock { $0 = $0.map { $0 + 1 } } }
    var count: Int { value.withLock { $0 ?? 0 } }
  }

  init(_ log: any LogStore) { self.log = log }

  func begin() { reads.begin() }
  var count: Int { reads.count }

  func createTopic(named name: String, settings: TopicSettings) throws(LogError) -> TopicID {
    try log.createTopic(named: name, settings: settings)
  }
  func removeTopic(_ id: TopicID) throws(LogError) { try log.removeTopic(id) }
  func topic(_ id: TopicID) -> (any Topic)? { log.topic(id).map { CountingTopic($0, reads) } }
  var openPreparations: [PreparationID] { log.openPreparations }
  func submit(
    _ group: AppendGroup,
    _ completion: @escaping @Sendable (Result<AppendOutcome, LogError>) -> Void
  ) { log.submit(group, completion) }
  func resolve(
    _ preparation: PreparationID, commits: Bool
  ) async throws(LogError) -> AppendOutcome {
    try await log.resolve(preparation, commits: commits)
  }
}

private final class CountingTopic: Topic {
  private let topic: any Topic
  private let reads: CountingLog.Counter

  init(_ topic: any Topic, _ reads: CountingLog.Counter) {
    self.topic = topic
    self.reads = reads
  }

  var state: TopicState { topic.state }
  func apply(_ settings: TopicSettings) throws(LogError) { try topic.apply(settings) }
  func units(in offsets: Range<Offset>, _ filter: ScanFilter) throws(LogError) -> [ScanUnit] {
    try topic.units(in: offsets, filter)
  }
  func read(_ unit: ScanUnit) throws(LogError) -> [StoredRecord] {
    reads.add()
    return try topic.read(unit)
  }
  func watch(_ onAppend: @escaping @Sendable (TopicState) -> Void) -> TopicWatch {
    topic.watch(onAppend)
  }
  func hold(_ offset: Offset?, for reader: String) { topic.hold(offset, for: reader) }
}
