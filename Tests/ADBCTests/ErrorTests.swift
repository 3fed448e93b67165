import ADBC
import Columnar
import Synchronization
import TestSupport
import Testing

@Suite struct ErrorTests {
  @Test func `a driver's path that is wrong is named, with what to set`() throws {
    let error = try failure { () throws(ADBCError) in _ = try Driver.find("/nowhere/libadbc.so") }
    #expect(error.status == .notFound)
    #expect(error.message.contains("/nowhere/libadbc.so"))
    #expect(error.message.contains("driver_path"))
  }

  @Test func `a driver's name that nobody has is named, with where it was looked for`() throws {
    let error = try failure { () throws(ADBCError) in _ = try Driver.find("cobol") }
    #expect(error.status == .notFound)
    #expect(error.message.contains("cobol.toml"))
    #expect(error.message.contains("libadbc_driver_cobol.so"))
    #expect(error.message.contains("/etc/adbc/drivers"))
  }

  @Test func `a file that is no library is named, with what to set`() throws {
    let manager = try DriverManager.load()
    let error = try failure { () throws(ADBCError) in
      _ = try ADBCDatabase(manager, driver: Driver(location: "/etc/passwd"), uri: ":memory:")
    }
    #expect(error.message.contains("/etc/passwd"))
    #expect(error.message.contains("driver_path"))
    #expect(!error.message.contains("\n"))
  }

  @Test func `a library that is no driver is named, with what to set`() throws {
    let manager = try DriverManager.load()
    let library = try Driver.find("sqlite").location
    let error = try failure { () throws(ADBCError) in
      _ = try ADBCDatabase(manager, driver: Driver(location: library, entryPoint: "NoSuchFunction"))
    }
    #expect(error.message.contains(library))
    #expect(error.message.contains("NoSuchFunction"))
  }

  @Test func `a wrong password is refused, and never shown`() throws {
    let manager = try DriverManager.load()
    let server = try postgres()
    let uri = server.uri(password: "wrong-p@ssword")
    let error = try failure { () throws(ADBCError) in
      _ = try ADBCDatabase(manager, driver: .find("postgresql"), uri: uri).connect()
    }
    #expect(error.message.contains("authentication failed"))
    #expect(!"\(error)".contains("wrong-p"))
    #expect(!"\(error.details)".contains("wrong-p"))
  }

  @Test func `a secret is removed from what the server says`() throws {
    let manager = try DriverManager.load()
    let server = try postgres()
    // The database is named like the password, and the server names the database.
    let uri = server.socketURI(database: "hush-hush").replacing(
      "postgres@", with: "postgres:hush-hush@")
    let error = try failure { () throws(ADBCError) in
      _ = try ADBCDatabase(manager, driver: .find("postgresql"), uri: uri)
    }
    #expect(error.message.contains("database \"***\" does not exist"), "\(error)")
    #expect(!"\(error.details.map(\.text))".contains("hush"))
  }

  @Test func `a server that is not there is an error of input and output`() throws {
    let manager = try DriverManager.load()
    let error = try failure { () throws(ADBCError) in
      _ = try ADBCDatabase(
        manager, driver: .find("postgresql"), uri: "postgresql://u:hush-hush@127.0.0.1:1/x")
    }
    #expect(error.status == .io)
    #expect(error.isConnectionLost)
    #expect(!error.message.contains("hush-hush"))
  }

  @Test(arguments: Backend.allCases)
  func `an unknown option is named`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let error = try failure { () throws(ADBCError) in
      try connection.setOption("no.such.option", "1")
    }
    #expect([.notImplemented, .invalidArgument, .notFound].contains(error.status))
    if backend != .duckdb { #expect(error.message.contains("no.such.option")) }
  }

  @Test(arguments: Backend.allCases)
  func `a syntax error is the caller's, and the connection goes on`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let error = try failure { () throws(ADBCError) in _ = try connection.query("SELEC 1").next() }
    #expect(error.status == .invalidArgument)
    #expect(error.message.contains("SELEC"))
    if backend == .postgresql {
      #expect(error.sqlState == "42601")
      #expect(error.details.contains { $0.key.contains("PG_DIAG") || $0.key.contains("SQLSTATE") })
    }
    #expect(!error.isConnectionLost)
    #expect(try connection.value("SELECT 1") == "1")
  }

  @Test(arguments: Backend.allCases)
  func `a unique violation says so`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let table = freshName("unique")
    try connection.execute("CREATE TEMPORARY TABLE \(table) (i INTEGER PRIMARY KEY)")
    try connection.execute("INSERT INTO \(table) VALUES (1)")
    let error = try failure { () throws(ADBCError) in
      try connection.execute("INSERT INTO \(table) VALUES (1)")
    }
    if backend == .postgresql {
      #expect(error.sqlState == "23505")
      #expect(error.status == .alreadyExists || error.status == .integrity)
    }
    #expect(error.message.lowercased().contains("unique") || error.message.contains("constraint"))
  }

  @Test(arguments: Backend.allCases)
  func `errors have the same status with every driver, and none of them is a lost connection`(
    _ backend: Backend
  ) throws {
    let connection = try backend.connect()
    try connection.execute(
      "CREATE TEMPORARY TABLE statuses (i INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
    try connection.execute("INSERT INTO statuses VALUES (1, 1)")
    let cases: [(String, ADBCStatus)] = [
      ("SELEC 1", .invalidArgument), ("SELECT * FROM nobody", .notFound),
      ("DROP TABLE nobody", .notFound), ("SELECT nofunction(1)", .notFound),
      ("CREATE TEMPORARY TABLE statuses (i INTEGER)", .alreadyExists),
      ("INSERT INTO statuses VALUES (1, 2)", .integrity),
      ("INSERT INTO statuses VALUES (2, NULL)", .integrity),
      ("INSERT INTO statuses VALUES (99999999999999999999, 1)", .invalidData),
    ]
    for (sql, status) in cases {
      let error = try failure { () throws(ADBCError) in try connection.execute(sql) }
      #expect(error.status == status, "\(sql): \(error.status) \(error)")
      #expect(!error.isConnectionLost)
    }
  }

  @Test func `an error in the middle of a result is the error of the next pull`() throws {
    let connection = try Backend.postgresql.connect()
    let statement = try connection.statement(
      "SELECT 100 / (50000 - i) FROM generate_series(1, 100000) AS t(i)")
    try statement.setOption("adbc.postgresql.batch_size_hint_bytes", .int(4096))
    let error = try failure { () throws(ADBCError) in
      let result = try statement.executeQuery()
      while try result.next() != nil {}
    }
    #expect(error.sqlState == "22012")
    #expect(error.message.contains("division by zero"))
    #expect(try connection.value("SELECT 1") == "1")
  }

  @Test func `a server that goes away is lost, and a new connection works when it is back`() throws
  {
    let server = try PostgresServer()
    let manager = try DriverManager.load()
    let database = try ADBCDatabase(manager, driver: .find("postgresql"), uri: server.uri())
    let connection = try database.connect()
    #expect(try connection.value("SELECT 1") == "1")
    try server.kill()
    let error = try failure { () throws(ADBCError) in
      _ = try connection.query("SELECT 1").next()
    }
    #expect(error.isConnectionLost, "\(error.status) \(error)")
    let refused = try failure { () throws(ADBCError) in _ = try database.connect() }
    #expect(refused.isConnectionLost, "\(refused.status) \(refused)")
    try server.start()
    #expect(try database.connect().value("SELECT 2") == "2")
  }

  @Test func `a statement that sleeps is cancelled from another thread`() async throws {
    let connection = try Backend.postgresql.connect()
    let watcher = try Backend.postgresql.connect()
    let id = try connection.value("SELECT pg_backend_pid()::text") ?? ""
    async let error = failureOfSleep(connection)
    // Until the server says that it runs.
    while try watcher.value(
      "SELECT count(*)::text FROM pg_stat_activity WHERE pid = \(id) AND wait_event = 'PgSleep'")
      != "1"
    {
      await Task.yield()
    }
    try connection.cancel()
    let status = try await error
    #expect(status.status == .cancelled || status.sqlState == "57014", "\(status.status) \(status)")
    #expect(!status.isConnectionLost)
    #expect(try connection.value("SELECT 1") == "1")
  }

  @Test(arguments: [Backend.postgresql, .duckdb])
  func `an open result is cancelled, too, and what is not running is not`(_ backend: Backend) throws
  {
    let connection = try backend.connect()
    try? connection.cancel()
    #expect(try connection.value("SELECT 1") == "1")
    let result = try connection.query(
      backend == .postgresql
        ? "SELECT generate_series(1, 10000000000)" : "SELECT range FROM range(10000000000)")
    #expect(try result.next() != nil)
    try connection.cancel()
    let error = try failure { () throws(ADBCError) in while try result.next() != nil {} }
    if backend == .postgresql { #expect(error.isCancellation, "\(error.status) \(error)") }
    #expect(
      error.message.lowercased().contains("cancel") || error.message.contains("INTERRUPT"),
      "\(error)")
    #expect(try connection.value("SELECT 1") == "1")
  }

  private func failureOfSleep(_ connection: ADBCConnection) async throws -> ADBCError {
    try await withCheckedThrowingContinuation { continuation in
      runOnThread {
        continuation.resume(
          with: Result {
            try failure { () throws(ADBCError) in
              _ = try connection.query("SELECT pg_sleep(600)").next()
            }
          })
      }
    }
  }
}
