import Columnar
import Database
import DuckDB
import Foundation
import SQL
import Testing

/// The SQL that defines metrics, run by DuckDB itself.
@Suite struct `Definition of metrics` {
  /// A database with metrics in it; `path` nil keeps it in memory.
  private func connect(path: String? = nil, catalog: String = "memory") throws -> (
    Connection, MetricsRelation
  ) {
    let relation = MetricsRelation(catalog: catalog)
    let connection = try DuckDB.Database(DuckDBLibrary.load(), path: path).connect()
    for statement in relation.setupStatements { try connection.execute(statement) }
    try connection.execute("SET TimeZone = 'UTC'")
    return (connection, relation)
  }

  private func rows(_ connection: Connection, _ sql: String) throws -> [[String]] {
    let result = try connection.prepare(sql).execute()
    var rows: [[String]] = []
    while let batch = try result.next(maxRows: 10_000, allocator: HeapAllocator()) {
      for row in 0..<batch.rowCount {
        rows.append(batch.columns.map { $0.string(at: row) ?? "NULL" })
      }
    }
    return rows
  }

  @Test func `the running columns equal sums made row by row`() throws {
    let (connection, relation) = try connect()
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed of random metrics: \(seed)")
    try connection.execute(
      """
      CREATE TABLE batch AS SELECT 'm' || (hash(range, \(seed)::UBIGINT) % 3) AS metric_id,
        1700000000 + (hash(range, 1, \(seed)::UBIGINT) % 2000)::BIGINT AS timestamp,
        (hash(range, 2, \(seed)::UBIGINT) % 1000)::DOUBLE AS value, range AS place
      FROM range(5000)
      """)
    let ingest = try relation.conform(
      Schema(Field("metric_id", .utf8), Field("timestamp", .int64), Field("value", .float64)))
    try connection.execute(
      ingest.insertStatement(from: "(SELECT metric_id, timestamp, value FROM batch ORDER BY place)")
    )

    struct Window: Hashable {
      var metric: String
      var start: Int
    }
    var sums: [Window: (sum: Double, count: Int)] = [:]
    var expected: [[String]] = []
    for row in try rows(connection, "SELECT metric_id, timestamp, value FROM batch ORDER BY place")
    {
      let (time, value) = (try #require(Int(row[1])), try #require(Double(row[2])))
      let window = Window(metric: row[0], start: time - time % 300)
      sums[window, default: (0, 0)].sum += value
      sums[window, default: (0, 0)].count += 1
      let (sum, count) = sums[window, default: (0, 0)]
      expected.append([row[0], "\(time)", "\(Int(value))", "\(Int(sum))", "\(count)"])
    }
    let actual = try rows(
      connection,
      """
      SELECT metric_id, epoch(timestamp)::BIGINT, value::BIGINT, value_running_window_sum::BIGINT,
        value_running_window_count
      FROM memory.__hyprstream.metrics_running ORDER BY arrival, arrival_row
      """)
    #expect(actual == expected)
  }

  @Test func `rows of a large source keep its order`() throws {
    let (connection, relation) = try connect()
    try connection.execute(
      "CREATE TABLE batch AS SELECT 'm' AS metric_id, 1700000000 AS timestamp, range AS value "
        + "FROM range(1000000)")
    let ingest = try relation.conform(
      Schema(Field("metric_id", .utf8), Field("timestamp", .int64), Field("value", .int64)))
    try connection.execute(ingest.insertStatement(from: "batch"))
    #expect(
      try rows(
        connection,
        "SELECT count(*)::VARCHAR FROM metrics WHERE value_running_window_count <> value + 1")
        == [["0"]])
  }

  @Test func `a file is opened again with its rows, and another window if that is asked for`()
    throws
  {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("hyprstream-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = path + "/my-data.duckdb"
    for round in 1...2 {
      let (connection, relation) = try connect(path: file, catalog: "my-data")
      let statement = try StatementText.single("INSERT INTO metrics VALUES ('a', 1700000000, 5)")
      let text = try #require(
        try relation.rewrite(
          statement, head: statement.head, session: .init(catalog: "my-data")
        ) { (_) throws(SQLError) in [] })
      try connection.execute(text)
      #expect(
        try rows(connection, "SELECT max(value_running_window_count)::VARCHAR FROM metrics")
          == [["\(round)"]])
    }
    let narrow = MetricsRelation(catalog: "my-data", window: .microseconds(1))
    let connection = try DuckDB.Database(DuckDBLibrary.load(), path: file).connect()
    for statement in narrow.setupStatements { try connection.execute(statement) }
    try connection.execute(
      "UPDATE \"my-data\".__hyprstream.metrics SET timestamp = now() WHERE arrival = 1")
    #expect(
      try rows(connection, "SELECT max(value_running_window_count)::VARCHAR FROM metrics")
        == [["1"]])
  }

  @Test(
    arguments: [
      ("1700000000", "2023-11-14 22:13:20+00"), ("-1", "1969-12-31 23:59:59+00"),
      ("-100000000000", "1966-10-31 14:13:20+00"),
      ("100000000000", "1973-03-03 09:46:40+00"), ("99999999999999", "5138-11-16 09:46:39.999+00"),
      ("100000000000000", "1973-03-03 09:46:40+00"),
      ("99999999999999999", "5138-11-16 09:46:39.999999+00"),
      ("100000000000000000", "1973-03-03 09:46:40+00"),
      ("9223372036854775807", "2262-04-11 23:47:16.854775+00"),
      ("-9223372036854775808", "1677-09-21 00:12:43.145225+00"),
    ] as [(String, String)])
  func `integers are times by their magnitude, as literals and as values`(
    integer: String, time: String
  ) throws {
    let (connection, relation) = try connect()
    for sql in [
      "INSERT INTO metrics VALUES ('a', \(integer), 1)",
      "INSERT INTO metrics SELECT 'a', x, 1 FROM (VALUES (CAST(\(integer) AS BIGINT))) v(x)",
    ] {
      let statement = try StatementText.single(sql)
      let text = try #require(
        try relation.rewrite(statement, head: statement.head, session: .init(catalog: "memory")) {
          (_) throws(SQLError) in ["a", "b", "c"]
        })
      try connection.execute(text)
    }
    #expect(
      try rows(connection, "SELECT DISTINCT epoch_us(timestamp)::VARCHAR FROM metrics").count == 1)
    #expect(try rows(connection, "SELECT DISTINCT timestamp::VARCHAR FROM metrics") == [[time]])
  }
}
