import SQL
import Testing

/// What a cache may do with a statement, by its text.
struct StatementTraitsTests {
  private func traits(_ sql: String) throws -> StatementTraits {
    try StatementText.single(sql).traits
  }

  @Test(
    arguments: [
      "SELECT count(*), sum(amount) FROM orders WHERE id IN (1, 2) GROUP BY who HAVING count(*) > 3",
      "WITH t (a, b) AS (SELECT 1, 2), u (c) AS MATERIALIZED (SELECT 3) SELECT * FROM t, u",
      "SELECT * FROM unnest(ARRAY[1, 2]) x (a) JOIN LATERAL (SELECT 1) y ON true",
      "SELECT CAST(a AS numeric(10, 2)), a::varchar(5), extract(year FROM ts), date_trunc('day', ts) FROM t",
      "SELECT row_number() OVER (PARTITION BY a ORDER BY b), sum(a) FILTER (WHERE b) FROM t",
      "SELECT t.now, \"current_user\" FROM t", "SELECT 'now or never', \"random\" FROM t",
      "VALUES (1), (2)", "TABLE orders",
      "SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM t WHERE NOT (a OR (b AND (c)))",
    ])
  func `queries that say the same each time`(sql: String) throws {
    let traits = try traits(sql)
    #expect(traits.variance == nil)
    #expect(!traits.changesSomething)
  }

  @Test(
    arguments: [
      "SELECT now()", "SELECT * FROM t WHERE ts > CURRENT_TIMESTAMP - interval '1 day'",
      "SELECT random() FROM t", "SELECT current_user", "SELECT nextval('s')",
      "SELECT my_function(1)",
      "SELECT pg_catalog.now()", "SELECT \"now\"()", "SELECT 'now'::timestamp",
      "SELECT * FROM pg_class",
      "SELECT * FROM information_schema.tables", "SELECT * FROM t TABLESAMPLE SYSTEM (10)",
      "SELECT ctid FROM t",
      "SELECT * FROM sqlite_master", "SELECT x.f(1) FROM x",
    ])
  func `queries that may say something else each time`(sql: String) throws {
    #expect(try traits(sql).variance != nil)
  }

  @Test(
    arguments: [
      "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", "SELECT * INTO copy FROM t",
      "SELECT * FROM t FOR UPDATE", "SELECT * FROM t FOR NO KEY UPDATE",
      "SELECT * FROM t FOR SHARE",
      "WITH x AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM x",
    ])
  func `queries that change something`(sql: String) throws {
    #expect(try traits(sql).changesSomething)
  }

  @Test func `names are those of relations too, however they are written`() throws {
    let names = try traits(#"SELECT a.x FROM "Public"."Orders" a JOIN other.lines USING (id)"#)
      .names
    #expect(names.isSuperset(of: ["orders", "lines", "public", "other"]))
  }

  @Test func `a function that nobody knows is named`() throws {
    #expect(try traits("SELECT my_function(1)").unknownFunction == "my_function")
    #expect(try traits("SELECT now()").unknownFunction == nil)
  }

  @Test func `hints stand in comments with a plus`() throws {
    func hint(_ sql: String) throws -> CacheHint { try StatementText.single(sql).cacheHint }
    #expect(try hint("SELECT /*+ no_cache */ 1").isOff)
    #expect(try hint("/*+ no_cache */ SELECT 1").isOff)
    #expect(try hint("SELECT 1 /*+ cache(ttl='30s') */").maxAgeMicroseconds == 30_000_000)
    let both = try hint("SELECT /* plain */ 1 /*+ cache(ttl = '5m') */ FROM t")
    #expect(both.maxAgeMicroseconds == 300_000_000)
    #expect(both.isForced)
    #expect(try hint("SELECT '/*+ no_cache */', /*+ IndexScan(t) */ 1") == CacheHint())
    #expect(throws: SQLError.self) { try hint("SELECT /*+ cache(ttl='soon') */ 1") }
    #expect(throws: SQLError.self) { try hint("SELECT /*+ cache(stale='1h') */ 1") }
  }
}
