import Columnar
import Database
import DuckDB
import Engine
import Log
import Testing

/// What a database finds when it is opened again over the same log.
struct StreamRestartTests {
  private func open(_ files: MemoryFolder) async throws -> (StreamingDatabase, SegmentLog) {
    let log = try testLog(files)
    let database = try StreamingDatabase(
      options: DatabaseOptions(), library: DuckDBLibrary.load(), allocator: HeapAllocator(),
      eventLog: log)
    try await database.recover()
    return (database, log)
  }

  @Test func `streams, their versions, rows and subscriptions are there again`() async throws {
    let files = MemoryFolder()
    var (database, log) = try await open(files)
    var session = try database.openSession()
    for sql in [
      "CREATE STREAM s (id BIGINT, v DOUBLE) WITH (retention = '7 days', durability = 'os')",
      "INSERT INTO s VALUES (1, 1.5)", "ALTER STREAM s ADD COLUMN name VARCHAR",
      "INSERT INTO s VALUES (2, 2.5, 'two')", "ALTER STREAM s RENAME COLUMN v TO value",
      "CREATE SUBSCRIPTION sub FROM s WITH (start = 'beginning')",
      "ACKNOWLEDGE sub UP TO 'hs1-2-0'", "CREATE STREAM gone (a INTEGER)", "DROP STREAM gone",
    ] {
      _ = try await session.update(sql, .inside(nil))
    }
    await database.close()
    log.close()
    (database, log) = try await open(files)
    session = try database.openSession()
    #expect(
      try await session.rows("SELECT id, value, name FROM s ORDER BY id")
        == [["1", "1.5", "NULL"], ["2", "2.5", "two"]])
    #expect(
      try await session.rows("SHOW STREAMS").map { [$0[0], $0[8], $0[9]] } == [
        ["metrics", "sync", "NULL"], ["s", "os", "7 days"],
      ])
    #expect(try await session.rows("SHOW SUBSCRIPTIONS").map { [$0[0], $0[3]] } == [["sub", "0"]])
    _ = try await session.update("INSERT INTO s (id) VALUES (3)", .inside(nil))
    #expect(try await session.rows("SELECT max(_offset) FROM s") == [["2"]])
    await database.close()
    log.close()
  }

  @Test func `a group that DuckDB has not committed is dropped at the start`() async throws {
    let files = MemoryFolder()
    var (database, log) = try await open(files)
    var session = try database.openSession()
    _ = try await session.update("CREATE STREAM s (id BIGINT)", .inside(nil))
    _ = try await session.update("INSERT INTO s VALUES (1)", .inside(nil))
    // What a crash between the prepare and DuckDB's commit leaves.
    let topic = try #require(log.topics.first { $0.state.name == "s" })
    let units = try #require(log.topic(topic.id)).units(in: .zero..<Offset(1), ScanFilter())
    let unit = try #require(units.first)
    let records = try log.topic(topic.id)?.read(unit)
    let record = try #require(records?.first)
    guard case .batch(let batch) = record else { return }
    let again = BatchRecord(context: batch.context, message: batch.message, rowCount: 1)
    _ = try await log.append(
      AppendGroup(
        [TopicWrite(topic.id, [.batch(again)])], preparation: PreparationID(high: 1, low: 2)))
    await database.close()
    log.close()
    (database, log) = try await open(files)
    session = try database.openSession()
    #expect(log.openPreparations.isEmpty)
    #expect(try await session.rows("SELECT count(*) FROM s") == [["1"]])
    await database.close()
    log.close()
  }
}
