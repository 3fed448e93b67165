import SQL
import Testing

@Suite struct `Machine access` {
  private func refusal(_ sql: String, directories: [String] = []) throws -> SQLError? {
    let statement = try StatementText.single(sql)
    return MachineAccessPolicy(allowedDirectories: directories)
      .refusal(of: statement, head: statement.head)
  }

  @Test(arguments: [
    "SELECT * FROM read_csv('/etc/passwd')", "FROM read_parquet(['a', 'b'])",
    "SELECT * FROM \"read_text\"('/etc/passwd')", "SELECT * FROM main.read_blob('x')",
    "SELECT * FROM READ_JSON_AUTO($1)", "SELECT * FROM glob('/*')",
    "SELECT * FROM t, glob('/*')", "SELECT * FROM t JOIN read_csv('x') AS r ON true",
    "SELECT (SELECT content FROM read_text('x'))", "WITH a AS (FROM read_csv('x')) FROM a",
    "FROM a, read_csv('x') AS r", "SELECT getenv('HOME')", "SELECT 'HOME'.getenv()",
    "SELECT * FROM t WHERE a BETWEEN getenv('A') AND 2", "SELECT * FROM '/etc/passwd'",
    "FROM 'data.csv'", "SELECT * FROM t, 'data.parquet'", "SELECT * FROM t JOIN 'x.json' ON true",
    "SELECT * FROM a JOIN b ON a.x = b.x, 'y.csv'", "DESCRIBE 'x.csv'", "SUMMARIZE 'x.csv'",
    "DELETE FROM t USING 'x.csv'", "SELECT * FROM ('x.csv')", "FROM 's3://bucket/x'",
    "COPY t TO 'x.csv'", "COPY t FROM 'x.csv'", "COPY (SELECT 1) TO '/tmp/x'", "COPY t FROM STDIN",
    "ATTACH 'x.db'", "ATTACH ':memory:' AS m", "ATTACH 'x' (TYPE postgres)", "DETACH d",
    "INSTALL httpfs", "FORCE INSTALL httpfs", "LOAD httpfs", "UPDATE EXTENSIONS",
    "EXPORT DATABASE 'x'", "IMPORT DATABASE 'x'", "CREATE SECRET s (TYPE s3)", "DROP SECRET s",
    "SET GLOBAL TimeZone = 'UTC'", "SET threads = 64", "SET memory_limit = '1TB'",
    "PRAGMA temp_directory = '/x'", "RESET threads", "SET s3_access_key_id = 'x'",
    "SET enable_external_access = true", "PRAGMA enable_profiling", "SET home_directory = '/'",
    "SET allowed_directories = ['/']", "CALL enable_logging()", "FROM duckdb_secrets()",
    "EXPLAIN SELECT * FROM read_csv('x')", "PREPARE p AS FROM read_csv('x')",
    "EXPLAIN COPY t TO 'x'", "CREATE VIEW v AS FROM read_csv('x')",
    "CREATE MACRO m(a) AS TABLE FROM read_csv(a)", "CREATE MACRO m(a) AS getenv(a)",
    "FROM query('FROM read_csv(''x'')')", "SELECT * FROM postgres_scan('a', 'b', 'c')",
    "INSERT INTO t SELECT * FROM read_csv('x')", "CREATE TABLE t AS FROM 'x.csv'",
    "FROM query('SELECT ' || '1')", "FROM query(getvariable('q'))",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "PRAGMA json_execute_serialized_sql('x')", "FROM sqlite_scan('a.db', 't')",
    "FROM sql_auto_complete('x')", "FROM sniff_csv('x')", "FROM parquet_metadata('x')",
  ])
  func `is refused with a sentence and a place`(sql: String) throws {
    let refusal = try #require(try refusal(sql), "\(sql)")
    #expect(refusal.kind == .refused)
    #expect(refusal.position != nil)
    #expect(refusal.message.contains("not ") || refusal.message.contains("secrets"))
  }

  @Test(arguments: [
    "SELECT glob, read_csv FROM t", "SELECT t.glob FROM t", "SELECT * FROM glob",
    "SELECT 'x.csv', '/etc/passwd'", "SELECT * FROM t WHERE name = 'read_csv(x)'",
    "SELECT * FROM t WHERE name GLOB '*.csv'", "SELECT * FROM t WHERE name GLOB ('*.csv')",
    "SELECT * FROM t WHERE t.name GLOB (p)", "SELECT a AS glob FROM t", "SELECT 1 -- read_csv('x')",
    "INSERT INTO glob (a) VALUES ('x.csv')", "CREATE TABLE glob (a VARCHAR)",
    "CREATE TABLE IF NOT EXISTS s.read_csv (a VARCHAR)", "CREATE INDEX i ON t (glob)",
    "WITH glob(a) AS (SELECT 1) SELECT * FROM glob",
    "WITH a AS (SELECT 1), glob(b) AS (SELECT 2) FROM a",
    "FROM (SELECT 1) AS glob(a)", "FROM t glob(a)", "SELECT * FROM 'my table'", "FROM 't'",
    "SELECT EXTRACT(year FROM '2026-01-01/x')", "SELECT substring('a/b' FROM 1)",
    "SELECT trim(BOTH 'x' FROM 'a/b.csv')", "SELECT trim(FROM 'a/b.csv')",
    "SELECT * FROM t WHERE a IS DISTINCT FROM 'x.csv'",
    "SELECT * FROM t WHERE a IS NOT DISTINCT FROM '/x'",
    "SELECT * FROM t WHERE p IN ('a.csv', 'b.csv')",
    "SELECT * FROM t ORDER BY a, 'x.csv'", "SELECT a, 'x.csv' FROM t GROUP BY a, 'x.csv'",
    "UPDATE t SET path = '/x/y.csv', b = 'z.csv' WHERE a = 1", "VALUES ('a.csv'), ('/b')",
    "SET TimeZone = 'UTC'", "SET search_path = 'a'", "SET schema = 's'", "SET VARIABLE v = 1",
    "SET default_null_order = 'nulls_first'", "PRAGMA table_info('t')", "PRAGMA database_list",
    "FROM duckdb_tables()", "FROM range(10)", "FROM query('SELECT 1')", "CALL pragma_version()",
    "COPY FROM DATABASE a TO b", "CHECKPOINT", "VACUUM", "USE s", "BEGIN", "EXPLAIN SELECT 1",
    "SELECT list_transform(['a/b'], x -> x || '/c')", "SELECT {'file': 'x.csv'}",
    "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET p = 'x.csv'",
    "CREATE TABLE t (p VARCHAR DEFAULT 'x.csv')", "COMMENT ON TABLE t IS 'from x.csv'",
    "SELECT * FROM t TABLESAMPLE reservoir(10)", "DROP TABLE glob", "TRUNCATE glob",
  ])
  func `is not seen in harmless statements`(sql: String) throws {
    #expect(try refusal(sql) == nil)
  }

  @Test(
    arguments: [
      ("FROM read_csv('/data/in/x.csv')", true), ("FROM read_csv('/data/inner/x.csv')", false),
      ("FROM read_csv('/data/in/../secret')", false), ("FROM read_csv('x.csv')", false),
      ("FROM '/data/in/x.csv'", true), ("FROM '/etc/passwd'", false),
      ("COPY t TO '/data/in/x'", true), ("COPY t TO '/data/x'", false),
      ("FROM read_csv($1)", true),  // DuckDB decides when it knows the path
      ("FROM read_csv('/data/in/a' || b)", true), ("ATTACH '/data/in/x.db' AS x", true),
      ("ATTACH '/x.db'", false), ("ATTACH 'dbname=x' AS p (TYPE postgres)", false),
      ("EXPORT DATABASE '/data/in/out'", true), ("INSTALL httpfs", false),
      ("FROM read_parquet('s3://bucket/a/b')", true),
      ("FROM read_parquet('s3://bucket2/a')", false),
      ("FROM sqlite_scan('/data/in/a.db', 't')", true), ("FROM sqlite_scan('/x', 't')", false),
      ("FROM sqlite_scan($1, 't')", false), ("FROM sqlite_scan('/data/in/' || f, 't')", false),
      ("FROM read_text('file:///data/in/x')", true), ("SELECT getenv('HOME')", false),
    ] as [(String, Bool)])
  func `is allowed in the directories of the operator`(sql: String, isAllowed: Bool) throws {
    let refusal = try refusal(sql, directories: ["/data/in/", "s3://bucket"])
    #expect((refusal == nil) == isAllowed, "\(String(describing: refusal))")
  }

  @Test func `the sentence says what, why and which option allows it`() throws {
    let refusal = try #require(try refusal("SELECT *\nFROM read_csv('/etc/passwd')"))
    #expect(
      refusal.message == "read_csv() is not allowed, because it reads from the machine that this "
        + "server runs on; the operator can allow it for some directories with the option "
        + "allowed_directories")
    #expect(refusal.position == SourcePosition(byteOffset: 14, line: 2, column: 6))
  }
}
