import Testing

@testable import SQL

@Suite struct `Lifted literals` {
  private func lifted(_ sql: String) throws -> LiftedQuery? {
    let statement = try StatementText.single(sql)
    return statement.lifted(head: statement.head)
  }

  @Test(
    arguments: [
      ("select * from t where id = 7", "SELECT * FROM t WHERE id = $1", [.integer(7)]),
      (
        "SELECT a FROM s.t x WHERE x.id=7 AND (name >= 'it''s' OR NOT (n <> 3)) LIMIT 5",
        "SELECT a FROM s.t x WHERE x.id=$1 AND (name >= $2 OR NOT (n <> $3)) LIMIT 5",
        [.integer(7), .text("it's"), .integer(3)]
      ),
      (
        "SELECT a = 1 FROM t WHERE a = 1 GROUP BY a = 1 HAVING a = 1 ORDER BY 1",
        "SELECT a = 1 FROM t WHERE a = $1 GROUP BY a = 1 HAVING a = 1 ORDER BY 1", [.integer(1)]
      ),
      (
        "SELECT 1 FROM t WHERE a BETWEEN 1 AND 2 AND b = 3 UNION SELECT 2 FROM t WHERE b = 4",
        "SELECT 1 FROM t WHERE a BETWEEN 1 AND 2 AND b = $1 UNION SELECT 2 FROM t WHERE b = $2",
        [.integer(3), .integer(4)]
      ),
    ] as [(String, String, [LiftedQuery.Value])])
  func `are those compared with a column in WHERE`(
    sql: String, text: String, values: [LiftedQuery.Value]
  ) throws {
    #expect(try lifted(sql) == LiftedQuery(text: text, values: values))
  }

  @Test(arguments: [
    "SELECT 1", "SELECT * FROM t WHERE a = 1.5", "SELECT * FROM t WHERE a = E'x'",
    "SELECT * FROM t WHERE a = 1 + b", "SELECT * FROM t WHERE f(a = 1)",
    "SELECT * FROM t WHERE b + a = 1", "SELECT * FROM t WHERE a = $1 AND b = 2",
    "SELECT * FROM t WHERE a = 99999999999999999999", "INSERT INTO t SELECT a FROM u WHERE a = 1",
    "SELECT * FROM t WHERE CASE WHEN a = 1 THEN true END", "SELECT (SELECT a FROM u WHERE a = 1)",
    "SELECT * FROM t WHERE a = 1::SMALLINT", "SELECT * FROM t WHERE a IN (SELECT 1)",
    "SELECT * FROM t JOIN u ON t.a = 1", "SELECT * FROM t WHERE x BETWEEN 5 AND a = 1",
    "SELECT * FROM t WHERE d = DATE '2026-01-01'", "SELECT * FROM t WHERE a = INTERVAL 1 DAY",
    "SELECT count(*) FILTER (WHERE a = 1) FROM t", "SELECT * FROM t WHERE a = 'x' 'y'",
    "SELECT * FROM t WHERE a = 1 COLLATE nocase", "SELECT * FROM t WHERE 1 = a",
  ])
  func `are none where anything else may depend on them`(sql: String) throws {
    #expect(try lifted(sql) == nil)
  }
}
