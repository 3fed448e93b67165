import Testing

@testable import SQL

@Suite struct `Queries for the row of one key` {
  @Test(
    arguments: [
      ("SELECT * FROM t WHERE id = 7", "SELECT * FROM t WHERE id = ", .integer(7)),
      (
        "select a, T.b as c from s.t as T where T.id=?;",
        "select a, T.b as c from s.t as T where T.id=", .parameter
      ),
      (
        "SELECT \"A b\" FROM c.s.t x WHERE x.k = 'it''s'",
        "SELECT \"A b\" FROM c.s.t x WHERE x.k = ", .text("it's")
      ),
      ("/* 1 */ SELECT a FROM t WHERE a = $1", "/* 1 */ SELECT a FROM t WHERE a = ", .parameter),
    ] as [(String, String, PointQuery.Value)])
  func `have a template and a value`(sql: String, template: String, value: PointQuery.Value) throws
  {
    let query = try #require(PointQuery(sql))
    #expect(query.template == template)
    #expect(query.value == value)
  }

  @Test func `are joined with the keys by the column that they compare`() throws {
    let query = try #require(PointQuery("SELECT k.a AS x, \"B\" FROM s.Kv AS k WHERE k.\"Id\" = 1"))
    #expect(query.table == "Kv")
    #expect(query.column == "Id")
    #expect(query.columns == ["a", "B"])
    #expect(
      query.joined(with: "live(1)", as: "__keys", key: "__key")
        == "SELECT k.a AS x, \"B\" FROM s.Kv AS k SEMI JOIN live(1) AS __keys ON k.\"Id\" = __keys.__key"
    )
    #expect(try #require(PointQuery("SELECT * FROM t WHERE id = 1")).columns.isEmpty)
  }

  @Test(arguments: [
    "", "SELECT 1", "SELECT * FROM t", "SELECT * FROM t WHERE id = 7 AND a = 1",
    "SELECT a + 1 FROM t WHERE id = 7",
    "SELECT f(a) FROM t WHERE id = 7", "SELECT a FROM t, u WHERE id = 7",
    "SELECT a FROM t JOIN u WHERE id = 7",
    "SELECT a FROM f(1) WHERE id = 7", "SELECT a FROM t WHERE id = -7",
    "SELECT a FROM t WHERE id = 7.5",
    "SELECT a FROM t WHERE id = 7 LIMIT 1", "SELECT a FROM t WHERE id == 7",
    "SELECT a FROM t WHERE id >= 7",
    "SELECT a FROM t WHERE id = $2", "SELECT a FROM t WHERE id = $name",
    "SELECT a FROM t WHERE id = E'x'",
    "SELECT DISTINCT a FROM t WHERE id = 7", "SELECT a FROM t WHERE id = 7; SELECT 1",
    "SELECT a FROM 't' WHERE id = 7",
    "SELECT a FROM t WHERE id = 99999999999999999999",
    "WITH t AS (SELECT 1 a) SELECT a FROM t WHERE a = 1",
    "SELECT a b FROM t WHERE id = 7", "SELECT t.* FROM t WHERE id = 7",
    "SELECT a FROM t WHERE id = 7::INT",
    "SELECT * EXCLUDE (a) FROM t WHERE id = 7", "SELECT a FROM t WHERE id = 'x' 'y'",
    "SELECT a FROM t WHERE id = NULL",
    "SELECT a FROM t WHERE id =", "SELECT a FROM t TABLESAMPLE 10% WHERE id = 7",
    "FROM t WHERE id = 7",
  ])
  func `are nothing else`(sql: String) { #expect(PointQuery(sql) == nil) }
}
