import Columnar
import Database
import DuckDB
import Engine
import Testing

/// The same query for other keys is planned once. Whatever changes meanwhile, it answers as any other.
@Suite(.timeLimit(.minutes(2))) struct `Look-ups by key` {
  private let test: TestDatabase
  private let session: Session
  private static let template = "SELECT * FROM kv WHERE id = "

  init() async throws {
    test = try TestDatabase()
    session = try test.database.openSession()
    try await session.run("CREATE TABLE kv(id BIGINT PRIMARY KEY, s VARCHAR UNIQUE)")
    try await session.run("INSERT INTO kv SELECT i, 'k' || i FROM range(10000) t(i)")
  }

  private var instance: DuckDBInstance { test.database.engine.instance }

  /// Sends queries until a look-up stands ready for them.
  private func warm(_ template: String = Self.template, _ key: String = "1") async throws {
    for _ in 0..<10_000 where instance.lookup(template, SessionSettings()) == nil {
      _ = try await session.rows(template + key)
      await test.database.engine.onWorker {}
    }
    _ = try #require(instance.lookup(template, SessionSettings()))
  }

  private func row(_ key: Int) async throws -> [[String]] {
    try await session.rows(Self.template + "\(key)")
  }

  @Test func `find the row of each key, and none where there is none`() async throws {
    try await warm()
    for key in [0, 1, 77, 9_999] { #expect(try await row(key) == [["\(key)", "k\(key)"]]) }
    #expect(try await row(10_000).isEmpty)
    let renamed = "SELECT x.s AS name FROM main.kv AS x WHERE x.id = "
    try await warm(renamed)
    let query = try await session.query(renamed + "5", .inside(nil))
    #expect(query.schema == Schema([Field("name", .utf8)]))
    #expect(try await session.rows(renamed + "6") == [["k6"]])
    let byText = "SELECT id FROM kv WHERE s = "
    try await warm(byText, "'k1'")
    #expect(try await session.rows(byText + "'k123'") == [["123"]])
    #expect(try await session.rows(byText + "'none'").isEmpty)
    await test.database.close()
  }

  @Test func `see what others have changed`() async throws {
    try await warm()
    try await session.run("DELETE FROM kv WHERE id = 5")
    try await session.run("UPDATE kv SET s = 'new' WHERE id = 6")
    try await session.run("INSERT INTO kv VALUES (20000, 'late')")
    #expect(try await row(5).isEmpty)
    #expect(try await row(6) == [["6", "new"]])
    #expect(try await row(20_000) == [["20000", "late"]])
    await test.database.close()
  }

  @Test func `follow the columns of the table`() async throws {
    try await warm()
    try await session.run("ALTER TABLE kv ADD COLUMN more INTEGER DEFAULT 3")
    #expect(instance.lookup(Self.template, SessionSettings()) == nil)
    #expect(try await row(5) == [["5", "k5", "3"]])
    try await warm()
    #expect(try await row(6) == [["6", "k6", "3"]])
    try await session.run("DROP TABLE kv")
    #expect(await code { _ = try await row(5) } == .invalidArgument)
    try await session.run(
      "CREATE TABLE kv AS SELECT 5 AS id, 'other' AS s UNION ALL SELECT 5, 'two'")
    #expect(try await row(5).count == 2)
    await test.database.close()
  }

  @Test func `are not used where the session sees another table`() async throws {
    try await warm()
    try await session.run("CREATE SCHEMA other")
    try await session.run("CREATE TABLE other.kv AS SELECT 5::BIGINT AS id, 'elsewhere' AS s")
    let second = try test.database.openSession()
    try await second.run("USE other")
    let third = try test.database.openSession()
    try await third.run("CREATE TEMP TABLE kv AS SELECT 5::BIGINT AS id, 'mine' AS s")
    for _ in 0..<3 {
      #expect(try await second.rows(Self.template + "5") == [["5", "elsewhere"]])
      #expect(try await third.rows(Self.template + "5") == [["5", "mine"]])
      #expect(try await row(5) == [["5", "k5"]])
    }
    await test.database.close()
  }

  @Test func `see the writes of their transaction, and of no other`() async throws {
    try await warm()
    let transaction = try session.beginTransaction(connectionID: 1)
    try await session.run("UPDATE kv SET s = 'own' WHERE id = 5", in: transaction)
    #expect(try await session.rows(Self.template + "5", in: transaction) == [["5", "own"]])
    #expect(try await row(5) == [["5", "k5"]])
    try await session.endTransaction(transaction, commits: false)
    #expect(try await row(5) == [["5", "k5"]])
    await test.database.close()
  }

  @Test func `take what was bound to a prepared statement`() async throws {
    try await warm(Self.template, "1")
    let prepared = try await session.prepare(Self.template + "?", .inside(nil))
    func rows(_ column: Column) async throws -> [String] {
      prepared.bind(
        Batch(schema: Schema(Field("1", column.type)), columns: [column], rowCount: column.count))
      let query = try await session.query(prepared, connectionID: 1)
      var found: [String] = []
      while let batch = try await query.pump.next() {
        for row in 0..<batch.rowCount { found.append(batch.columns[1].string(at: row) ?? "NULL") }
      }
      return found
    }
    for _ in 0..<3 {
      #expect(try await rows(.int64s([7])) == ["k7"])
      #expect(try await rows(.int32s([8])) == ["k8"])
      #expect(try await rows(.strings(["9"])) == ["k9"])
      #expect(try await rows(.int64s([nil])).isEmpty)
      #expect(try await rows(.int64s([1, 2])) == ["k1", "k2"])
    }
    await test.database.close()
  }

  @Test func `are made only for tables with such a key`() async throws {
    try await session.run("CREATE TABLE plain AS SELECT i AS id FROM range(10000) t(i)")
    try await session.run("CREATE VIEW v AS FROM kv")
    for name in ["plain", "v", "metrics"] {
      let template = "SELECT * FROM \(name) WHERE \(name == "metrics" ? "metric_id" : "id") = "
      for _ in 0..<5 {
        _ = try? await session.rows(template + (name == "metrics" ? "'a'" : "4"))
        await test.database.engine.onWorker {}
      }
      #expect(instance.lookup(template, SessionSettings()) == nil)
    }
    await test.database.close()
  }

  @Test func `are gone with the database that was opened again`() async throws {
    try await warm()
    test.breakEngine()
    #expect(await code { _ = try await row(5) } == .invalidArgument)
    try await session.run("CREATE TABLE kv AS SELECT 5::BIGINT AS id, 'again' AS s")
    #expect(try await row(5) == [["5", "again"]])
    await test.database.close()
  }
}
