import SQL
import Testing

@Suite struct `Bounds of relations` {
  /// What is found for the relation `s`, as text.
  private func bounds(_ sql: String) throws -> String {
    let statement = try StatementText.single(sql)
    let reference = statement.relationReferences.first { $0.name.name.lowercased() == "s" }
    guard let reference, let found = statement.bounds(of: reference) else { return "-" }
    return found.comparisons.map { comparison in
      let sign =
        switch comparison.bound {
        case .lower: comparison.isInclusive ? ">=" : ">"
        case .upper: comparison.isInclusive ? "<=" : "<"
        case .both: "="
        }
      return "\(comparison.column) \(sign) \(comparison.constant)"
    }.joined(separator: ", ")
  }

  @Test(
    arguments: [
      ("SELECT * FROM s WHERE a >= 5", "a >= 5"),
      (
        "SELECT * FROM s WHERE a > -5 AND b < '2026-01-01' ORDER BY a LIMIT 3",
        "a > -5, b < '2026-01-01'"
      ),
      ("SELECT * FROM s AS x WHERE 7 = x.a AND s.b = 1", "a = 7"),
      ("SELECT * FROM s x WHERE (x.a = 7 AND (b <= 3))", "a = 7, b <= 3"),
      ("SELECT * FROM main.s WHERE s.a BETWEEN 1 AND 2 AND c", "a >= 1, a <= 2"),
      ("SELECT * FROM t JOIN s ON t.i = s.i WHERE s.a = 1 AND b = 2", "a = 1"),
      ("SELECT * FROM t LEFT JOIN s USING (i) WHERE s.a = 1", "a = 1"),
      ("SELECT * FROM t, s WHERE s.a = 1", "a = 1"),
      ("SELECT * FROM s WHERE t >= now() - INTERVAL '1 hour'", "t >= now() - INTERVAL '1 hour'"),
      (
        "SELECT * FROM s WHERE t > TIMESTAMPTZ '2026-01-01' - INTERVAL 3 DAYS",
        "t > TIMESTAMPTZ '2026-01-01' - INTERVAL 3 DAYS"
      ),
      ("SELECT * FROM (SELECT * FROM s WHERE a = 1) WHERE b = 2", "a = 1"),
      ("SELECT * FROM s WHERE CASE WHEN x AND y THEN true END AND a = 1", "a = 1"),
      ("SELECT * FROM t WHERE i IN (SELECT i FROM s WHERE s.a = 1) AND i = 3", "a = 1"),
      ("FROM s SELECT b WHERE a = 1", "a = 1"),
      ("SELECT * FROM s WHERE a IN (5, 1, 3) AND b", "a >= 1, a <= 5"),
    ] as [(String, String)])
  func `comparisons that hold for all rows are found`(sql: String, expected: String) throws {
    #expect(try bounds(sql) == expected)
  }

  @Test(
    arguments: [
      "SELECT * FROM s WHERE a = 1 OR b = 2", "SELECT * FROM s WHERE (a = 1 OR b = 2)",
      "SELECT * FROM s WHERE NOT a = 1", "SELECT * FROM s WHERE a = b",
      "SELECT * FROM s WHERE a + 1 = 2",
      "SELECT * FROM s WHERE a = $1", "SELECT * FROM s WHERE a <> 1",
      "SELECT * FROM s WHERE a = random()",
      "SELECT * FROM s WHERE t <= now()", "SELECT * FROM s WHERE a IN (1, x)",
      "SELECT * FROM s WHERE a IN (1, 2) = b",
      "SELECT * FROM s WHERE a IN (SELECT 1)", "SELECT * FROM s WHERE a NOT IN (1, 2)",
      "SELECT * FROM s WHERE a IN (1, 2.5)",
      "SELECT * FROM s WHERE a NOT BETWEEN 1 AND 2",
      "SELECT * FROM t ASOF JOIN s ON t.a >= s.a WHERE s.a <= 5",
      "SELECT * FROM s TABLESAMPLE 10% WHERE a = 1",
      "SELECT * FROM s WHERE a BETWEEN 10 AND 20 = false",
      "SELECT * FROM s WHERE a BETWEEN SYMMETRIC 5 AND 1",
      "SELECT * FROM s WHERE a > 1 AND sample OR b", "SELECT * FROM s WHERE a > 1 USING SAMPLE 5",
      "INSERT INTO t SELECT a, b FROM s ON CONFLICT DO UPDATE SET b = 1 WHERE a > 5",
      "SELECT * FROM s WHERE a > TIMESTAMP '2030-01-01' - (now() - TIMESTAMP '2020-01-01')",
      "SELECT * FROM s POSITIONAL JOIN t WHERE s.a = 1",
      "SELECT * FROM s UNION SELECT * FROM t WHERE a = 1",
      "SELECT * FROM (s JOIN t ON true) WHERE s.a = 1", "SELECT * FROM s x(b, a) WHERE a = 1",
      "SELECT * FROM t JOIN s ON s.a = 1 WHERE a = 2", "SELECT * FROM s",
      "SELECT * FROM s HAVING a = 1",
      "SELECT * FROM s WHERE (SELECT 1) = a", "SELECT * FROM s WHERE a = 1 IS NULL",
      "SELECT * FROM s WHERE a = 1 COLLATE nocase",
      "SELECT * FROM s WHERE EXISTS (SELECT 1 FROM t WHERE a = 1)",
    ])
  func `what is not certain is left alone`(sql: String) throws {
    #expect(["", "-"].contains(try bounds(sql)))
  }
}
