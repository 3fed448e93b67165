import ADBC
import Columnar
import TestSupport
import Testing

@Suite struct QueryTests {
  @Test(arguments: Backend.allCases)
  func `a query answers in batches of its schema`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let result = try connection.query("SELECT 42 AS answer, 'x' AS text")
    #expect(result.schema.fields.map(\.name) == ["answer", "text"])
    var rows: [[String?]] = []
    while let batch = try result.next() {
      #expect(batch.schema == result.schema)
      rows += texts(batch)
    }
    #expect(rows == [["42", "x"]])
    #expect(try result.next().map(\.rowCount) == nil)
  }

  @Test(arguments: Backend.allCases)
  func `an empty result has its columns`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let result = try connection.query("SELECT 1 AS a, 'x' AS b WHERE 1 = 0")
    #expect(result.schema.fields.map(\.name) == ["a", "b"])
    var count = 0
    while let batch = try result.next() { count += batch.rowCount }
    #expect(count == 0)
  }

  @Test(arguments: Backend.allCases)
  func `batches stay valid when all that made them is gone`(_ backend: Backend) throws {
    var batches: [Batch] = []
    do {
      let connection = try backend.connect()
      batches = try connection.batches("SELECT 'a text that is longer than twelve bytes' AS t")
    }
    #expect(batches.flatMap(texts) == [["a text that is longer than twelve bytes"]])
  }

  @Test(arguments: Backend.allCases)
  func `a result keeps its statement and its connection`(_ backend: Backend) throws {
    func open() throws -> ADBCResult {
      try backend.connect().query("SELECT 7 AS seven")
    }
    let result = try open()
    #expect(try result.next().map(texts) == [["7"]])
  }

  @Test(arguments: Backend.allCases)
  func `a closed result has no more rows, and a new query works`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let result = try connection.query("SELECT 1 UNION ALL SELECT 2")
    #expect(!connection.isClean)
    result.close()
    result.close()
    #expect(try result.next().map(\.rowCount) == nil)
    #expect(connection.isClean)
    #expect(try connection.value("SELECT 3") == "3")
  }

  @Test(arguments: Backend.allCases)
  func `a statement is executed again, which ends its first result`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let statement = try connection.statement("SELECT 5 AS five")
    let first = try statement.executeQuery()
    let second = try statement.executeQuery()
    #expect(try first.next().map(\.rowCount) == nil)
    #expect(try second.next().map(texts) == [["5"]])
  }

  @Test(arguments: Backend.allCases)
  func `a million rows are streamed, a part at a time`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let numbers =
      backend == .sqlite
      ? "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 1000000) SELECT i, 'forty bytes of text, forty bytes of text' FROM t"
      : "SELECT i, 'forty bytes of text, forty bytes of text' FROM generate_series(1, 1000000) AS t(i)"
    let result = try connection.query(numbers)
    var (count, sum, largest) = (0, Int64(0), 0)
    while let batch = try result.next() {
      count += batch.rowCount
      largest = max(largest, batch.rowCount)
      let column = batch.columns[0]
      if column.type == .int64 {
        let values = column.buffers[1]
        let span = values.values(as: Int64.self)
        for row in span.indices { sum += span[row] }
      } else {
        let values = column.buffers[1]
        let span = values.values(as: Int32.self)
        for row in span.indices { sum += Int64(span[row]) }
      }
    }
    #expect(count == 1_000_000)
    #expect(sum == 500_000_500_000)
    #expect(largest < 1_000_000, "the driver holds the whole result")
  }

  @Test func `PostgreSQL's driver makes batches of the size that is asked for`() throws {
    let connection = try Backend.postgresql.connect()
    let statement = try connection.statement("SELECT i FROM generate_series(1, 100000) AS t(i)")
    try statement.setOption("adbc.postgresql.batch_size_hint_bytes", .int(65_536))
    let result = try statement.executeQuery()
    var counts: [Int] = []
    while let batch = try result.next() { counts.append(batch.rowCount) }
    #expect(counts.reduce(0, +) == 100_000)
    #expect(counts.count > 5)
  }

  @Test(arguments: Backend.allCases)
  func `rows that a statement changes are counted`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let table = freshName("counted")
    try connection.execute("CREATE TEMPORARY TABLE \(table) (i INTEGER)")
    let inserted = try connection.execute("INSERT INTO \(table) VALUES (1), (2), (3)")
    #expect(inserted == 3)
    #expect(try connection.execute("DELETE FROM \(table) WHERE i > 1") == 2)
  }

  @Test(arguments: Backend.allCases)
  func `the driver tells who it is`(_ backend: Backend) throws {
    let info = try backend.connect().info()
    let names = [Backend.sqlite: "SQLite", .postgresql: "PostgreSQL", .duckdb: "duckdb"]
    #expect(info.vendorName == names[backend])
    #expect(info.vendorVersion?.isEmpty == false)
    let dialects = [Backend.sqlite: Dialect.sqlite, .postgresql: .postgresql, .duckdb: .duckdb]
    #expect(Dialect(info) == dialects[backend])
  }

  @Test func `PostgreSQL is reached through its socket, too`() throws {
    let manager = try DriverManager.load()
    let database = try ADBCDatabase(
      manager, driver: .find("postgresql"), uri: postgres().socketURI())
    #expect(try database.connect().value("SELECT current_user::text") == "postgres")
  }

  @Test(arguments: [false, true])
  func `a result can be left before its end while the server sends`(_ pullsFirst: Bool) throws {
    let connection = try Backend.postgresql.connect()
    do {
      // More than anybody would wait for.
      let result = try connection.query(
        "SELECT generate_series(1, 10000000000), repeat('x', 100)")
      if pullsFirst { #expect(try result.next() != nil) }
    }
    #expect(try connection.value("SELECT 1") == "1")
  }

  @Test func `a result that is left in a transaction does not abort it`() throws {
    let connection = try Backend.postgresql.connect()
    try connection.setAutocommit(false)
    do {
      let result = try connection.query(
        "SELECT i, repeat('x', 100) FROM generate_series(1, 300000) AS t(i)")
      #expect(try result.next() != nil)
    }
    #expect(try connection.value("SELECT 1") == "1")
    try connection.rollback()
  }

  @Test func `text that is not UTF-8 is refused, with its place`() throws {
    let connection = try Backend.sqlite.connect()
    for value in ["CAST(x'61ff' AS TEXT)", "CAST(x'C0AF' AS TEXT)"] {
      let result = try connection.query(
        "SELECT 1 AS n, 'ä' AS t UNION ALL SELECT 2, \(value) UNION ALL SELECT 3, NULL")
      let error = try failure { () throws(ADBCError) in _ = try result.next() }
      #expect(error.status == .invalidData)
      #expect(error.message.contains("\"t\"") && error.message.contains("row 1"), "\(error)")
    }
    #expect(try connection.value("SELECT 'ä🦆'") == "ä🦆")
  }

  @Test(arguments: Backend.allCases)
  func `a zero in a text is refused, not cut off`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let errors = [
      try failure { () throws(ADBCError) in _ = try connection.query("SELECT 1 \u{0}, 2") },
      try failure { () throws(ADBCError) in try connection.setOption("a\u{0}", "b") },
      try failure { () throws(ADBCError) in try connection.setOption("a", "b\u{0}") },
      try failure { () throws(ADBCError) in _ = try connection.tableSchema(table: "a\u{0}") },
      try failure { () throws(ADBCError) in _ = try connection.objects(table: "a\u{0}") },
    ]
    for error in errors { #expect(error.message.contains("zero byte")) }
  }
}
