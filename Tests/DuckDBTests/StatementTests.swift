import Columnar
import DuckDB
import Synchronization
import Testing

@Suite struct `Statements` {
  static let mistakes: [(sql: String, kind: DuckDBError.Kind, position: Int?)] = [
    ("SELEC 1", .parser, 0), ("SELECT\n  nope FROM range(3)", .binder, 9),
    ("SELECT * FROM missing", .catalog, 14), ("SELECT 'ü', nope", .binder, 13),
    ("SELECT 1; SELECT nope", .binder, 17), ("SELECT 'x'::INTEGER", .conversion, 10),
    ("SET threads = 'x'", .invalidInput, nil), ("SELECT * FROM read_csv('/none.csv')", .io, nil),
    ("SELECT error('oh')", .invalidInput, nil),
  ]

  @Test(arguments: mistakes)
  func `a mistake has a kind and a position`(
    sql: String, kind: DuckDBError.Kind, position: Int?
  ) throws {
    let connection = try memoryDatabase().connect()
    let error = #expect(throws: DuckDBError.self) {
      let statements = try connection.extract(sql)
      for index in 0..<statements.count {
        let result = try statements.prepare(index).execute()
        while try result.next() != nil {}
      }
    }
    #expect(error?.kind == kind, "\(error?.message ?? "")")
    if let position { #expect(error?.position == position, "\(error?.message ?? "")") }
    #expect(error?.sql == sql)
    #expect(connection.database.isInvalidated == false)
  }

  @Test func `a mistake far to the right of a long line has its position`() throws {
    let connection = try memoryDatabase().connect()
    let sql = "SELECT " + (0..<60).map { "\($0) AS c\($0)" }.joined(separator: ", ") + ", nope"
    let error = #expect(throws: DuckDBError.self) { try connection.prepare(sql) }
    #expect(error?.position == sql.utf8.count - 4)
  }

  @Test func `a broken constraint is one`() throws {
    let connection = try memoryDatabase().connect()
    try connection.execute("CREATE TABLE t (i INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
    let error = #expect(throws: DuckDBError.self) {
      try connection.execute("INSERT INTO t VALUES (1)")
    }
    #expect(error?.kind == .constraint)
  }

  @Test func `changing the same row twice is a conflict`() throws {
    let database = try memoryDatabase()
    let (one, other) = (try database.connect(), try database.connect())
    try one.execute("CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)")
    try one.execute("BEGIN; UPDATE t SET i = 2")
    #expect(one.isInTransaction)
    let error = #expect(throws: DuckDBError.self) { try other.execute("UPDATE t SET i = 3") }
    #expect(error?.kind == .transactionConflict)
    try one.execute("COMMIT")
    #expect(!one.isInTransaction)
  }

  @Test func `transactions are tracked through comments, names and other statements`() throws {
    let connection = try memoryDatabase().connect()
    try connection.execute("-- BEGIN; \n SELECT ';COMMIT' ; /* x */ begin transaction")
    #expect(connection.isInTransaction)
    _ = try? connection.execute("SELECT nope")
    #expect(connection.isInTransaction)
    try connection.execute("/* a */ ROLLBACK")
    #expect(!connection.isInTransaction)
    #expect(throws: DuckDBError.self) { try connection.execute("COMMIT") }
    #expect(!connection.isInTransaction)
  }

  @Test(
    arguments: [
      ("SELECT 1", .select), ("INSERT INTO t VALUES (1)", .insert), ("UPDATE t SET i = 1", .update),
      ("DELETE FROM t", .delete), ("CREATE TABLE u (i INTEGER)", .create), ("DROP TABLE t", .drop),
      ("BEGIN", .transaction), ("SET TimeZone = 'UTC'", .set), ("EXPLAIN SELECT 1", .explain),
      ("ALTER TABLE t ADD COLUMN j INTEGER", .alter), ("PRAGMA database_list", .select),
      ("COPY t TO '/dev/null'", .copy), ("ATTACH ':memory:' AS m", .attach),
      ("CHECKPOINT", .call), ("FROM t", .select), ("USE memory", .set),
    ] as [(String, StatementType)])
  func `statements are told apart`(sql: String, type: StatementType) throws {
    let connection = try memoryDatabase().connect()
    try connection.execute("CREATE TABLE t (i INTEGER)")
    #expect(try connection.extract(sql).prepare(0).statementType == type)
  }

  @Test func `parameters have names, types and unresolved results`() throws {
    let connection = try memoryDatabase().connect()
    try connection.execute("CREATE TABLE t (i BIGINT, s VARCHAR, z TIMESTAMPTZ)")
    let some = try connection.prepare("SELECT * FROM t WHERE i = ? AND s = ?")
    #expect(some.parameters.map(\.name) == ["1", "2"])
    #expect(some.parameters.map(\.type) == [.int64, .utf8])
    #expect(try some.resultSchema.fields.map(\.name) == ["i", "s", "z"])
    let named = try connection.prepare("SELECT i FROM t WHERE i > $low")
    #expect(named.parameters.map(\.name) == ["$low"])
    let open = try connection.prepare("SELECT ? AS x, 1::BIGINT AS y")
    #expect(open.parameters.map(\.type) == [nil])
    let fields = try open.resultSchema.fields
    #expect(fields.map(\.name) == ["x", "y"])
    try open.bind(1, to: Column(utf8: ["now known"]), row: 0)
    let batch = try #require(try open.execute().next())
    #expect(batch.schema.fields[0].type == .utf8)
    #expect(strings(batch.columns[0]) == ["now known"])
  }

  @Test func `a kept statement follows a change of its table`() throws {
    let connection = try memoryDatabase().connect()
    try connection.execute("CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)")
    let statement = try connection.prepare("SELECT * FROM t")
    #expect(try statement.execute().next()?.columns.count == 1)
    try connection.execute("ALTER TABLE t ADD COLUMN j VARCHAR DEFAULT 'x'")
    let batch = try #require(try statement.execute().next())
    #expect(batch.schema.fields.map(\.name) == ["i", "j"])
  }

  @Test func `an interrupt from another thread ends a statement, and the connection works on`()
    async throws
  {
    let connection = try memoryDatabase(["threads": "2"]).connect()
    let done = Flag()
    let interrupter = Task.detached {
      while !done.isSet.load(ordering: .relaxed) {
        connection.interrupt()
        await Task.yield()
      }
    }
    do {
      let error = #expect(throws: DuckDBError.self) {
        try connection.batches(
          "SELECT count(*) FROM range(10000000000) a(i), range(1000000) b(j) WHERE i * j % 7 = 1")
      }
      done.isSet.store(true, ordering: .relaxed)
      #expect(error?.kind == .interrupted)
    }
    await interrupter.value
    #expect(try connection.text("SELECT 'still here'") == "still here")
  }

  @Test func `a memory limit ends the statement, not the database`() throws {
    let connection = try memoryDatabase(["memory_limit": "60MB", "threads": "1"]).connect()
    try connection.execute("SET temp_directory = ''")
    let error = #expect(throws: DuckDBError.self) {
      try connection.execute("CREATE TABLE t AS SELECT i, i::VARCHAR FROM range(100000000) r(i)")
    }
    #expect(error?.kind == .outOfMemory)
    #expect(!connection.database.isInvalidated)
    #expect(try connection.text("SELECT 'fine'") == "fine")
  }
}

private final class Flag: Sendable {
  let isSet = Atomic(false)
}
