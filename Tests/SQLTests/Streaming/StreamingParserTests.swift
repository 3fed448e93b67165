import SQL
import TestSupport
import Testing

struct StreamingParserTests {
  private func parse(_ sql: String) throws -> StreamStatement? {
    try StreamingParser.parse(try StatementText.single(sql))
  }

  @Test func `a stream with columns, a watermark and options`() throws {
    let statement = try parse(
      """
      CREATE STREAM IF NOT EXISTS main.s (
        id BIGINT NOT NULL, "at" TIMESTAMP WITH TIME ZONE, price DECIMAL(10, 2) DEFAULT 1 + (2),
        tags STRUCT(a INT, b TEXT)[], WATERMARK FOR "at" AS "at" - INTERVAL '5' SECOND)
      WITH (retention = '7 days', durability = os, "on_error" = "dead_letter", tier_after = INTERVAL '1' DAY)
      """)
    guard case .createStream(let create) = statement else {
      Issue.record("not read as CREATE STREAM")
      return
    }
    #expect(create.name == QualifiedName("main", "s"))
    #expect(create.isIfNotExists)
    #expect(create.columns.map(\.name) == ["id", "at", "price", "tags"])
    #expect(
      create.columns.map(\.type) == [
        "BIGINT", "TIMESTAMP WITH TIME ZONE", "DECIMAL(10, 2)", "STRUCT(a INT, b TEXT)[]",
      ])
    #expect(create.columns.map(\.isNullable) == [false, true, true, true])
    #expect(create.columns[2].defaultExpression == "1 + (2)")
    #expect(create.watermark == StreamWatermark(column: "at", delayMicroseconds: 5_000_000))
    #expect(create.options.map(\.name) == ["retention", "durability", "on_error", "tier_after"])
    #expect(create.options.map(\.value) == ["7 days", "os", "dead_letter", "86400000000 us"])
  }

  @Test func `EMIT CHANGES is taken off a query, wherever it could be a name`() throws {
    #expect(
      try parse("SELECT * FROM demo WHERE humidity > 70 EMIT CHANGES")
        == .emitChanges(EmitChanges(query: "SELECT * FROM demo WHERE humidity > 70")))
    #expect(
      try parse("select 'x emit changes' from s emit changes from offset 12")
        == .emitChanges(EmitChanges(query: "select 'x emit changes' from s", start: .offset(12))))
    #expect(
      try parse("FROM s EMIT CHANGES FROM TIMESTAMP '2026-01-01'")
        == .emitChanges(EmitChanges(query: "FROM s", start: .timestamp("TIMESTAMP '2026-01-01'"))))
    #expect(try parse("SELECT emit FROM t") == nil)
    #expect(try parse("SELECT a AS emit, changes FROM t") == nil)
    #expect(try parse("SELECT (SELECT 1 emit) FROM t") == nil)
    #expect(throws: SQLError.self) { try parse("SELECT * FROM s EMIT ON WINDOW CLOSE") }
  }

  @Test(arguments: [
    ("DROP STREAM IF EXISTS s", StreamStatement.dropStream(QualifiedName("s"), isIfExists: true)),
    ("drop stream s if exists", .dropStream(QualifiedName("s"), isIfExists: true)),
    ("ALTER STREAM s RENAME a TO b", .alterStream(QualifiedName("s"), .renameColumn("a", to: "b"))),
    ("ALTER STREAM s RENAME TO t", .alterStream(QualifiedName("s"), .rename(to: "t"))),
    (
      "ALTER STREAM s ALTER COLUMN a SET DATA TYPE DOUBLE",
      .alterStream(QualifiedName("s"), .setType(column: "a", type: "DOUBLE"))
    ),
    ("SHOW STREAMS", .showStreams), ("show queries", .showQueries),
    ("terminate query all", .terminateQuery(id: nil)),
    ("TERMINATE QUERY 12", .terminateQuery(id: "12")),
    ("PAUSE QUERY q1", .pauseQuery(id: "q1")),
    ("SUBSCRIBE TO s SINCE 'abc'", .subscribe(Subscribe(name: QualifiedName("s"), since: "abc"))),
    ("SUBSCRIBE (SELECT a FROM s)", .subscribe(Subscribe(query: "SELECT a FROM s"))),
    ("ACKNOWLEDGE n UP TO 'abc'", .acknowledge(subscription: "n", token: "abc")),
    (
      "DROP STREAM s CASCADE",
      .dropStream(QualifiedName("s"), isIfExists: false, isCascading: true)
    ),
    ("DROP STREAM s RESTRICT", .dropStream(QualifiedName("s"), isIfExists: false)),
    ("PAUSE QUERY ALL", .pauseQuery(id: nil)), ("resume query all", .resumeQuery(id: nil)),
    (
      "DECLARE c SUBSCRIPTION CURSOR FOR main.s SINCE 'hs1-1-0'",
      .declareCursor(
        DeclareCursor(name: "c", source: QualifiedName("main", "s"), start: .token("hs1-1-0")))
    ),
    (
      "DECLARE c SUBSCRIPTION CURSOR FOR s SINCE 1700000000000",
      .declareCursor(
        DeclareCursor(
          name: "c", source: QualifiedName("s"),
          start: .timestamp("make_timestamptz(1700000000000000)")))
    ),
    (
      "FETCH 7 FROM c WITH (timeout = '1s')",
      .fetch(FetchCursor(name: "c", rowCount: 7, timeoutMicroseconds: 1_000_000))
    ),
    ("FETCH NEXT FROM c", .fetch(FetchCursor(name: "c", rowCount: 1))),
    ("CLOSE c", .closeCursor(name: "c")), ("CLOSE ALL", .closeCursor(name: nil)),
    (
      "WITH x AS (SELECT 1) INSERT INTO t (a, b) SELECT * FROM s EMIT CHANGES FROM NOW",
      .insertContinuously(
        ContinuousInsert(
          target: QualifiedName("t"), columns: ["a", "b"], isByName: false,
          query: "WITH x AS (SELECT 1) SELECT * FROM s", start: .now))
    ),
  ])
  func `statements of the dialect`(sql: String, expected: StreamStatement) throws {
    #expect(try parse(sql) == expected)
  }

  @Test(arguments: [
    "SELECT 1", "CREATE TABLE stream (a INT)", "DROP TABLE s", "SHOW TABLES", "DESCRIBE s",
    "ALTER TABLE stream ADD COLUMN a INT", "SHOW stream", "CREATE TABLE t AS SELECT 1",
  ])
  func `what is DuckDB's stays DuckDB's`(sql: String) throws {
    #expect(try parse(sql) == nil)
  }

  @Test(arguments: [
    ("CREATE STREAM", "a name"), ("CREATE STREAM s (a)", "the type of column 'a'"),
    ("CREATE STREAM s (a INT PRIMARY KEY)", "NOT NULL and DEFAULT"),
    ("CREATE STREAM s (a INT, WATERMARK FOR b AS b)", "no column"),
    ("CREATE STREAM s WITH (a)", "= after the option"), ("DROP STREAM s x", "the end"),
    ("CREATE OR REPLACE STREAM s (a INT)", "cannot be replaced"),
    ("SELECT 1 FROM s EMIT CHANGES FROM x", "BEGINNING"),
    ("INSERT INTO t VALUES (1) EMIT CHANGES", "takes a SELECT"),
    ("FETCH 0 FROM c", "from 1 on"), ("DECLARE c CURSOR FOR s", "SUBSCRIPTION CURSOR"),
  ])
  func `mistakes are told with what was expected`(sql: String, part: String) throws {
    let error = #expect(throws: SQLError.self) { try parse(sql) }
    #expect(error.map { "\($0)".contains(part) } == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    ("SELECT a FROM s", "SELECT a FROM s", false, EmitStart?.none, [String]()),
    ("SELECT a FROM s EMIT CHANGES", "SELECT a FROM s", true, nil, []),
    (
      "SELECT a FROM s WHERE b IN (1) EMIT CHANGES FROM OFFSET 5 WITH (start = now)",
      "SELECT a FROM s WHERE b IN (1)", true, .offset(5), ["start"]
    ),
    ("SELECT a FROM s WITH (x = 1, y = 'z')", "SELECT a FROM s", false, nil, ["x", "y"]),
    ("SELECT a FROM s WHERE b IN (1)", "SELECT a FROM s WHERE b IN (1)", false, nil, []),
    ("(SELECT a FROM s)", "(SELECT a FROM s)", false, nil, []),
  ])
  func `the query of a stream ends before EMIT CHANGES and options`(
    text: String, query: String, emitsChanges: Bool, start: EmitStart?, options: [String]
  ) throws {
    guard case .createStream(let create) = try parse("CREATE STREAM t AS \(text)") else {
      Issue.record("not read as CREATE STREAM")
      return
    }
    #expect(create.query == query)
    #expect(create.emitsChanges == emitsChanges)
    #expect(create.start == start)
    #expect(create.options.map(\.name) == options)
  }

  @Test func `no sequence of words traps`() throws {
    var random = SeededRandom(seed: 12)
    print("seed 12")
    let words = [
      "CREATE", "STREAM", "s", "(", ")", ",", "a", "INT", "WITH", "=", "'x'", "AS", "SELECT",
      "EMIT",
      "CHANGES", "FROM", "WATERMARK", "FOR", "-", "INTERVAL", "5", "SUBSCRIBE", "ALTER", "\"q\"",
      ".", "DECLARE", "FETCH", "CLOSE", "INSERT", "INTO", "SINCE", "CURSOR", "SUBSCRIPTION",
    ]
    for _ in 0..<5_000 {
      let count = Int.random(in: 1...12, using: &random)
      let sql = (0..<count).map { _ in words.randomElement(using: &random) ?? "" }
        .joined(separator: " ")
      _ = try? parse(sql)
    }
  }

  @Test func `durations and sizes`() {
    #expect(DurationText.microseconds("1h 30m") == 5_400_000_000)
    #expect(DurationText.microseconds("7 days") == 604_800_000_000)
    #expect(DurationText.microseconds("x") == nil)
    #expect(DurationText.microseconds("99999999999999 weeks") == nil)
    #expect(DurationText.byteCount("1 GB") == 1_000_000_000)
    #expect(DurationText.byteCount("2MiB") == 2 << 20)
    #expect(DurationText.byteCount("9223372036854775807 TB") == nil)
  }
}
