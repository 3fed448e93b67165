import SQL
import Testing

struct RelationReferenceTests {
  @Test(arguments: [
    ("SELECT * FROM a, b.c JOIN \"D\" ON x = y, e", ["a", "b.c", "\"D\"", "e"]),
    ("SELECT f(x, y), z FROM a WHERE k IN (SELECT k, l FROM b) ORDER BY m, n", ["a", "b"]),
    (
      "WITH w AS (SELECT 1 FROM a), v (p, q) AS NOT MATERIALIZED (FROM b) SELECT * FROM w, v, c",
      ["a", "b", "c"]
    ),
    ("SELECT x IS NOT DISTINCT FROM y, x IS DISTINCT FROM z FROM a", ["a"]),
    ("SELECT * FROM range(3), (VALUES (1, 2)) v(a, b), c", ["c"]),
    ("INSERT INTO t SELECT a, b FROM s UNION ALL SELECT c, d FROM u", ["s", "u"]),
    ("SELECT 'FROM a' -- FROM b", []),
  ])
  func `the relations of FROM clauses`(sql: String, names: [String]) throws {
    let statement = try StatementText.single(sql)
    #expect(statement.relationReferences.map(\.name.description) == names)
  }
}
