import Columnar
import TestSupport
import Testing

@testable import ADBC

@Suite struct DialectTests {
  @Test func `names are quoted, whatever is in them`() {
    #expect(Dialect.postgresql.quote("a\"b") == "\"a\"\"b\"")
    #expect(Dialect.bigquery.quote("a`b\\c") == "`a\\`b\\\\c`")
    #expect(
      Dialect.duckdb.quote(TableName("t", schema: "s x", catalog: "c")) == "\"c\".\"s x\".\"t\"")
    #expect(Dialect.sqlite.literal("it's") == "'it''s'")
    #expect(Dialect.bigquery.literal("it's \\") == "'it\\'s \\\\'")
  }

  @Test func `every type that a database has is named`() {
    let types: [(DataType, [Dialect: String])] = [
      (.bool, [.postgresql: "BOOLEAN", .sqlite: "INTEGER", .bigquery: "BOOL"]),
      (
        .int8,
        [.postgresql: "SMALLINT", .duckdb: "TINYINT", .sqlite: "INTEGER", .bigquery: "INT64"]
      ),
      (.uint64, [.postgresql: "NUMERIC(20, 0)", .duckdb: "UBIGINT", .bigquery: "NUMERIC(20)"]),
      (
        .float64,
        [.postgresql: "DOUBLE PRECISION", .duckdb: "DOUBLE", .sqlite: "REAL", .snowflake: "FLOAT"]
      ),
      (.float32, [.postgresql: "REAL", .duckdb: "FLOAT", .generic: "REAL"]),
      (
        .utf8,
        [.postgresql: "TEXT", .duckdb: "VARCHAR", .bigquery: "STRING", .snowflake: "VARCHAR"]
      ),
      (.binary, [.postgresql: "BYTEA", .duckdb: "BLOB", .snowflake: "BINARY", .bigquery: "BYTES"]),
      (.date32, [.postgresql: "DATE", .sqlite: "TEXT"]),
      (.time64(.microsecond), [.postgresql: "TIME", .snowflake: "TIME(6)"]),
      (
        .timestamp(.microsecond, timeZone: nil),
        [
          .postgresql: "TIMESTAMP", .duckdb: "TIMESTAMP", .snowflake: "TIMESTAMP_NTZ(6)",
          .bigquery: "DATETIME",
        ]
      ),
      (
        .timestamp(.nanosecond, timeZone: nil), [.duckdb: "TIMESTAMP_NS", .postgresql: "TIMESTAMP"]
      ),
      (
        .timestamp(.microsecond, timeZone: "UTC"),
        [
          .postgresql: "TIMESTAMPTZ", .duckdb: "TIMESTAMPTZ", .bigquery: "TIMESTAMP",
          .snowflake: "TIMESTAMP_LTZ(6)", .generic: "TIMESTAMP WITH TIME ZONE",
        ]
      ),
      (
        .decimal(width: .bits128, precision: 10, scale: 2),
        [.postgresql: "NUMERIC(10, 2)", .duckdb: "DECIMAL(10, 2)", .bigquery: "NUMERIC(10, 2)"]
      ),
      (.decimal(width: .bits128, precision: 5, scale: -2), [.postgresql: "NUMERIC(7, 0)"]),
      (.decimal(width: .bits128, precision: 38, scale: 20), [.bigquery: "BIGNUMERIC(38, 20)"]),
      (.duration(.second), [.postgresql: "INTERVAL", .duckdb: "INTERVAL"]),
      (
        .list(Field("item", .list(Field("item", .int32)))),
        [.postgresql: "INTEGER[]", .duckdb: "INTEGER[][]", .snowflake: "ARRAY"]
      ),
      (
        .fixedSizeList(Field("item", .float32), count: 3),
        [.duckdb: "FLOAT[3]", .postgresql: "REAL[]"]
      ),
      (
        .structure([Field("a b", .int32), Field("c", .utf8)]),
        [
          .duckdb: "STRUCT(\"a b\" INTEGER, \"c\" VARCHAR)",
          .bigquery: "STRUCT<`a b` INT64, `c` STRING>",
        ]
      ),
      (
        .map(
          entries: Field("entries", .structure([Field("key", .utf8), Field("value", .int64)])),
          keysSorted: false),
        [.duckdb: "MAP(VARCHAR, BIGINT)"]
      ),
      (.dictionary(index: .int8, value: .utf8, isOrdered: false), [.postgresql: "TEXT"]),
    ]
    for (type, names) in types {
      for (dialect, name) in names {
        #expect(dialect.typeName(of: type) == name, "\(dialect) \(type)")
      }
    }
  }

  @Test func `a type that a database has nothing for is refused by name`() throws {
    let schema = Schema(Field("s", .structure([Field("a", .int32)])))
    for dialect in [Dialect.postgresql, .sqlite, .generic] {
      let error = try failure { () throws(ADBCError) in
        _ = try dialect.createTable(TableName("t"), schema)
      }
      #expect(error.status == .invalidArgument)
      #expect(error.message.contains("\"s\""))
      #expect(error.message.contains(dialect.rawValue))
    }
    #expect(Dialect.bigquery.typeName(of: .list(Field("i", .list(Field("i", .int8))))) == nil)
    #expect(Dialect.duckdb.typeName(of: .decimal(width: .bits256, precision: 50, scale: 2)) == nil)
  }

  @Test func `a table is made in the words of the database`() throws {
    let schema = Schema(
      Field("id", .int64), Field("name", .utf8, isNullable: false), Field("value", .float64))
    #expect(
      try Dialect.postgresql.createTable(
        TableName("m", schema: "public"), schema, primaryKey: ["id"], ifNotExists: true)
        == "CREATE TABLE IF NOT EXISTS \"public\".\"m\" (\"id\" BIGINT NOT NULL, \"name\" TEXT NOT NULL, "
        + "\"value\" DOUBLE PRECISION, PRIMARY KEY (\"id\"))")
    #expect(
      try Dialect.bigquery.createTable(TableName("m"), schema, primaryKey: ["id"])
        == "CREATE TABLE `m` (`id` INT64 NOT NULL, `name` STRING NOT NULL, `value` FLOAT64, "
        + "PRIMARY KEY (`id`) NOT ENFORCED)")
    #expect(throws: ADBCError.self) {
      try Dialect.sqlite.createTable(TableName("t"), Schema(Field("a", .int8), Field("a", .int8)))
    }
    #expect(throws: ADBCError.self) {
      try Dialect.sqlite.createTable(TableName("t"), schema, primaryKey: ["nobody"])
    }
  }

  @Test func `limits are written as each database wants them`() {
    #expect(Dialect.postgresql.limit(5) == "LIMIT 5")
    #expect(Dialect.postgresql.limit(nil) == "")
    #expect(Dialect.postgresql.limit(nil, offset: 3) == "OFFSET 3")
    #expect(Dialect.sqlite.limit(nil, offset: 3) == "LIMIT -1 OFFSET 3")
    #expect(Dialect.snowflake.limit(nil, offset: 3) == "LIMIT NULL OFFSET 3")
    #expect(Dialect.generic.limit(5, offset: 3) == "OFFSET 3 ROWS FETCH FIRST 5 ROWS ONLY")
  }

  @Test func `rows are replaced by their key`() {
    let table = TableName("t")
    #expect(
      Dialect.postgresql.upsert(into: table, columns: ["k", "v"], key: ["k"])
        == "INSERT INTO \"t\" (\"k\", \"v\") VALUES ($1, $2) ON CONFLICT (\"k\") DO UPDATE SET \"v\" = excluded.\"v\""
    )
    #expect(
      Dialect.sqlite.upsert(into: table, columns: ["k"], key: ["k"])
        == "INSERT INTO \"t\" (\"k\") VALUES (?) ON CONFLICT (\"k\") DO NOTHING")
    #expect(
      Dialect.bigquery.upsert(into: table, columns: ["k", "v"], key: ["k"])
        == "MERGE INTO `t` AS t USING (SELECT ? AS `k`, ? AS `v`) AS s ON t.`k` = s.`k`"
        + " WHEN MATCHED THEN UPDATE SET `v` = s.`v`"
        + " WHEN NOT MATCHED THEN INSERT (`k`, `v`) VALUES (s.`k`, s.`v`)")
  }

  @Test func `the database is known by what the driver says`() {
    func info(_ vendor: String, _ version: String = "", driver: String = "") -> ADBCInfo {
      var info = ADBCInfo()
      info.texts = [0: vendor, 1: version, 100: driver]
      return info
    }
    #expect(Dialect(info("PostgreSQL")) == .postgresql)
    #expect(Dialect(info("SQLite")) == .sqlite)
    #expect(Dialect(info("duckdb")) == .duckdb)
    #expect(Dialect(info("hyprstream", "duckdb v1.5.5 hyprstream 1.0.0")) == .hyprstream)
    #expect(Dialect(info("Snowflake")) == .snowflake)
    #expect(Dialect(info("BigQuery")) == .bigquery)
    #expect(Dialect(info("Dremio")) == .generic)
    #expect(Dialect(ADBCInfo()) == .generic)
  }

  @Test(arguments: Backend.allCases)
  func `the database takes the tables, inserts, upserts and limits that are written for it`(
    _ backend: Backend
  ) throws {
    let connection = try backend.connect()
    let dialect = Dialect(try connection.info())
    let table = TableName(freshName("odd \"name"))
    let types: [DataType] = [
      .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .float32,
      .float64, .utf8, .binary, .date32, .time64(.microsecond),
      .timestamp(.microsecond, timeZone: nil), .timestamp(.microsecond, timeZone: "UTC"),
      .timestamp(.nanosecond, timeZone: nil), .decimal(width: .bits128, precision: 20, scale: 5),
      .list(Field("item", .int32)), .duration(.microsecond), .interval(.monthDayNano),
      .structure([Field("a", .int8)]), .fixedSizeBinary(byteWidth: 4),
    ]
    var fields = types.enumerated().map { Field("c\($0.offset)", $0.element) }
      .filter { dialect.typeName(of: $0.type) != nil }
    fields.insert(Field("the key", .int64), at: 0)
    let sql = try dialect.createTable(
      table, Schema(fields), primaryKey: ["the key"], isTemporary: true)
    try connection.execute(sql)
    let upsert = try connection.statement(
      dialect.upsert(into: table, columns: ["the key", "c3"], key: ["the key"]))
    try upsert.prepare()
    for value in [Int32(1), 2] {
      try upsert.bind(batch(("k", .int64s([1])), ("v", .int32s([value]))))
      try upsert.executeUpdate()
    }
    let insert = try connection.statement(
      dialect.insert(into: table, columns: ["the key", "c3"]))
    try insert.bind(batch(("k", .int64s([2])), ("v", .int32s([3]))))
    try insert.executeUpdate()
    let select = "SELECT \(dialect.quote("the key")), c3 FROM \(dialect.quote(table)) ORDER BY 1 "
    #expect(try connection.rows(select) == [["1", "2"], ["2", "3"]])
    #expect(try connection.rows(select + dialect.limit(1)) == [["1", "2"]])
    #expect(try connection.rows(select + dialect.limit(nil, offset: 1)) == [["2", "3"]])
  }
}
