import SQL
import Testing

/// Which statements copies of tables answer, and what DuckDB gets then.
struct CoverageTests {
  private static let columns: [CopiedColumn] = [
    CopiedColumn(name: "id", type: .int64, isExact: true),
    CopiedColumn(name: "small", type: .int16, isExact: true),
    CopiedColumn(name: "number", type: .int32, isExact: true),
    CopiedColumn(name: "real", type: .float32, isExact: true),
    CopiedColumn(name: "double", type: .float64, isExact: true),
    CopiedColumn(name: "who", type: .text, isExact: true),
    CopiedColumn(name: "day", type: .date, isExact: true),
    CopiedColumn(name: "at", type: .timestamp, isExact: true),
    CopiedColumn(name: "atz", type: .timestampUTC, isExact: true),
    CopiedColumn(name: "amount", type: nil, isExact: true),
    CopiedColumn(name: "flag", type: .bool, isExact: true),
  ]

  private static func table(
    _ name: String = "t", isOnPath: Bool = true, slice: [Int: ValueRange] = [:]
  ) -> CopiedTable {
    CopiedTable(
      schema: "public", name: name, isOnPath: isOnPath, relation: "c.\(name)", columns: columns,
      slice: slice)
  }

  private func refusal(
    _ sql: String, _ tables: [CopiedTable] = [table(), table("u")],
    _ dialect: CoverageDialect = .postgresql, parameters: [CoverageParameter] = []
  ) throws -> String? {
    try StatementText.single(sql).refusalOfCoverage(by: tables, dialect, parameters: parameters)
  }

  @Test(
    arguments: [
      "SELECT * FROM t", "SELECT id, who FROM public.t WHERE who = 'x' AND number > 3",
      "SELECT t.* FROM t", "SELECT x.id AS \"Id\" FROM t x WHERE (x.day >= '2026-01-01')",
      "SELECT count(*), sum(number), min(day), avg(double) FROM t",
      "SELECT small, count(DISTINCT who) AS n FROM t GROUP BY small ORDER BY n DESC, 1 LIMIT 5 OFFSET 2",
      "SELECT t.id, u.who FROM t JOIN u ON t.id = u.id LEFT JOIN t v ON v.small = t.number",
      "SELECT id FROM t WHERE NOT (who IN ('a', 'b') OR day BETWEEN DATE '2026-01-01' AND '2026-02-01')",
      "SELECT id FROM t WHERE amount IS NULL AND flag AND NOT flag = true",
      "SELECT small + 1 AS next, small * 3 FROM t WHERE small - 7 < number",
      "SELECT id FROM t WHERE double > 2.5 AND double <= -3 AND atz < '2026-01-01 10:00:00+00'",
      "SELECT amount FROM t ORDER BY at NULLS FIRST", "SELECT ID FROM T",
    ])
  func `statements in which both databases agree`(sql: String) throws {
    #expect(try refusal(sql) == nil)
  }

  @Test(
    arguments: [
      "SELECT 1", "SELECT id FROM v", "SELECT id FROM other.t", "SELECT missing FROM t",
      "SELECT \"ID\" FROM t", "SELECT id / 2 FROM t", "SELECT who || 'x' FROM t",
      "SELECT id FROM t WHERE who < 'x'", "SELECT id FROM t WHERE who LIKE 'x%'",
      "SELECT id FROM t ORDER BY who", "SELECT sum(id) FROM t", "SELECT avg(number) FROM t",
      "SELECT sum(real) FROM t", "SELECT min(who) FROM t", "SELECT DISTINCT who FROM t",
      "SELECT id FROM t WHERE amount = '1'", "SELECT amount, count(*) FROM t GROUP BY amount",
      "SELECT double, count(*) FROM t GROUP BY double", "SELECT id + 1 FROM t",
      "SELECT number * number FROM t", "SELECT id FROM t WHERE id = 1.5",
      "SELECT id FROM t WHERE real IN (1, 2)", "SELECT id FROM t WHERE at > 'yesterday'",
      "SELECT id FROM t WHERE at > '2026-1-1'",
      "SELECT id FROM t WHERE atz > '2026-01-01 10:00:00'",
      "SELECT id FROM t WHERE day = '2026-02-30'",
      "SELECT id FROM t WHERE day > TIMESTAMP '2026-01-01'",
      "SELECT id FROM t WHERE number = who", "SELECT id FROM t WHERE number = '5'",
      "SELECT id FROM t WHERE id = NULL", "SELECT id FROM t WHERE who = E'a'",
      "SELECT id FROM t HAVING count(*) > 1", "SELECT count(*) FROM t HAVING count(*) > 1",
      "SELECT id, count(*) FROM t", "SELECT id, who, count(*) FROM t GROUP BY id",
      "SELECT id FROM t, u", "SELECT id FROM t JOIN u USING (id)",
      "SELECT id FROM t NATURAL JOIN u",
      "SELECT t.id FROM t RIGHT JOIN u ON t.id = u.id", "SELECT id FROM t JOIN u ON true",
      "SELECT id FROM t UNION SELECT id FROM u", "WITH x AS (SELECT 1) SELECT id FROM t",
      "SELECT id FROM (SELECT * FROM t) x", "SELECT id FROM t WHERE id IN (SELECT id FROM u)",
      "SELECT id FROM t FOR UPDATE", "SELECT id FROM t TABLESAMPLE SYSTEM (1)",
      "SELECT id FROM t LIMIT ALL", "SELECT id FROM t LIMIT 1 + 1", "SELECT user FROM t",
      "SELECT id, t.id FROM t", "SELECT id isnull FROM t", "SELECT current_date FROM t",
      "SELECT count(*) FILTER (WHERE flag) FROM t", "SELECT count(*) OVER () FROM t",
      "SELECT id::text FROM t", "SELECT CAST(id AS text) FROM t", "SELECT id[1] FROM t",
      "SELECT id COLLATE \"C\" FROM t", "SELECT id FROM t WHERE id = 99999999999999999999",
      "SELECT id FROM t WHERE who = 'a\\b'", "SELECT id FROM t WHERE id = $1",
      "SELECT id FROM t WHERE (id, number) = (1, 2)", "SELECT id FROM t WHERE id = ANY (ARRAY[1])",
      "SELECT (SELECT 1) FROM t", "SELECT id FROM t GROUP BY 1 + 0", "SELECT id FROM ONLY t",
      "SELECT id FROM t WHERE id BETWEEN SYMMETRIC 3 AND 1", "INSERT INTO t SELECT * FROM t",
      "SELECT id FROM t ORDER BY id USING <", "SELECT sum(DISTINCT number) FROM t",
    ])
  func `everything that is not certain goes to the database`(sql: String) throws {
    #expect(try refusal(sql) != nil)
  }

  @Test func `brackets without end are refused, and soon`() throws {
    let deep =
      String(repeating: "(", count: 20_000) + "id = 1" + String(repeating: ")", count: 20_000)
    #expect(try refusal("SELECT id FROM t WHERE \(deep)") != nil)
  }

  @Test func `the statement for DuckDB says what PostgreSQL means`() throws {
    let covered = try #require(
      try StatementText.single(
        "select o.small, sum(Number) as \"S\" from T o where real > 2.1 group by o.small order by 2 desc"
      ).covered(by: [Self.table()], .postgresql))
    #expect(
      covered.sql
        == "SELECT r0.\"small\" AS \"small\", CAST(sum(r0.\"number\") AS BIGINT) AS \"S\" FROM c.t AS r0 "
        + "WHERE (CAST(r0.\"real\" AS DOUBLE) > CAST('2.1' AS DOUBLE)) GROUP BY r0.\"small\" "
        + "ORDER BY CAST(sum(r0.\"number\") AS BIGINT) DESC NULLS FIRST")
    #expect(covered.outputs.map(\.name) == ["small", "S"])
    #expect(
      covered.outputs.map(\.source) == [.column(table: 0, column: 1), .computed(.int64)])
  }

  @Test func `parameters stand for their values`() throws {
    let values: [CoverageParameter] = [.integer(5), .text("it's")]
    let sql = "SELECT id FROM t WHERE who = $2 AND id = $1"
    let covered = try StatementText.single(sql).covered(
      by: [Self.table()], .postgresql, parameters: values)
    #expect(covered?.sql.contains("'it''s'") == true)
    #expect(try refusal("SELECT id FROM t WHERE day = $2", parameters: values) != nil)
    #expect(try refusal("SELECT id FROM t WHERE double = $1", parameters: values) != nil)
    #expect(try refusal("SELECT id FROM t WHERE id = $1", parameters: [.other]) != nil)
  }

  @Test func `names without a schema mean the table that is first on the path`() throws {
    let hidden = [Self.table(isOnPath: false)]
    #expect(try refusal("SELECT id FROM t", hidden) != nil)
    #expect(try refusal("SELECT id FROM public.t", hidden) == nil)
  }

  @Test func `a slice answers statements that stay inside it`() throws {
    let slice = try StatementText.slice(
      "day >= '2026-01-01' AND number < 10 AND who = 'a'", of: Self.table(), .postgresql)
    let sliced = [Self.table(slice: slice), Self.table("u")]
    let inside = "day > '2026-01-01' AND number BETWEEN 1 AND 9 AND who IN ('a')"
    #expect(try refusal("SELECT id FROM t WHERE \(inside)", sliced) == nil)
    #expect(try refusal("SELECT id FROM t WHERE \(inside) AND (id = 1 OR id = 2)", sliced) == nil)
    #expect(try refusal("SELECT id FROM t WHERE \(inside) OR id = 1", sliced) != nil)
    #expect(try refusal("SELECT id FROM t WHERE NOT (\(inside))", sliced) != nil)
    #expect(
      try refusal("SELECT id FROM t WHERE day > '2026-01-01' AND number < 11 AND who = 'a'", sliced)
        != nil)
    // What WHERE says of the side of LEFT JOIN that may be missing is too late; ON says it in time.
    let left = "SELECT u.id FROM u LEFT JOIN t ON u.id = t.id"
    #expect(
      try refusal("\(left) WHERE t.day > '2026-01-01' AND t.number < 3 AND t.who = 'a'", sliced)
        != nil)
    #expect(
      try refusal("\(left) AND t.day > '2026-01-01' AND t.number < 3 AND t.who = 'a'", sliced)
        == nil)
    #expect(
      try refusal(
        "SELECT t.id FROM t LEFT JOIN u ON u.id = t.id AND t.day > '2026-01-01' AND t.number < 3 AND t.who = 'a'",
        sliced) != nil)
  }

  @Test func `bounds of a statement of DuckDB's say what lies in a slice`() throws {
    let slice = try StatementText.slice(
      "day >= '2026-01-01' AND number < 10", of: Self.table(), .postgresql)
    func isInside(_ condition: String) throws -> Bool {
      let statement = try StatementText.single("SELECT 1 FROM pg.public.t AS x WHERE \(condition)")
      let reference = try #require(statement.relationReferences.first)
      let comparisons = statement.bounds(of: reference)?.comparisons ?? []
      return Self.table(slice: slice).holdsRows(
        in: StatementText.ranges(of: comparisons, in: Self.table()))
    }
    #expect(try isInside("x.day > '2026-02-01' AND Number <= 9 AND upper(who) = 'A'"))
    #expect(try isInside("day = DATE '2026-01-01' AND number BETWEEN 1 AND 5"))
    #expect(try !isInside("day > '2025-02-01' AND number <= 9"))
    #expect(try !isInside("day > '2026-02-01'"))
    #expect(try !isInside("day > now() AND number < 3"))
    #expect(try !isInside("day > '2026-02-01' AND (number < 3 OR true)"))
  }

  @Test(
    arguments: [
      "number <> 3", "number < 3 OR number > 5", "who LIKE 'a'", "number IN (1, 2)",
      "NOT number < 3", "number < id", "amount = 1", "number < 3; DROP TABLE t", "",
    ])
  func `conditions of slices that could not be compared are refused`(condition: String) {
    #expect(throws: SQLError.self) {
      try StatementText.slice(condition, of: Self.table(), .postgresql)
    }
  }

  @Test func `statements of CACHE and UNCACHE`() throws {
    func parse(_ sql: String) throws -> StreamStatement? {
      try StreamingParser.parse(StatementText.single(sql))
    }
    guard
      case .cacheTable(let table) = try parse(
        "CACHE TABLE pg.public.\"Orders\" WHERE day >= '2026-01-01' AND refresh < 3 REFRESH EVERY '30s' "
          + "CHANGE COLUMN Updated_At POLL EVERY '2s'")
    else {
      Issue.record("it is no CACHE TABLE")
      return
    }
    #expect(table.name == QualifiedName("pg", "public", "Orders"))
    #expect(table.isQuoted == [false, false, true])
    #expect(table.condition == "day >= '2026-01-01' AND refresh < 3")
    #expect(table.refreshMicroseconds == 30_000_000 && table.pollMicroseconds == 2_000_000)
    #expect(table.changeColumn == "updated_at")
    #expect(
      try parse("CACHE REFRESH EVERY '1m' SELECT 1")
        == .cacheQuery("SELECT 1", refreshMicroseconds: 60_000_000))
    #expect(
      try parse("UNCACHE TABLE IF EXISTS t") == .uncacheTable(QualifiedName("t"), isIfExists: true))
    #expect(try parse("UNCACHE SELECT 1") == .uncacheQuery("SELECT 1"))
    for wrong in [
      "CACHE", "CACHE TABLE", "CACHE TABLE t WHERE", "CACHE TABLE t REFRESH EVERY 5",
      "CACHE TABLE t REFRESH EVERY 'soon'", "CACHE TABLE t POLL EVERY '1s'", "CACHE t", "UNCACHE t",
      "CACHE TABLE t CHANGE updated_at",
    ] {
      #expect(throws: SQLError.self, "\(wrong)") { try parse(wrong) }
    }
  }
}
