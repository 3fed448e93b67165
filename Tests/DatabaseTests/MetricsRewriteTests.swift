import Columnar
import Database
import SQL
import Testing

@Suite struct `Rewriting of metrics` {
  private static let relation = MetricsRelation(catalog: "memory")

  private func rewrite(_ sql: String, schema: String = "main") throws -> String? {
    let statement = try StatementText.single(sql)
    return try Self.relation.rewrite(
      statement, head: statement.head, session: .init(catalog: "memory", schema: schema)
    ) { query throws(SQLError) in
      query.contains("six") ? ["a", "b", "c", "d", "e", "f"] : ["timestamp", "Metric_ID", "value"]
    }
  }

  private static let next = "nextval('memory.__hyprstream.metrics_arrival')"
  private static let three = "(arrival, arrival_row, metric_id, \"timestamp\", value)"

  @Test(
    arguments: [
      (
        "INSERT INTO metrics VALUES ('a', 1700000000, 1.5), ('b', now(), 2)",
        "INSERT INTO memory.__hyprstream.metrics \(three) VALUES "
          + "(\(next), 0, 'a', make_timestamptz(1700000000000000), 1.5), (\(next), 0, 'b', now(), 2)"
      ),
      (
        "INSERT INTO metrics (metric_id, timestamp, value) VALUES (?, ?, ?) RETURNING *",
        "INSERT INTO memory.__hyprstream.metrics \(three) VALUES "
          + "(\(next), 0, ?, memory.__hyprstream.as_timestamp(?), ?) "
          + "RETURNING metric_id, \"timestamp\", value"
      ),
      (
        "insert into memory.main.METRICS (value, value_running_window_sum) values (1, default)",
        "insert into memory.__hyprstream.metrics (arrival, arrival_row, value, given_sum) values "
          + "(\(next), 0, 1, default)"
      ),
      (
        "WITH x AS (SELECT 1) INSERT INTO metrics FROM x",
        "WITH x AS (SELECT 1) INSERT INTO memory.__hyprstream.metrics \(three) "
          + "SELECT (SELECT \(next)), row_number() OVER (), \"metric_id\", "
          + "memory.__hyprstream.as_timestamp(\"timestamp\"), \"value\" "
          + "FROM (FROM x) AS given (\"metric_id\", \"timestamp\", \"value\")"
      ),
      (
        "INSERT INTO metrics BY NAME SELECT 1 AS timestamp, 'a' AS Metric_ID, 2 AS value",
        "INSERT INTO memory.__hyprstream.metrics "
          + "(arrival, arrival_row, \"timestamp\", metric_id, value) "
          + "SELECT (SELECT \(next)), row_number() OVER (), "
          + "memory.__hyprstream.as_timestamp(\"timestamp\"), \"metric_id\", \"value\" "
          + "FROM (SELECT 1 AS timestamp, 'a' AS Metric_ID, 2 AS value) "
          + "AS given (\"timestamp\", \"metric_id\", \"value\")"
      ),
      (
        "EXPLAIN UPDATE metrics SET value = value + 1, timestamp = 5, value_running_window_sum = 1 "
          + "WHERE metric_id = 'a'",
        "EXPLAIN UPDATE memory.__hyprstream.metrics SET value = value + 1, "
          + "timestamp = memory.__hyprstream.as_timestamp(5), given_sum = 1 WHERE metric_id = 'a'"
      ),
      (
        "DELETE FROM main.metrics WHERE value > 1",
        "DELETE FROM memory.__hyprstream.metrics WHERE value > 1"
      ),
      (
        "DELETE FROM metrics AS m WHERE m.value_running_window_count > 1",
        "DELETE FROM memory.__hyprstream.metrics AS m WHERE (arrival, arrival_row) IN "
          + "(SELECT (arrival, arrival_row) FROM memory.__hyprstream.metrics_running AS m WHERE "
          + "m.value_running_window_count > 1)"
      ),
      ("TRUNCATE metrics", "TRUNCATE memory.__hyprstream.metrics"),
      ("SELECT * FROM metrics", nil), ("INSERT INTO other.metrics VALUES (1)", nil),
      ("INSERT INTO metrics_2 VALUES (1)", nil), ("CREATE TEMP TABLE metrics (a INTEGER)", nil),
      ("EXPLAIN SELECT * FROM metrics", nil), ("COPY metrics TO 'x'", nil),
    ] as [(String, String?)])
  func `a statement acts on the table behind it`(sql: String, expected: String?) throws {
    #expect(try rewrite(sql) == expected)
  }

  @Test(
    arguments: [
      ("INSERT INTO metrics VALUES ('a', 1)", "takes 3 values"),
      ("INSERT INTO metrics VALUES ('a', 1, 2), ('a', 1)", "a row has 2 values for the 3 columns"),
      ("INSERT INTO metrics (metric_id, b) VALUES ('a', 1)", "no column \"b\""),
      ("INSERT INTO metrics (value, VALUE) VALUES (1, 1)", "\"VALUE\" is there twice"),
      ("INSERT INTO metrics DEFAULT VALUES", "needs metric_id, timestamp and value"),
      ("INSERT OR REPLACE INTO metrics VALUES ('a', 1, 1)", "no key"),
      ("INSERT INTO metrics VALUES ('a', 1, 1) ON CONFLICT DO NOTHING", "no key"),
      ("INSERT INTO metrics VALUES ('a', 1, 1) RETURNING value_running_window_avg", "RETURNING"),
      ("UPDATE metrics SET value = 1 WHERE value_running_window_sum > 1", "UPDATE cannot use"),
      ("UPDATE metrics SET value = value_running_window_sum", "UPDATE cannot use"),
      ("MERGE INTO metrics USING u ON true WHEN MATCHED THEN DELETE", "use INSERT INTO metrics"),
      ("INSERT INTO metrics_5m VALUES (1)", "computed from metrics"),
      ("DROP VIEW metrics", "belongs to the server"), ("DROP VIEW metrics_1h", "belongs to the"),
      ("CREATE OR REPLACE TABLE metrics (a INTEGER)", "belongs to the server"),
      ("ALTER VIEW metrics RENAME TO m", "belongs to the server"),
      ("DELETE FROM __hyprstream.metrics", "belongs to the server"),
      ("DROP SCHEMA __hyprstream CASCADE", "belongs to the server"),
    ] as [(String, String)])
  func `what cannot be done is said`(sql: String, part: String) throws {
    #expect {
      try rewrite(sql)
    } throws: { "\($0)".contains(part) }
  }

  @Test func `in another schema the name means another relation`() throws {
    #expect(try rewrite("INSERT INTO metrics VALUES (1)", schema: "mine") == nil)
    #expect(try rewrite("DELETE FROM main.metrics", schema: "mine") != nil)
  }

  @Test func `a long list with calls is selected from`() throws {
    let rows = Array(repeating: "('a', ?, DEFAULT)", count: 5).joined(separator: ", ")
    let text = try #require(try rewrite("INSERT INTO metrics VALUES \(rows)"))
    #expect(text.contains("FROM (VALUES ('a', ?, NULL), "))
    let plain = Array(repeating: "('a', 1700000000, 1)", count: 1_000).joined(separator: ", ")
    #expect(try rewrite("INSERT INTO metrics VALUES \(plain)")?.contains("SELECT") == false)
  }
}

@Suite struct `Arrow batches for metrics` {
  private static let relation = MetricsRelation(catalog: "memory")

  @Test func `are taken by column name, and naive times are UTC`() throws {
    let ingest = try Self.relation.conform(
      Schema(
        Field("Value", .int32), Field("timestamp", .timestamp(.nanosecond, timeZone: nil)),
        Field("METRIC_ID", .dictionary(index: .int32, value: .utf8, isOrdered: false)),
        Field("value_running_window_count", .null)))
    #expect(ingest.storedColumns == ["metric_id", "timestamp", "value", "given_count"])
    #expect(
      ingest.expressions == [
        "\"METRIC_ID\"", "CAST(\"timestamp\" AS TIMESTAMP) AT TIME ZONE 'UTC'",
        "CAST(\"Value\" AS DOUBLE)", "NULL",
      ])
  }

  @Test(
    arguments: [
      (DataType.int64, "memory.__hyprstream.as_timestamp(\"timestamp\")"),
      (.uint32, "memory.__hyprstream.as_timestamp(\"timestamp\")"),
      (.timestamp(.second, timeZone: "UTC"), "CAST(\"timestamp\" AS TIMESTAMPTZ)"),
      (.date32, "CAST(\"timestamp\" AS TIMESTAMP) AT TIME ZONE 'UTC'"),
      (.utf8View, "CAST(\"timestamp\" AS TIMESTAMPTZ)"),
    ] as [(DataType, String)])
  func `may have times of many types`(type: DataType, expression: String) throws {
    let ingest = try Self.relation.conform(
      Schema(Field("metric_id", .utf8), Field("timestamp", type), Field("value", .float64)))
    #expect(ingest.expressions.dropFirst().first == expression)
    #expect(
      ingest.insertStatement(from: "batch")
        == "INSERT INTO memory.__hyprstream.metrics "
        + "(arrival, arrival_row, metric_id, \"timestamp\", value) SELECT "
        + "(SELECT nextval('memory.__hyprstream.metrics_arrival')), row_number() OVER (), "
        + "\"metric_id\", \(expression), CAST(\"value\" AS DOUBLE) FROM batch")
  }

  @Test(
    arguments: [
      ([Field("metric_id", .utf8), Field("value", .float64)], "column \"timestamp\" of metrics"),
      (
        [Field("metric_id", .int64), Field("timestamp", .int64), Field("value", .float64)],
        "column \"metric_id\" of metrics takes text"
      ),
      (
        [Field("metric_id", .utf8), Field("timestamp", .float64), Field("value", .float64)],
        "column \"timestamp\" of metrics takes a timestamp"
      ),
      ([Field("metric_id", .utf8), Field("x", .int64)], "no column \"x\""),
      ([Field("value", .utf8), Field("VALUE", .int64)], "column \"VALUE\" is there twice"),
    ] as [([Field], String)])
  func `are refused with the name of the column`(fields: [Field], part: String) {
    #expect {
      try Self.relation.conform(Schema(fields))
    } throws: { "\($0)".contains(part) }
  }

  @Test(
    arguments: [
      (.seconds(300), 300_000_000), (.milliseconds(1), 1_000), (.zero, 1), (.seconds(-5), 1),
    ] as [(Duration, Int64)])
  func `a window has a length in microseconds`(window: Duration, micros: Int64) {
    #expect(MetricsRelation(catalog: "m", window: window).windowMicroseconds == micros)
  }
}
