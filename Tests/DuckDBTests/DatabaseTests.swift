import Columnar
import Synchronization
import Testing

@testable import DuckDB

@Suite struct `Databases` {
  /// How the server opens the instance that clients' statements run in.
  static let lockedDown = [
    "allowed_configs": "['TimeZone','search_path','schema']",
    "allowed_directories": "['/tmp/hyprstream-duckdb-tests']",
    "enable_external_access": "false", "lock_configuration": "true", "memory_limit": "1GB",
    "threads": "2",
  ]

  @Test(
    arguments: [
      "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')",
      "FROM '/etc/passwd.csv'", "SELECT * FROM glob('/etc/*')", "SELECT getenv('HOME')",
      "COPY (SELECT 1) TO '/tmp/elsewhere.csv'", "ATTACH '/tmp/elsewhere.db' AS x",
      "INSTALL httpfs", "LOAD httpfs", "LOAD '/tmp/x.duckdb_extension'",
      "EXPORT DATABASE '/tmp/elsewhere'", "SET memory_limit = '2GB'", "SET threads = 8",
      "SET enable_external_access = true", "SET allowed_directories = ['/']",
      "SET allowed_configs = ['threads']", "SET lock_configuration = false",
      "SET temp_directory = '/tmp/elsewhere'", "SET profiling_output = '/tmp/elsewhere'",
    ])
  func `a locked instance refuses the machine and its own settings`(sql: String) throws {
    let connection = try memoryDatabase(Self.lockedDown).connect()
    #expect(throws: DuckDBError.self) { try connection.execute(sql) }
  }

  @Test func `a locked instance allows what belongs to a session`() throws {
    let database = try memoryDatabase(Self.lockedDown)
    let (connection, other) = (try database.connect(), try database.connect())
    try connection.execute("SET TimeZone = 'Asia/Tokyo'; SET search_path = 'main'")
    #expect(connection.setting("TimeZone") == "Asia/Tokyo")
    #expect(other.setting("TimeZone") != "Asia/Tokyo")
    try connection.execute("CREATE TEMP TABLE t AS SELECT 1; ATTACH ':memory:' AS m")
  }

  @Test func `a locked file is written, checkpointed and opened again`() throws {
    let path = "/tmp/hyprstream-duckdb-\(UInt64.random(in: 0 ... .max)).db"
    let library = try DuckDBLibrary.load()
    for _ in 0..<2 {
      let connection = try Database(library, path: path, settings: Self.lockedDown).connect()
      try connection.execute(
        "CREATE TABLE IF NOT EXISTS t (i BIGINT); INSERT INTO t FROM range(1000); CHECKPOINT")
    }
    let again = try Database(library, path: path, settings: Self.lockedDown).connect()
    #expect(try int64s(again.batch("SELECT count(*) FROM t").columns[0]) == [2000])
  }

  @Test func `an unknown setting is refused with its name`() {
    let error = #expect(throws: DuckDBError.self) { try memoryDatabase(["no_such": "1"]) }
    #expect(error?.kind == .invalidInput)
    #expect(error?.message.contains("no_such") == true)
  }

  @Test func `after a fatal error the instance says so, and a file opens again`() throws {
    let path = "/tmp/hyprstream-duckdb-\(UInt64.random(in: 0 ... .max)).db"
    let library = try DuckDBLibrary.load()
    do {
      let database = try Database(library, path: path)
      let connection = try database.connect()
      try connection.execute("CREATE TABLE t AS SELECT 7::BIGINT AS i")
      #expect(!database.isInvalidated)
      try connection.execute("SET debug_checkpoint_abort = 'before_header'")
      let error = #expect(throws: DuckDBError.self) { try connection.execute("CHECKPOINT") }
      #expect(error?.kind == .fatal)
      #expect(database.isInvalidated)
      let other = try database.connect()
      #expect(throws: DuckDBError.self) { try other.execute("SELECT 1") }
    }
    let again = try Database(library, path: path).connect()
    #expect(try int64s(again.batch("FROM t").columns[0]) == [7])
  }

  @Test func `kinds are read from DuckDB's words`() {
    let internalError = DuckDBError(duckDB: "INTERNAL Error: it broke")
    #expect(internalError.kind == .internal && internalError.invalidatesDatabase)
    #expect(DuckDBError(duckDB: "Something new").kind == .other)
    #expect(DuckDBError(duckDB: "Constraint Error: x").invalidatesDatabase == false)
  }

  @Test func `one library serves the process`() throws {
    let library = try DuckDBLibrary.load()
    #expect(try DuckDBLibrary.load() === library)
    #expect(library.version.hasPrefix("v"))
    #expect(throws: DuckDBLibrary.LoadError.self) {
      try DuckDBLibrary.load(searching: ["/no/such/library.so"])
    }
  }

  @Test func `a missing folder is an error of the file system`() throws {
    let library = try DuckDBLibrary.load()
    let error = #expect(throws: DuckDBError.self) {
      try Database(library, path: "/no/such/folder/x.db")
    }
    #expect(error?.kind == .io)
  }
}

@Suite struct `Statement heads` {
  @Test(
    arguments: [
      ("select 1", ["SELECT"]), ("BEGIN;commit ; ", ["BEGIN", "COMMIT"]),
      ("-- x;\n/* ; */ insert into t values (';')", ["INSERT"]),
      ("select $$;$$; select $a$ ; $a$", ["SELECT", "SELECT"]),
      ("SELECT \"a;b\"; (FROM t)", ["SELECT", ""]), ("", []), (";;", []),
    ] as [(String, [String])])
  func `the first words are found`(sql: String, words: [String]) {
    let heads = StatementHeads(of: sql)
    #expect(heads.ranges.indices.map { heads.keyword($0) } == words)
  }

  @Test func `parameters are found outside of quotes`() {
    let sql = "SELECT ?, $1, $name, '?', \"$2\", $$?$$, a$b"
    let found = StatementHeads(of: sql).parameters.map {
      String(decoding: Array(sql.utf8)[$0], as: UTF8.self)
    }
    #expect(found == ["?", "$1", "$name"])
  }
}
