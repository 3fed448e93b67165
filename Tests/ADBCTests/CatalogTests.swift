import ADBC
import Columnar
import TestSupport
import Testing

@Suite struct CatalogTests {
  private func table(_ connection: ADBCConnection) throws -> String {
    let table = freshName("cataloged")
    try connection.execute(
      "CREATE TABLE \(table) (id BIGINT PRIMARY KEY, name TEXT NOT NULL, value DOUBLE PRECISION)")
    return table
  }

  @Test(arguments: Backend.allCases)
  func `a table's columns are known`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let table = try table(connection)
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    let schema = try connection.tableSchema(table: table)
    #expect(schema.fields.map(\.name) == ["id", "name", "value"])
    // SQLite's columns have no types: its driver looks at the rows, and there are none.
    if backend != .sqlite { #expect(schema.fields.map(\.type) == [.int64, .utf8, .float64]) }
    let error = try failure { () throws(ADBCError) in
      _ = try connection.tableSchema(table: "nobody")
    }
    #expect(error.message.contains("nobody"))
  }

  @Test(arguments: Backend.allCases)
  func `objects are listed, as deep as asked and with filters`(_ backend: Backend) throws {
    let connection = try backend.connect()
    let table = try table(connection)
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    func text(_ result: ADBCResult) throws -> String {
      var text = ""
      while let batch = try result.next() {
        text += texts(batch).flatMap { $0 }.map { $0 ?? "NULL" }.joined(separator: " ")
      }
      return text
    }
    let all = try text(connection.objects(table: table))
    #expect(all.contains(table) && all.contains("'value'"))
    let tables = try text(connection.objects(depth: .tables, table: table))
    #expect(tables.contains(table) && !tables.contains("'value'"))
    #expect(try !text(connection.objects(depth: .schemas)).contains(table))
    #expect(try !text(connection.objects(depth: .catalogs)).isEmpty)
    let columns = try text(connection.objects(table: table, column: "na%"))
    #expect(columns.contains("'name'") && !columns.contains("'value'"))
    let types = try connection.tableTypes()
    #expect(types.contains { ["table", "BASE TABLE", "TABLE"].contains($0) })
    #expect(
      try text(connection.objects(depth: .tables, table: table, tableTypes: types)).contains(table))
    if backend != .duckdb {
      #expect(
        try !text(connection.objects(depth: .tables, table: table, tableTypes: ["view"])).contains(
          table))
    }
  }

  @Test func `PostgreSQL knows its current catalog and schema, which can be changed`() throws {
    let connection = try Backend.postgresql.connect()
    #expect(try connection.currentCatalog == "postgres")
    #expect(try connection.currentSchema == "public")
    let schema = freshName("s")
    try connection.execute("CREATE SCHEMA \(schema)")
    try connection.setCurrentSchema(schema)
    #expect(try connection.currentSchema == schema)
    try connection.execute("CREATE TABLE t (i INT)")
    #expect(try connection.tableSchema(schema: schema, table: "t").fields.count == 1)
    try connection.execute("DROP SCHEMA \(schema) CASCADE")
  }

  @Test func `PostgreSQL has statistics`() throws {
    let connection = try Backend.postgresql.connect()
    let table = try table(connection)
    defer { _ = try? connection.execute("DROP TABLE \(table)") }
    try connection.execute(
      "INSERT INTO \(table) SELECT i, 'x', i FROM generate_series(1, 1000) AS t(i)")
    try connection.execute("ANALYZE \(table)")
    let result = try connection.statistics(schema: "public", table: table)
    var text = ""
    while let batch = try result.next() {
      text += texts(batch).flatMap { $0 }.map { $0 ?? "NULL" }.joined(separator: " ")
    }
    #expect(text.contains(table) && text.contains("1000"))
  }

  @Test func `what a driver cannot is said by its status`() throws {
    let connection = try Backend.sqlite.connect()
    let statement = try connection.statement("SELECT 1")
    let error = try failure { () throws(ADBCError) in _ = try statement.executePartitions() }
    #expect(error.status == .notImplemented)
    let partition = try failure { () throws(ADBCError) in _ = try connection.readPartition([1, 2]) }
    #expect(partition.status == .notImplemented)
    let statistics = try failure { () throws(ADBCError) in _ = try connection.statistics() }
    #expect(statistics.status == .notImplemented)
  }

  @Test func `options are set and read, in each of their kinds`() throws {
    let connection = try Backend.postgresql.connect()
    let statement = try connection.statement("SELECT 1")
    try statement.setOption("adbc.postgresql.batch_size_hint_bytes", .int(12_345))
    #expect(try statement.intOption("adbc.postgresql.batch_size_hint_bytes") == 12_345)
    #expect(try statement.option("adbc.postgresql.batch_size_hint_bytes") == "12345")
    #expect(try connection.option("adbc.connection.autocommit") == "true")
    for (kind, body) in [
      ("bytes", { () throws(ADBCError) in _ = try connection.bytesOption("x.y") }),
      ("double", { () throws(ADBCError) in _ = try connection.doubleOption("x.y") }),
    ] {
      let error = try failure(body)
      #expect([.notFound, .notImplemented].contains(error.status), "\(kind)")
    }
  }

  @Test func `an option's value may be longer than usual`() throws {
    let connection = try Backend.postgresql.connect()
    let schema = "s" + String(repeating: "x", count: 62)
    try connection.execute("CREATE SCHEMA IF NOT EXISTS \(schema)")
    try connection.setCurrentSchema(schema)
    #expect(try connection.currentSchema == schema)
  }
}
