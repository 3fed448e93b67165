import Columnar
import DuckDB
import FlightProtocol
import SwiftProtobuf
import Testing

@testable import FlightServer

/// A database with two catalogs, keys, views, a temporary table and things that are hidden.
private let setup = [
  "ATTACH ':memory:' AS other", "ATTACH ':memory:' AS __hyprstream_internal",
  "CREATE SCHEMA s2", "CREATE SCHEMA other.s3", "CREATE SCHEMA __hyprstream_state",
  "CREATE TABLE __hyprstream_state.hidden (i INTEGER)",
  "CREATE TABLE __hyprstream_internal.hidden (i INTEGER PRIMARY KEY)",
  "CREATE TABLE parent (a INTEGER, b VARCHAR, c INTEGER UNIQUE, PRIMARY KEY (a, b))",
  "CREATE TABLE child (x INTEGER, y VARCHAR, z INTEGER, "
    + "FOREIGN KEY (x, y) REFERENCES parent (a, b), FOREIGN KEY (z) REFERENCES Parent (C))",
  "CREATE TABLE s2.p2 (x INTEGER PRIMARY KEY)",
  "CREATE TABLE s2.c2 (q INTEGER REFERENCES s2.p2 (x))",
  "CREATE TEMP TABLE scratch (i INTEGER)", "CREATE VIEW v AS SELECT 1 AS i",
  "CREATE SEQUENCE other.s3.numbers",
  "CREATE TABLE other.s3.\"it's a 100%_\" (id INTEGER DEFAULT nextval('other.s3.numbers'), "
    + "price DECIMAL(10,2) NOT NULL, name VARCHAR DEFAULT 'x')",
  "COMMENT ON COLUMN other.s3.\"it's a 100%_\".price IS 'in euro'",
]

/// DuckDB with the things above in it.
private func database() throws -> Connection {
  let connection = try Database(DuckDBLibrary.load(), path: nil, settings: [:]).connect()
  for statement in setup { try connection.execute(statement) }
  return connection
}

extension Connection {
  /// The rows of a query in one batch; none: no batch.
  fileprivate func batch(_ sql: String) throws -> Batch? {
    let result = try prepare(sql).execute()
    var batches: [Batch] = []
    while let batch = try result.next(maxRows: 65_536) { batches.append(batch) }
    return batches.isEmpty ? nil : try Batch.concatenate(batches)
  }

  /// The rows of a metadata query as text, after its schema has been put over them.
  fileprivate func rows(_ query: MetadataQuery) throws -> [[String?]] {
    let found = try prepare(query.sql).resultSchema
    #expect(found.fields.map(\.type) == query.schema.fields.map(\.type))
    #expect(found.fields.map(\.name) == query.schema.fields.map(\.name))
    guard let batch = try batch(query.sql) else { return [] }
    let labelled = try query.labelled(batch)
    #expect(labelled.schema == query.schema)
    return (0..<labelled.rowCount).map { row in labelled.columns.map { $0.string(at: row) } }
  }
}

private func rows(_ query: MetadataQuery) throws -> [[String?]] {
  try database().rows(query)
}

@Suite struct MetadataSQLTests {
  @Test func `catalogs are those attached, without internal ones`() throws {
    #expect(try rows(GetCatalogs.query()) == [["memory"], ["other"]])
  }

  @Test func `schemas of all catalogs are listed when none is named`() throws {
    #expect(
      try rows(GetDbSchemas.query(.init())) == [
        ["memory", "main"], ["memory", "s2"], ["other", "main"], ["other", "s3"],
      ])
  }

  @Test func `schemas are narrowed by catalog and pattern`() throws {
    let command = FlightSQL.CommandGetDbSchemas.with {
      $0.catalog = "other"
      $0.dbSchemaFilterPattern = "s_"
    }
    #expect(try rows(GetDbSchemas.query(command)) == [["other", "s3"]])
  }

  @Test func `an empty catalog means without one, and nothing is`() throws {
    #expect(try rows(GetDbSchemas.query(.with { $0.catalog = "" })).isEmpty)
    #expect(try rows(GetTables.query(.with { $0.catalog = "" })).isEmpty)
  }

  @Test func `tables, views and temporary tables are listed in order`() throws {
    #expect(
      try rows(GetTables.query(.init())) == [
        ["memory", "main", "child", "TABLE"], ["memory", "main", "parent", "TABLE"],
        ["memory", "main", "v", "VIEW"], ["memory", "s2", "c2", "TABLE"],
        ["memory", "s2", "p2", "TABLE"], ["other", "s3", "it's a 100%_", "TABLE"],
        ["temp", "main", "scratch", "LOCAL TEMPORARY"],
      ])
  }

  @Test(
    arguments: [
      (["VIEW"], ["v"]), (["base table", "view"], ["child", "parent", "v"]), (["no'ne"], []),
    ] as [([String], [String])])
  func `tables are narrowed by type`(types: [String], expected: [String]) throws {
    let command = FlightSQL.CommandGetTables.with {
      $0.catalog = "memory"
      $0.dbSchemaFilterPattern = "main"
      $0.tableTypes = types
    }
    #expect(try rows(GetTables.query(command)).map { $0[2] } == expected)
  }

  @Test(
    arguments: [
      ("p%", ["parent", "p2"]), ("it's a 100\\%\\_", ["it's a 100%_"]), ("'; DROP", []),
      ("a\u{0}b", []), ("%", ["child", "parent", "v", "c2", "p2", "it's a 100%_", "scratch"]),
    ] as [(String, [String])])
  func `table names are matched as by LIKE, whatever is in them`(
    pattern: String, expected: [String]
  ) throws {
    let query = GetTables.query(.with { $0.tableNameFilterPattern = pattern })
    #expect(try rows(query).map { $0[2] } == expected)
  }

  @Test func `details of columns come for the tables asked for`() throws {
    let query = TableSchemas.columnsQuery(.with { $0.tableNameFilterPattern = "it%" })
    let table = ["other", "s3", "it's a 100%_"]
    #expect(
      try rows(query) == [
        table + ["id", "INTEGER", "10", "0", "true", "nextval('other.s3.numbers')", nil],
        table + ["price", "DECIMAL(10,2)", "10", "2", "false", nil, "in euro"],
        table + ["name", "VARCHAR", nil, nil, "true", "'x'", nil],
      ])
  }

  @Test func `tables come with the schemas that a SELECT of them has`() throws {
    let connection = try database()
    try connection.execute("CREATE VIEW broken AS SELECT * FROM (SELECT 1 AS x)")
    let command = FlightSQL.CommandGetTables.with { $0.includeSchema = true }
    guard
      case .tablesWithSchemas(let tables, let columns)? =
        Metadata.answer(
          to: .getTables(command), facts: { .init(duckDBVersion: "", hyprstreamVersion: "") })
    else {
      Issue.record("another kind of answer")
      return
    }
    let batch = try TableSchemas.append(
      to: tables.labelled(try #require(try connection.batch(tables.sql))),
      columns: try #require(try connection.batch(columns.sql))
    ) { name in
      guard name.name != "broken" else { return nil }
      return try connection.prepare("SELECT * FROM \(name.sql)").resultSchema
    }
    #expect(batch.schema == Metadata.schema(of: .getTables(command)))
    let schemas = try (0..<batch.rowCount).map { row in
      (batch.columns[2].string(at: row), try schema(in: batch.columns[4], row))
    }
    let broken = try #require(schemas.first { $0.0 == "broken" }?.1)
    #expect(broken.fields.isEmpty)
    let money = try #require(schemas.first { $0.0 == "it's a 100%_" }?.1)
    #expect(money.fields.map(\.name) == ["id", "price", "name"])
    #expect(money.fields.map(\.isNullable) == [true, false, true])
    let price = money.fields[1]
    #expect(price.type == .decimal(width: .bits128, precision: 10, scale: 2))
    #expect(price.metadataValue("ARROW:FLIGHT:SQL:TYPE_NAME") == "DECIMAL(10,2)")
    #expect(price.metadataValue("ARROW:FLIGHT:SQL:REMARKS") == "in euro")
    #expect(money.fields[0].metadataValue("ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT") == "1")
  }

  @Test func `precision is told in decimal digits`() throws {
    let connection = try database()
    let types = [
      "TINYINT", "USMALLINT", "INTEGER", "BIGINT", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE",
      "DECIMAL(7,3)", "VARCHAR",
    ]
    let columns = types.enumerated().map { "c\($0.offset) \($0.element)" }
    try connection.execute("CREATE TABLE digits (\(columns.joined(separator: ", ")))")
    let query = TableSchemas.columnsQuery(.with { $0.tableNameFilterPattern = "digits" })
    #expect(
      try connection.rows(query).map { $0[5] } == [
        "3", "5", "10", "19", "20", "39", "7", "15", "7", nil,
      ])
  }

  private func schema(in column: Column, _ row: Int) throws -> Schema {
    let buffer = column.bytes(at: row)
    let bytes = buffer.values(as: UInt8.self)
    return try IPCStream.schema(fromEncapsulated: bytes.indices.map { bytes[$0] })
  }

  @Test func `primary keys name their columns in order`() throws {
    #expect(
      try rows(GetPrimaryKeys.query(.with { $0.table = "parent" })) == [
        ["memory", "main", "parent", "a", "parent_a_b_pkey", "1"],
        ["memory", "main", "parent", "b", "parent_a_b_pkey", "2"],
      ])
    let elsewhere = FlightSQL.CommandGetPrimaryKeys.with {
      $0.table = "parent"
      $0.dbSchema = "s2"
    }
    #expect(try rows(GetPrimaryKeys.query(elsewhere)).isEmpty)
    #expect(try rows(GetPrimaryKeys.query(.with { $0.table = "hidden" })).isEmpty)
  }

  private let composite = [
    [
      "memory", "main", "parent", "a", "memory", "main", "child", "x", "1",
      "child_x_y_a_b_fkey", "parent_a_b_pkey", "3", "3",
    ],
    [
      "memory", "main", "parent", "b", "memory", "main", "child", "y", "2",
      "child_x_y_a_b_fkey", "parent_a_b_pkey", "3", "3",
    ],
  ]

  @Test func `foreign keys are found from the table that has them`() throws {
    let found = try rows(GetImportedKeys.query(.with { $0.table = "child" }))
    #expect(found.count == 3)
    #expect(Array(found.prefix(2)) == composite)
    #expect(found.last?[7] == "z")
  }

  @Test func `foreign keys are found from the table they refer to`() throws {
    let found = try rows(GetExportedKeys.query(.with { $0.table = "parent" }))
    #expect(found.count == 3)
    #expect(Array(found.prefix(2)) == composite)
    #expect(
      try rows(GetExportedKeys.query(.with { $0.table = "p2" })).map { $0[6] } == ["c2"])
  }

  @Test func `foreign keys between two tables are found`() throws {
    let command = FlightSQL.CommandGetCrossReference.with {
      $0.pkTable = "parent"
      $0.fkTable = "child"
      $0.fkCatalog = "memory"
    }
    #expect(Array(try rows(GetCrossReference.query(command)).prefix(2)) == composite)
    let other = FlightSQL.CommandGetCrossReference.with {
      $0.pkTable = "p2"
      $0.fkTable = "child"
    }
    #expect(try rows(GetCrossReference.query(other)).isEmpty)
  }

  @Test func `the names of keywords and functions have their kinds`() throws {
    let batch = try #require(try database().batch(ServerFacts.namesSQL))
    var facts = ServerFacts(duckDBVersion: "1.5.5", hyprstreamVersion: "0.1.0")
    facts.addNames(batch)
    #expect(facts.keywords.contains("select"))
    #expect(facts.numericFunctions.contains("abs"))
    #expect(facts.stringFunctions.contains("upper"))
    #expect(facts.datetimeFunctions.contains("date_trunc"))
    #expect(facts.systemFunctions.contains("current_database"))
    #expect(facts.keywords == facts.keywords.sorted())
  }
}
