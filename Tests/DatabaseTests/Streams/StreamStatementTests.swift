import Columnar
import Log
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@testable import Database

@Suite struct `Statements about streams` {
  @Test func `rows that were inserted are read in their order, by SELECT and by DuckDB`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a BIGINT NOT NULL, t VARCHAR)")
    #expect(try await session.run("INSERT INTO s VALUES (1, 'one'), (2, NULL)") == 2)
    #expect(
      try await session.run("INSERT INTO s (t, a) SELECT 'n' || i, i FROM range(3, 5) r(i)") == 2)
    let all = [["1", "one"], ["2", "NULL"], ["3", "n3"], ["4", "n4"]]
    #expect(try await session.rows("SELECT * FROM s") == all)
    #expect(try await session.rows("SELECT a, t FROM s ORDER BY a") == all)
    #expect(try await session.rows("SELECT * FROM s LIMIT 3") == Array(all.prefix(3)))
    #expect(
      try await session.rows("SELECT _offset, a FROM s WHERE _offset >= 2 ORDER BY 1")
        == [["2", "3"], ["3", "4"]])
    #expect(try await session.count("SELECT sum(a) FROM s") == 10)
  }

  @Test func `a stream is made once, and its name is not free for anything else`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER)")
    #expect(await session.failure("CREATE STREAM S (a INTEGER)")?.code == .alreadyExists)
    try await session.run("CREATE STREAM IF NOT EXISTS s (b DOUBLE)")
    #expect(try await session.rows("DESCRIBE s").map { $0[0] } == ["a"])
    try await session.run("CREATE TABLE t (i INTEGER)")
    try await session.run("CREATE VIEW v AS SELECT 1 AS one")
    #expect(await session.failure("CREATE STREAM t (a INTEGER)")?.code == .alreadyExists)
    #expect(await session.failure("CREATE STREAM v (a INTEGER)")?.code == .alreadyExists)
    #expect(try await session.rows("FROM v") == [["1"]])
    #expect(await session.failure("CREATE TABLE s (i INTEGER)") != nil)
    #expect(await session.failure("CREATE OR REPLACE VIEW s AS SELECT 1") != nil)
    try await session.run("INSERT INTO s VALUES (7)")
    #expect(try await session.rows("FROM s") == [["7"]])
    try await session.run("DROP STREAM s")
    #expect(await session.failure("DROP STREAM s")?.code == .notFound)
    try await session.run("DROP STREAM IF EXISTS s")
    #expect(await session.failure("SELECT * FROM s") != nil)
    try await session.run("CREATE STREAM s (x VARCHAR)")
    #expect(try await session.count("SELECT count(*) FROM s") == 0)
  }

  @Test func `a stream made from a query has its rows; one whose query fails is not there`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run(
      "CREATE STREAM s AS SELECT i AS n, i::DECIMAL(9,2) AS d FROM range(5) r(i)")
    #expect(try await session.count("SELECT count(*) FROM s") == 5)
    #expect(
      try await session.rows("SELECT column_type FROM (DESCRIBE SELECT * FROM s)").flatMap { $0 }
        == ["BIGINT", "DECIMAL(9,2)"])
    let failure = await session.failure(
      "CREATE STREAM broken AS SELECT CAST(x AS INTEGER) AS i FROM (VALUES ('1'), ('x')) v(x)")
    #expect(failure?.code == .invalidArgument)
    #expect(try await session.rows("SELECT 1 FROM (SHOW TABLES) WHERE name = 'broken'").isEmpty)
    #expect(await session.failure("SELECT * FROM broken") != nil)
  }

  @Test func `older rows are read under the columns of now`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER, f FLOAT)")
    try await session.run("INSERT INTO s VALUES (1, 1.5)")
    try await session.run("ALTER STREAM s ADD COLUMN t VARCHAR")
    try await session.run("INSERT INTO s VALUES (2, 2.5, 'two')")
    try await session.run("ALTER STREAM s ALTER COLUMN a SET DATA TYPE BIGINT")
    try await session.run("ALTER STREAM s RENAME COLUMN f TO g")
    try await session.run("INSERT INTO s (a, g, t) VALUES (3000000000, 3.5, 'three')")
    let all = [["1", "1.5", "NULL"], ["2", "2.5", "two"], ["3000000000", "3.5", "three"]]
    #expect(try await session.rows("SELECT * FROM s") == all)
    #expect(try await session.rows("SELECT a, g, t FROM s ORDER BY a") == all)
    // A column that has the name of one that was renamed is another column.
    try await session.run("ALTER STREAM s ADD COLUMN f VARCHAR")
    #expect(try await session.rows("SELECT f FROM s").flatMap { $0 } == ["NULL", "NULL", "NULL"])
    #expect(
      await session.failure("ALTER STREAM s ALTER COLUMN a SET DATA TYPE SMALLINT")?.code
        == .invalidArgument)
    #expect(
      await session.failure("ALTER STREAM s ADD COLUMN n INTEGER NOT NULL")?.code
        == .invalidArgument)
    try await server.restart()
    let after = try server.session
    #expect(try await after.rows("SELECT a, g, t FROM s ORDER BY a") == all)
  }

  @Test func `a stream that is renamed keeps its rows and harms nothing under the new name`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER) WITH (on_error = 'dead_letter')")
    try await session.run("INSERT INTO s VALUES (1)")
    try await session.run("CREATE VIEW v AS SELECT 5 AS five")
    try await session.run("CREATE TABLE t AS SELECT 6 AS six")
    #expect(await session.failure("ALTER STREAM s RENAME TO v")?.code == .alreadyExists)
    #expect(await session.failure("ALTER STREAM s RENAME TO t")?.code == .alreadyExists)
    #expect(try await session.rows("FROM v") == [["5"]])
    #expect(try await session.rows("FROM t") == [["6"]])
    #expect(try await session.rows("SELECT a FROM s") == [["1"]])
    try await session.run("ALTER STREAM s RENAME TO u")
    #expect(try await session.rows("SELECT a FROM u") == [["1"]])
    #expect(await session.failure("SELECT a FROM s") != nil)
    try await session.put([batch([("a", .strings(["2", "x"]))])], to: "u")
    #expect(try await session.rows("SELECT a FROM u ORDER BY a") == [["1"], ["2"]])
    #expect(try await session.count("SELECT count(*) FROM u.dead_letter") == 1)
    try await server.restart()
    #expect(try await server.session.rows("SELECT a FROM u ORDER BY a") == [["1"], ["2"]])
    #expect(try await server.session.count("SELECT count(*) FROM u.dead_letter") == 1)
  }

  @Test func `streams and their rows are there after a restart, dropped ones are not`() async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run(
      "CREATE STREAM s (a INTEGER DEFAULT 4, ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) "
        + "WITH (retention = '7 days', durability = 'os')")
    try await session.run("CREATE STREAM gone (a INTEGER)")
    try await session.run("INSERT INTO s (ts) VALUES ('2026-01-01 00:00:00')")
    try await session.run("DROP STREAM gone")
    let text = try await session.rows("SHOW CREATE STREAM s")
    try await server.restart()
    let after = try server.session
    #expect(try await after.rows("SHOW CREATE STREAM s") == text)
    #expect(try await after.rows("SHOW STREAMS").map { $0[0] } == ["metrics", "s"])
    #expect(try await after.rows("SELECT a FROM s") == [["4"]])
    #expect(await after.failure("SELECT * FROM gone") != nil)
    // What SHOW CREATE STREAM says makes the same stream again.
    try await after.run("DROP STREAM s")
    let statement = try #require(text.first?.last)
    try await after.run(statement)
    #expect(try await after.rows("SHOW CREATE STREAM s") == text)
  }

  @Test func `rows of a stream are not changed by UPDATE, DELETE or TRUNCATE`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER)")
    try await session.run("INSERT INTO s VALUES (1)")
    for sql in ["UPDATE s SET a = 2", "DELETE FROM s", "TRUNCATE s", "DROP VIEW s", "DROP TABLE s"]
    {
      let failure = await session.failure(sql)
      #expect(failure?.code == .invalidArgument, "\(sql)")
      #expect(failure?.message.contains("stream") == true, "\(sql): \(failure?.message ?? "")")
    }
    #expect(try await session.rows("FROM s") == [["1"]])
  }

  @Test func `a mistake is told by name`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER NOT NULL)")
    func message(_ sql: String) async -> String {
      await session.failure(sql)?.message ?? "no error"
    }
    #expect(await message("INSERT INTO s (b) VALUES (1)").contains("'b'"))
    #expect(await message("INSERT INTO s VALUES (NULL)").contains("'a'"))
    #expect(await message("CREATE STREAM x (a INTEGER, A INTEGER)").contains("two columns"))
    #expect(await message("CREATE STREAM x (a NOSUCHTYPE)").contains("NOSUCHTYPE"))
    #expect(await message("CREATE STREAM x (a INTEGER) WITH (colour = 'red')").contains("colour"))
    #expect(
      await message("CREATE STREAM x (a INTEGER) WITH (retention = 'soon')").contains("retention"))
    #expect(
      await message("CREATE STREAM x (a INTEGER, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)")
        .contains("ts"))
    #expect(
      await message("CREATE STREAM x (a VARCHAR, WATERMARK FOR a AS a - INTERVAL '5' SECOND)")
        .contains("a"))
    #expect(await message("ALTER STREAM nosuch ADD COLUMN b INTEGER").contains("nosuch"))
    #expect(try await session.count("SELECT count(*) FROM s") == 0)
  }

  @Test func `DEFAULT stands for the default of its column`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER DEFAULT 40 + 2, b VARCHAR)")
    try await session.run("INSERT INTO s VALUES (DEFAULT, 'x')")
    try await session.run("INSERT INTO s (b, a) VALUES ('y', DEFAULT), (DEFAULT, 1)")
    try await session.run("INSERT INTO s DEFAULT VALUES")
    #expect(
      try await session.rows("FROM s")
        == [["42", "x"], ["42", "y"], ["1", "NULL"], ["42", "NULL"]])
  }

  @Test func `RETURNING answers with the rows that were stored`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    try await session.run("CREATE STREAM s (a INTEGER, b VARCHAR DEFAULT 'd')")
    #expect(
      try await session.rows("INSERT INTO s (a) VALUES (1), (2) RETURNING a + 1 AS n, b")
        == [["2", "d"], ["3", "d"]])
    #expect(try await session.rows("INSERT INTO s (a) VALUES (3) RETURNING *") == [["3", "d"]])
    #expect(try await session.count("SELECT count(*) FROM s") == 3)
  }

  @Test func `a stream is no way around what statements may not reach`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    for query in ["FROM __hyprstream_live(0)", "SELECT * FROM read_text('/etc/hostname')"] {
      let plain = await session.failure(query)
      let made = await session.failure("CREATE STREAM x AS \(query)")
      #expect(made != nil, "\(query)")
      #expect(made?.code == plain?.code, "\(query): \(made?.message ?? "")")
      #expect(await session.failure("\(query) EMIT CHANGES") != nil, "\(query)")
    }
  }

  @Test func `a stream lives in a schema that is there, and the schema stays while it does`()
    async throws
  {
    let server = try await StreamDatabase()
    let session = try server.session
    #expect(await session.failure("CREATE STREAM elsewhere.s (a INTEGER)") != nil)
    #expect(try await session.rows("SHOW STREAMS").map { $0[0] } == ["metrics"])
    try await session.run("CREATE SCHEMA elsewhere")
    try await session.run("CREATE STREAM elsewhere.s (a INTEGER)")
    try await session.run("INSERT INTO elsewhere.s VALUES (1)")
    #expect(await session.failure("DROP SCHEMA elsewhere CASCADE") != nil)
    #expect(try await session.rows("SELECT a FROM elsewhere.s") == [["1"]])
    try await server.restart()
    let after = try server.session
    #expect(try await after.rows("SELECT a FROM elsewhere.s") == [["1"]])
    try await after.run("DROP STREAM elsewhere.s")
    try await after.run("DROP SCHEMA elsewhere")
  }

  @Test func `streams are there when the engine was opened again`() async throws {
    let test = try TestDatabase()
    let session = try test.database.openSession()
    try await session.run("CREATE STREAM s (a INTEGER)")
    try await session.run("INSERT INTO s VALUES (1)")
    test.breakEngine()
    let after = try test.database.openSession()
    #expect(try await after.rows("SELECT a, _offset FROM s") == [["1", "0"]])
    try await after.run("INSERT INTO s VALUES (2)")
    #expect(try await after.count("SELECT sum(a) FROM s") == 3)
  }

  @Test func `relations that DuckDB's file kept are those of the streams of now`() async throws {
    let path = "/tmp/hyprstream-streams-\(UInt64.random(in: 0 ... .max)).db"
    defer { for end in ["", ".wal"] { unlink(path + end) } }
    let server = try await StreamDatabase(path: path)
    let session = try server.session
    try await session.run("CREATE STREAM one (a INTEGER)")
    try await session.run("CREATE STREAM two (b INTEGER)")
    try await session.run("CREATE STREAM three (c INTEGER)")
    try await session.run("INSERT INTO one VALUES (1)")
    try await session.run("INSERT INTO two VALUES (2)")
    try await session.run("CREATE VIEW over AS SELECT a + 1 AS n FROM one")
    // Names that go round, a column more, a stream less.
    try await session.run("ALTER STREAM one RENAME TO other")
    try await session.run("ALTER STREAM two RENAME TO one")
    try await session.run("ALTER STREAM other RENAME TO two")
    try await session.run("ALTER STREAM one ADD COLUMN d VARCHAR DEFAULT 'x'")
    try await session.run("DROP STREAM three")
    for _ in 0..<2 {
      try await server.restart()
      let after = try server.session
      #expect(try await after.rows("SELECT b, d FROM one") == [["2", "NULL"]])
      #expect(try await after.rows("SELECT a, _offset FROM two") == [["1", "0"]])
      #expect(try await after.rows("SELECT name FROM (SHOW TABLES) WHERE name = 'three'").isEmpty)
      #expect(await after.failure("FROM three") != nil)
    }
  }

  @Test func `hidden columns are there under every name of a stream`() async throws {
    let server = try await StreamDatabase()
    let session = try server.session
    for sql in [
      "CREATE STREAM s (a BIGINT)", "INSERT INTO s VALUES (5)", "CREATE SCHEMA e",
      "CREATE STREAM e.x (a BIGINT)", "INSERT INTO e.x VALUES (6)",
      "CREATE TABLE kept AS SELECT a, _offset AS o FROM s",
      "CREATE STREAM copied AS SELECT a, _offset AS o FROM e.x",
    ] {
      try await session.run(sql)
    }
    for (sql, rows) in [
      ("SELECT a, _offset FROM main.s", [["5", "0"]]),
      ("SELECT s.a, s._offset FROM memory.main.s", [["5", "0"]]),
      ("SELECT x.a, x._offset FROM e.x", [["6", "0"]]),
      ("SELECT s._offset, x.a, k.o FROM s, e.x JOIN kept k ON true", [["0", "6", "0"]]),
      ("WITH s AS (SELECT 9 AS _offset) SELECT * FROM s", [["9"]]),
      ("SELECT a FROM s WHERE _offset IS NOT DISTINCT FROM 0", [["5"]]),
      ("SELECT * FROM kept", [["5", "0"]]), ("SELECT * FROM copied", [["6", "0"]]),
      ("SELECT * FROM s", [["5"]]),
    ] {
      #expect(try await session.rows(sql) == rows, "\(sql)")
    }
  }
}
