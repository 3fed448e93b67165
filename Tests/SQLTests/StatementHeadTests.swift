import Testing

@testable import SQL

@Suite struct `Statement head` {
  private func head(_ sql: String) throws -> StatementHead { try StatementText.single(sql).head }

  @Test(
    arguments: [
      ("INSERT INTO t VALUES (1)", "t"),
      ("insert into S.\"my t\" select 1", "\"S\".\"my t\""),
      ("WITH x AS (SELECT 1) INSERT INTO c.s.t FROM x", "c.s.t"),
      ("UPDATE t SET a = 1", "t"), ("DELETE FROM t", "t"), ("TRUNCATE TABLE t", "t"),
      ("MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "t"),
      ("CREATE OR REPLACE TEMP TABLE IF NOT EXISTS t (a INTEGER)", "t"),
      ("CREATE INDEX i ON s.t (a)", "s.t"), ("DROP TABLE IF EXISTS t CASCADE", "t"),
      ("ALTER TABLE IF EXISTS t ADD COLUMN a INTEGER", "t"), ("COPY t FROM 'x'", "t"),
      ("EXPLAIN ANALYZE DELETE FROM t", "t"), ("EXPLAIN DELETE FROM t", nil),
      ("COPY t TO 'x'", nil), ("SELECT 1", nil), ("COMMENT ON TABLE t IS 'x'", "t"),
    ] as [(String, String?)])
  func `names what the statement changes`(sql: String, target: String?) throws {
    #expect(try head(sql).target?.description == target)
  }

  @Test(
    arguments: [
      ("SELECT 1", true, true), ("FROM t", true, true), ("(VALUES (1))", true, true),
      ("INSERT INTO t VALUES (1)", false, false),
      ("INSERT INTO t VALUES (1) RETURNING a", false, true),
      ("WITH x AS (SELECT 1) DELETE FROM t RETURNING *", false, true),
      ("INSERT INTO t SELECT x AS returning FROM u", false, false),
      ("INSERT INTO t SELECT (SELECT returning.a FROM returning)", false, false),
      ("CREATE TABLE t (a INTEGER)", false, false),
      ("EXPLAIN INSERT INTO t VALUES (1)", true, true),
      ("EXPLAIN ANALYZE INSERT INTO t VALUES (1)", false, true), ("BEGIN", false, false),
      ("SET threads = 1", false, false), ("PRAGMA table_info('t')", true, true),
      ("PRAGMA threads = 1", false, false), ("CALL pragma_version()", false, true),
      ("SHOW TABLES", true, true), ("SUMMARIZE t", true, true), ("DESCRIBE t", true, true),
      ("EXECUTE p(1)", false, true), ("NONSENSE", false, true), ("COPY t TO 'x'", true, false),
    ] as [(String, Bool, Bool)])
  func `says whether the statement reads only and whether it answers with rows`(
    sql: String, isReadOnly: Bool, returnsRows: Bool
  ) throws {
    let head = try head(sql)
    #expect(head.isReadOnly == isReadOnly)
    #expect(head.returnsRows == returnsRows)
  }

  @Test(
    arguments: [
      ("BEGIN", .begin(readOnly: false)), ("begin transaction read only", .begin(readOnly: true)),
      ("START TRANSACTION", .begin(readOnly: false)), ("COMMIT WORK", .commit), ("END", .commit),
      ("ROLLBACK TRANSACTION", .rollback), ("ABORT", .rollback),
    ] as [(String, TransactionVerb)])
  func `knows all spellings of transaction control`(sql: String, verb: TransactionVerb) throws {
    let head = try head(sql)
    #expect(head.kind == .transaction(verb))
    #expect(head.isTransactionControl)
  }

  @Test(arguments: ["START", "BEGIN 1", "COMMIT AND CHAIN", "ROLLBACK TO SAVEPOINT x"])
  func `takes nothing else as transaction control`(sql: String) throws {
    #expect(try head(sql).isTransactionControl == false)
  }

  @Test func `an insert is taken apart`() throws {
    let statement = try StatementText.single(
      "WITH w AS (SELECT 1) INSERT OR REPLACE INTO s.t AS x (a, \"B c\") BY NAME "
        + "SELECT * FROM u JOIN v ON u.a = v.a ON CONFLICT (a) DO NOTHING RETURNING a, b")
    guard case .insert(let insert) = statement.head.kind else {
      Issue.record("not an insert: \(statement.head)")
      return
    }
    let text = { (tokens: Range<Int>?) in tokens.map { statement.source.text(ofTokens: $0) } }
    #expect(statement.head.hasLeadingWith)
    #expect(insert.conflict == .replace)
    #expect(insert.alias == "x")
    #expect(insert.columns == ["a", "B c"])
    #expect(insert.isByName)
    #expect(insert.source == .query)
    #expect(text(insert.targetTokens) == "s.t")
    #expect(text(insert.sourceTokens) == "SELECT * FROM u JOIN v ON u.a = v.a")
    #expect(text(insert.onConflictTokens) == "ON CONFLICT (a) DO NOTHING")
    #expect(text(insert.returningTokens) == "a, b")
  }

  @Test func `a query in brackets is no list of columns`() throws {
    for sql in ["INSERT INTO t (SELECT a)", "INSERT INTO t (VALUES (1))", "INSERT INTO t (FROM u)"]
    {
      guard case .insert(let insert) = try head(sql).kind else {
        Issue.record("not an insert: \(sql)")
        continue
      }
      #expect(insert.columns == nil, "\(sql)")
      #expect(insert.source == .query, "\(sql)")
    }
  }

  @Test func `an update and a delete are taken apart`() throws {
    let update = try StatementText.single(
      "UPDATE t x SET a = (SELECT 1 FROM u), b = 2 FROM v WHERE x.a = v.a RETURNING *")
    guard case .update(let head) = update.head.kind else {
      Issue.record("not an update")
      return
    }
    #expect(head.alias == "x")
    #expect(update.source.text(ofTokens: head.setTokens) == "a = (SELECT 1 FROM u), b = 2")

    let delete = try StatementText.single("DELETE FROM t AS y USING u WHERE y.a = u.a RETURNING a")
    guard case .delete(let head) = delete.head.kind else {
      Issue.record("not a delete")
      return
    }
    #expect(head.alias == "y")
    #expect(head.usingTokens.map { delete.source.text(ofTokens: $0) } == "u")
    #expect(head.whereTokens.map { delete.source.text(ofTokens: $0) } == "y.a = u.a")
  }

  @Test(
    arguments: [
      ("SET threads = 4", .automatic, "threads", "4"),
      ("SET GLOBAL memory_limit TO '1GB'", .global, "memory_limit", "'1GB'"),
      ("SET SESSION TimeZone = 'UTC'", .session, "TimeZone", "'UTC'"),
      ("SET TIME ZONE 'UTC'", .automatic, "TimeZone", "'UTC'"),
      ("SET VARIABLE v = 1 + 2", .variable, "v", "1 + 2"),
      ("SET SCHEMA 'main'", .automatic, "SCHEMA", "'main'"),
      ("SET local = 1", .automatic, "local", "1"),
      ("RESET GLOBAL threads", .global, "threads", ""), ("RESET schema", .automatic, "schema", ""),
    ] as [(String, SettingHead.Scope, String, String)])
  func `a setting has scope, name and value`(
    sql: String, scope: SettingHead.Scope, name: String, value: String
  ) throws {
    let statement = try StatementText.single(sql)
    let setting: SettingHead? =
      switch statement.head.kind {
      case .set(let head), .reset(let head): head
      default: nil
      }
    let head = try #require(setting)
    #expect(head.scope == scope)
    #expect(head.name == name)
    #expect(statement.source.text(ofTokens: head.valueTokens) == value)
  }

  @Test func `what is created is known with all its modifiers`() throws {
    guard
      case .create(let create) = try head(
        "CREATE OR REPLACE TEMP VIEW IF NOT EXISTS a.b.\"C\" (x) AS SELECT 1"
      ).kind
    else {
      Issue.record("not a create")
      return
    }
    #expect(create.object == .view)
    #expect(create.isReplacing && create.isTemporary && create.isIfNotExists && create.isFromQuery)
    #expect(create.name == QualifiedName("a", "b", "C"))
    guard case .create(let macro) = try head("CREATE MACRO f(a) AS a").kind else {
      Issue.record("not a create")
      return
    }
    #expect(macro.object == .macro && macro.name == QualifiedName("f"))
  }

  @Test func `files, databases and extensions are named`() throws {
    #expect(
      try head("ATTACH 'x.db' AS d (TYPE sqlite, READ_ONLY)").kind
        == .attach(AttachHead(path: "x.db", alias: "d", type: "sqlite", isReadOnly: true)))
    #expect(
      try head("ATTACH 'postgres:dbname=x'").kind
        == .attach(
          AttachHead(path: "postgres:dbname=x", alias: nil, type: "postgres", isReadOnly: false)))
    #expect(
      try head("FORCE INSTALL httpfs, 'json'").kind == .install(extensions: ["httpfs", "json"]))
    #expect(try head("LOAD 'x'").kind == .load(extension: "x"))
    #expect(
      try head("EXPORT DATABASE d TO 'dir' (FORMAT csv)").kind == .exportDatabase(path: "dir"))
    #expect(
      try head("COPY (SELECT 'a' || 'b') TO 'out.csv' (HEADER)").kind
        == .copy(CopyHead(direction: .toFile, table: nil, path: "out.csv", databases: [])))
    #expect(
      try head("COPY FROM DATABASE a TO b").kind
        == .copy(CopyHead(direction: .databases, table: nil, path: nil, databases: ["a", "b"])))
  }

  @Test func `what is explained or prepared has a head of its own`() throws {
    guard case .explain(true, let explained) = try head("EXPLAIN ANALYZE INSERT INTO t FROM u").kind
    else {
      Issue.record("not an explain")
      return
    }
    #expect(explained.target == QualifiedName("t"))
    guard case .prepare("p", let prepared) = try head("PREPARE p AS DELETE FROM t").kind else {
      Issue.record("not a prepare")
      return
    }
    #expect(prepared.target == QualifiedName("t"))
    let nested = String(repeating: "EXPLAIN ", count: 10_000) + "SELECT 1"
    #expect(try head(nested).kind != .query(.select))
  }
}

@Suite struct `Statement splitting` {
  @Test func `semicolons in text, names and comments do not split`() throws {
    let statements = try StatementText.split(
      "SELECT ';' ; -- a;b\n;; SELECT \"a;b\" /* ; */; SELECT $$;$$")
    #expect(statements.map(\.text) == ["SELECT ';'", "SELECT \"a;b\"", "SELECT $$;$$"])
    #expect(statements.first?.byteRange == 0..<10)
    #expect(try StatementText.split(" -- nothing\n ; ").isEmpty)
  }

  @Test func `one statement is asked for where one is expected`() throws {
    #expect(try StatementText.single("SELECT 1;").text == "SELECT 1")
    #expect(throws: SQLError.self) { try StatementText.single("") }
    #expect(throws: SQLError.self) { try StatementText.single("SELECT 1; SELECT 2") }
  }
}

@Suite struct `Canonical text` {
  @Test(
    arguments: [
      ("select  a ,b\nfrom t -- x", "SELECT a,b FROM t"),
      ("SELECT count ( * ) FROM t;", "SELECT count (*) FROM t"),
      ("select A as Select, t.Order from T", "SELECT A AS Select,t.Order FROM T"),
      ("select 'a'\n  'b'", "SELECT 'a'\n'b'"), ("select 'A  b'", "SELECT 'A  b'"),
      ("select a/**/b", "SELECT a b"), ("select - -1", "SELECT - -1"),
      ("select {select: 1}", "SELECT {select: 1}"),
    ] as [(String, String)])
  func `is free of spaces, comments and the case of reserved words`(
    sql: String, canonical: String
  ) throws {
    #expect(try StatementText.single(sql).canonical == canonical)
  }
}

@Suite struct `Quoting` {
  @Test(
    arguments: [
      ("a_1", "a_1"), ("A", "\"A\""), ("select", "\"select\""), ("values", "\"values\""),
      ("emit", "emit"), ("name", "name"), ("1a", "\"1a\""), ("", "\"\""), ("a\"b", "\"a\"\"b\""),
      ("é", "\"é\""),
    ] as [(String, String)])
  func `names are quoted when they must be`(name: String, quoted: String) {
    #expect(quotedIfNeeded(name) == quoted)
  }

  @Test func `texts come back as they were`() throws {
    for text in ["", "'", "it''s", "a\\b", "é\n"] {
      let literal = try SQLText(stringLiteral(text))
      #expect(literal.tokens.first.flatMap { literal.stringValue(of: $0) } == text)
      let name = try SQLText(quotedName(text))
      #expect(name.tokens.first.flatMap { name.name(of: $0) } == text)
    }
  }
}
