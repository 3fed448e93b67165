import Console
import CoreMetrics
import Logging
import Synchronization
import Testing

@testable import Telemetry

/// A sink that keeps the lines.
private final class Lines: Sendable {
  private let stored = Mutex<[String]>([])
  var all: [String] { stored.withLock { $0 } }
  func append(_ line: String) { stored.withLock { $0.append(line) } }
}

struct LogTests {
  private func logger(
    _ format: LineLogHandler.Format, _ lines: Lines, _ threshold: LineLogHandler.Threshold
  ) -> Logger {
    Logger(label: "test") { label in
      LineLogHandler(
        label: label, format: format, threshold: threshold,
        clock: { WallTime(milliseconds: 1_700_000_000_123) }, sink: { lines.append($0) })
    }
  }

  @Test func `a text line is one line, whatever its parts hold`() {
    let lines = Lines()
    logger(.text, lines, .init(.info)).info("hello\nworld", metadata: ["a": "1", "b": "x \"y\"\n"])
    #expect(
      lines.all == [
        "2023-11-14T22:13:20.123Z INFO test: hello world a=1 b=\"x \\\"y\\\"\\n\"\n"
      ])
  }

  @Test func `a JSON line keeps numbers as numbers and its own keys`() {
    let lines = Lines()
    logger(.json, lines, .init(.info)).info(
      "m", metadata: ["level": "mine", "n": .stringConvertible(7), "list": .array(["a", "b"])])
    #expect(
      lines.all == [
        #"{"time":"2023-11-14T22:13:20.123Z","level":"info","logger":"test","message":"m","#
          + #""level_":"mine","list":["a","b"],"n":7}"# + "\n"
      ])
  }

  @Test func `the least level changes for loggers that exist`() {
    let lines = Lines()
    let threshold = LineLogHandler.Threshold(.warning)
    let logger = logger(.text, lines, threshold)
    logger.info("no")
    threshold.level = .debug
    logger.debug("yes")
    #expect(lines.all.count == 1 && lines.all[0].contains("yes"))
  }

  @Test(arguments: [
    (Int64(0), "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"), (4_102_444_799_050, "2099-12-31T23:59:59.050Z"),
  ])
  func `a moment is written as ISO 8601`(milliseconds: Int64, text: String) {
    #expect(WallTime(milliseconds: milliseconds).iso8601 == text)
  }

  @Test func `a slow statement is one line, cut at a whole character`() {
    #expect(SlowStatement.oneLine("  SELECT\n\t 1  ") == "SELECT 1")
    let long = SlowStatement.oneLine(String(repeating: "ä", count: 3_000))
    #expect(long.hasSuffix("ä …") && long.utf8.count <= SlowStatement.maxTextBytes + 4)
    #expect(!long.contains("\u{FFFD}"))
  }
}

struct MetricsTests {
  @Test func `the figures of the server appear under their names`() {
    let registry = PrometheusRegistry()
    let metrics = ServerMetrics(factory: registry)
    metrics.connectionOpened()
    metrics.connectionOpened()
    metrics.connectionClosed()
    metrics.statementStarted()
    metrics.statementEnded(.ok, duration: .milliseconds(3))
    metrics.rpcEnded(method: "DoGet", code: 0, duration: .microseconds(60))
    metrics.rpcEnded(method: "DoGet", code: 5, duration: .seconds(90))
    metrics.rpcEnded(method: "DoGet", code: 99, duration: .seconds(90))
    metrics.sent(rowCount: 10, byteCount: 80)
    metrics.memory(usedBytes: 1_000, limitBytes: 2_000)
    let text = registry.text()
    for line in [
      "# TYPE hyprstream_connections gauge", "hyprstream_connections 1.0",
      "hyprstream_connections_total 2", "hyprstream_statements_running 0.0",
      "hyprstream_statements_total{outcome=\"ok\"} 1",
      "hyprstream_statements_total{outcome=\"timeout\"} 0",
      "hyprstream_statement_duration_seconds_bucket{le=\"0.0025\"} 0",
      "hyprstream_statement_duration_seconds_bucket{le=\"0.005\"} 1",
      "hyprstream_statement_duration_seconds_sum 0.003",
      "hyprstream_rpcs_total{code=\"OK\",method=\"DoGet\"} 1",
      "hyprstream_rpcs_total{code=\"NOT_FOUND\",method=\"DoGet\"} 1",
      "hyprstream_rpcs_total{code=\"UNKNOWN\",method=\"DoGet\"} 1",
      "hyprstream_rpc_duration_seconds_bucket{method=\"DoGet\",le=\"60.0\"} 1",
      "hyprstream_rpc_duration_seconds_bucket{method=\"DoGet\",le=\"+Inf\"} 3",
      "hyprstream_rows_sent_total 10", "hyprstream_bytes_sent_total 80",
      "hyprstream_memory_used_bytes 1000.0",
    ] {
      #expect(text.split(separator: "\n").contains { $0 == line }, "\(line)")
    }
  }

  @Test func `every figure says what it means`() {
    let registry = PrometheusRegistry(help: ServerMetrics.help)
    let metrics = ServerMetrics(factory: registry)
    metrics.rpcEnded(method: "DoGet", code: 0, duration: .zero)
    let lines = registry.text().split(separator: "\n")
    let explained = lines.filter { $0.hasPrefix("# HELP ") }.map { $0.split(separator: " ")[2] }
    let typed = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
    #expect(explained == typed && Set(typed.map(String.init)) == Set(ServerMetrics.help.keys))
  }

  @Test func `totals of the cache are counted as they grow, and explained`() {
    let registry = PrometheusRegistry(help: CacheMetrics.help)
    let metrics = CacheMetrics(factory: registry)
    var totals = CacheMetrics.Totals()
    totals.hits = 5
    totals.entries = 3
    metrics.note(totals)
    totals.hits = 7
    totals.entries = 2
    metrics.note(totals)
    let lines = registry.text().split(separator: "\n")
    #expect(lines.contains("hyprstream_cache_hits_total 7"))
    #expect(lines.contains("hyprstream_cache_entries 2.0"))
    let typed = lines.filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) }
    #expect(Set(typed) == Set(CacheMetrics.help.keys))
  }

  @Test func `each database behind has figures of its own, until it goes`() {
    let registry = PrometheusRegistry(help: EngineMetrics.help)
    let (first, second) = (
      EngineMetrics(engine: "pg", factory: registry),
      EngineMetrics(engine: "lite", factory: registry)
    )
    var totals = EngineMetrics.Totals()
    totals.connections = 3
    totals.outboxApplied = 11
    first.note(totals)
    totals.connections = 1
    second.note(totals)
    let text = registry.text()
    #expect(text.contains("hyprstream_engine_connections{engine=\"pg\"} 3.0\n"))
    #expect(text.contains("hyprstream_engine_connections{engine=\"lite\"} 1.0\n"))
    #expect(text.contains("hyprstream_outbox_applied_total{engine=\"pg\"} 11\n"))
    let typed = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
    #expect(Set(typed.map { String($0.split(separator: " ")[2]) }) == Set(EngineMetrics.help.keys))
    second.end()
    #expect(!registry.text().contains("lite"))
  }

  @Test func `what is counted by its life is open for as long as it lives`() {
    let registry = PrometheusRegistry()
    let metrics = ServerMetrics(factory: registry)
    var open = [Counted(.transaction, in: metrics), Counted(.preparedStatement, in: metrics)]
    #expect(registry.text().contains("hyprstream_transactions 1.0\n"))
    #expect(registry.text().contains("hyprstream_prepared_statements 1.0\n"))
    open.removeAll()
    #expect(registry.text().contains("hyprstream_transactions 0.0\n"))
    #expect(registry.text().contains("hyprstream_transactions_total 1\n"))
  }

  @Test(arguments: [
    (0, "0", "0 B"), (999, "999", "999 B"), (1_000, "1.0 k", "1000 B"), (1_536, "1.5 k", "1.5 KiB"),
    (12_400_000, "12.4 M", "11.8 MiB"), (999_999_999, "1000 M", "954 MiB"), (-5, "0", "0 B"),
  ])
  func `numbers are short for people`(number: Int, count: String, size: String) {
    #expect(ReadableNumber.count(number) == count)
    #expect(ReadableNumber.size(number) == size)
  }

  @Test func `labels are escaped and a name of another kind does no harm`() {
    let registry = PrometheusRegistry()
    registry.makeCounter(label: "a-b.c", dimensions: [("l", "x\"y\\z\n")]).increment(by: 2)
    registry.makeMeter(label: "a-b.c", dimensions: []).set(9.0)
    #expect(registry.text() == "# TYPE a_b_c counter\na_b_c{l=\"x\\\"y\\\\z\\n\"} 2\n")
  }

  @Test func `additions from many tasks are all counted`() async {
    let registry = PrometheusRegistry()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<1_000 {
            registry.makeFloatingPointCounter(label: "f", dimensions: []).increment(by: 0.5)
          }
        }
      }
    }
    #expect(registry.text().contains("f 4000.0"))
  }

  @Test func `the process tells its own size`() throws {
    let figures = try #require(ProcessFigures.now())
    #expect(figures.residentBytes > 1 << 20 && figures.threadCount >= 1)
    #expect(figures.openFileCount >= 3)
    #expect(figures.text.contains("process_resident_memory_bytes \(figures.residentBytes)\n"))
  }
}
