import Columnar
import DuckDB
import Synchronization
import Testing

@Suite struct `Ordered views` {
  private static func rows(_ range: Range<Int64>) -> Batch {
    let texts = range.map { $0 % 7 == 0 ? nil : "text number \($0)" }
    return batch(
      ("n", Column(.int64, range.map { $0 % 5 == 0 ? nil : $0 }, null: -1)),
      ("id", Column(.int64, Array(range))), ("s", Column(utf8: texts)))
  }

  @Test(arguments: [1, 999, 65_536, 300_001])
  func `rows of any batch size go in on several threads and keep their order`(size: Int64) throws {
    let connection = try memoryDatabase(["threads": "4"]).connect()
    let count: Int64 = size == 1 ? 1_000 : 300_001
    let batches = stride(from: 0, to: count, by: Int(size)).map {
      Self.rows($0..<min($0 + size, count))
    }
    try connection.execute("CREATE TABLE t(s VARCHAR, id BIGINT, n HUGEINT); BEGIN")
    try connection.withOrderedView(
      named: "loaded",
      of: BatchTable(schema: batches[0].schema, batches: batches).scan(columns: []),
      schema: batches[0].schema
    ) { () throws(DuckDBError) in
      try connection.execute("INSERT INTO t(n, id, s) SELECT * FROM loaded")
    }
    try connection.execute("COMMIT")
    let wrong = """
      count(*) FILTER (id <> rowid OR n IS DISTINCT FROM CASE WHEN id % 5 <> 0 THEN id END
        OR s IS DISTINCT FROM CASE WHEN id % 7 <> 0 THEN 'text number ' || id END)
      """
    let found = try connection.batch("SELECT count(*), \(wrong) FROM t")
    #expect(int64s(found.columns[0]) == [count] && int64s(found.columns[1]) == [0])
    #expect(throws: DuckDBError.self) { try connection.batches("FROM loaded") }
  }

  @Test func `a source that fails ends the statement with its words`() throws {
    let connection = try memoryDatabase().connect()
    try connection.execute("BEGIN")
    let error = #expect(throws: DuckDBError.self) {
      try connection.withOrderedView(
        named: "loaded", of: FailingSource(), schema: Schema(Field("a", .int64))
      ) { () throws(DuckDBError) in
        try connection.execute("CREATE TABLE t AS SELECT * FROM loaded")
      }
    }
    #expect(error?.message.contains("the source is gone") == true)
    try connection.execute("ROLLBACK")
    #expect(throws: DuckDBError.self) { try connection.batches("FROM loaded") }
    #expect(!connection.database.isInvalidated)
  }

  @Test func `only types that go in unchanged are held`() {
    #expect(
      OrderedView.holds(Schema(Field("a", .utf8), Field("b", .timestamp(.second, timeZone: nil)))))
    for type: DataType in [
      .timestamp(.nanosecond, timeZone: "UTC"), .float16, .duration(.second),
      .decimal(width: .bits128, precision: 10, scale: 2), .list(Field("item", .int8)),
      .dictionary(index: .int8, value: .utf8, isOrdered: false),
    ] {
      #expect(!OrderedView.holds(Schema(Field("a", .int64), Field("b", type))))
    }
    #expect(!OrderedView.holds(Schema([])))
  }
}

private struct FailingSource: BatchSource {
  struct Gone: Error, CustomStringConvertible { let description = "the source is gone" }
  let maxThreads = 1
  func next() throws -> Batch? { throw Gone() }
}
