import Columnar
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

private func rows(_ query: MetadataQuery) throws -> [[String?]] {
  let result = try #require(try PythonDuckDB.run(setup: setup, queries: [query.sql]).first)
  #expect(result.names == query.schema.fields.map(\.name))
  #expect(result.types == query.schema.fields.map { duckDBType($0.type) })
  return result.rows
}

private func duckDBType(_ type: DataType) -> String {
  switch type {
  case .utf8: "VARCHAR"
  case .int32: "INTEGER"
  case .uint8: "UTINYINT"
  case .bool: "BOOLEAN"
  default: "\(type)"
  }
}

@Suite(.enabled(if: PythonDuckDB.isAvailable)) struct MetadataSQLTests {
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
    let result = try #require(try PythonDuckDB.run(setup: setup, queries: [query.sql]).first)
    #expect(
      result.rows == [
        table + ["id", "INTEGER", "32", "0", "True", "nextval('other.s3.numbers')", nil],
        table + ["price", "DECIMAL(10,2)", "10", "2", "False", nil, "in euro"],
        table + ["name", "VARCHAR", nil, nil, "True", "'x'", nil],
      ])
    #expect(result.types == query.schema.fields.map { duckDBType($0.type) })
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
    let result = try #require(
      try PythonDuckDB.run(setup: [], queries: [ServerFacts.namesSQL]).first)
    let names = Dictionary(grouping: result.rows, by: { $0[0] ?? "" })
      .mapValues { Set($0.map { $0[1] ?? "" }) }
    #expect(names["keyword"]?.contains("select") == true)
    #expect(names["numeric"]?.contains("abs") == true)
    #expect(names["string"]?.contains("upper") == true)
    #expect(names["datetime"]?.contains("date_trunc") == true)
    #expect(names["system"]?.contains("current_database") == true)
    #expect(Set(names.keys) == ["keyword", "numeric", "string", "datetime", "system"])
  }
}
