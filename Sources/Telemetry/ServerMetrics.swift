public import CoreMetrics
private import Synchronization

/// What the server counts about itself. Names and labels here are a contract with dashboards.
///
/// Backed by swift-metrics; whoever bootstraps it decides where the figures go (the console shows them to
/// Prometheus). Every call is a few atomic additions: cheap enough once per call or batch, not per row.
public final class ServerMetrics: Sendable {
  /// How a statement ended.
  public enum Outcome: String, Hashable, Sendable, CaseIterable {
    case ok, error, cancelled
    /// Stopped by `--statement-timeout`.
    case timeout
    /// Refused because the queue was full or the wait too long.
    case refused
  }

  private let rpcs: RPCMetrics
  private let connections: Level
  private let sessions: Level
  private let transactions: Level
  private let preparedStatements: Level
  private let running: Level
  private let queued: Level
  private let outcomes: [Outcome: Counter]
  private let slow: Counter
  private let statementTime: Timer
  private let queueTime: Timer
  private let received: Flow
  private let sent: Flow
  private let rowsReceived = Atomic<Int>(0)
  private let rowsSent = Atomic<Int>(0)
  private let memoryUsed: Meter
  private let memoryLimit: Meter
  private let logSyncs: Counter
  private let logGroups: Counter
  private let logTotals = Mutex((syncs: 0, groups: 0))

  /// Counts into what swift-metrics was bootstrapped with.
  public convenience init() { self.init(factory: MetricsSystem.factory) }

  public init(factory: any MetricsFactory) {
    rpcs = RPCMetrics(factory: factory)
    connections = Level("hyprstream_connections", factory, total: "hyprstream_connections_total")
    sessions = Level("hyprstream_sessions", factory, total: "hyprstream_sessions_total")
    transactions = Level("hyprstream_transactions", factory, total: "hyprstream_transactions_total")
    preparedStatements = Level("hyprstream_prepared_statements", factory)
    running = Level("hyprstream_statements_running", factory)
    queued = Level("hyprstream_statements_queued", factory)
    outcomes = Dictionary(
      uniqueKeysWithValues: Outcome.allCases.map {
        let counter = Counter(
          label: "hyprstream_statements_total", dimensions: [("outcome", $0.rawValue)],
          factory: factory)
        return ($0, counter)
      })
    slow = Counter(label: "hyprstream_slow_statements_total", factory: factory)
    statementTime = Timer(label: "hyprstream_statement_duration_seconds", factory: factory)
    queueTime = Timer(label: "hyprstream_statement_queue_seconds", factory: factory)
    received = Flow("received", factory)
    sent = Flow("sent", factory)
    memoryUsed = Meter(label: "hyprstream_memory_used_bytes", factory: factory)
    memoryLimit = Meter(label: "hyprstream_memory_limit_bytes", factory: factory)
    logSyncs = Counter(label: "hyprstream_log_syncs_total", factory: factory)
    logGroups = Counter(label: "hyprstream_log_synced_groups_total", factory: factory)
  }

  // MARK: Calls and connections

  /// - Parameters:
  ///   - method: The method's bare name, such as `DoGet`. Must come from a fixed set, not from a client.
  ///   - code: gRPC status code, 0…16.
  public func rpcEnded(method: String, code: Int, duration: Duration) {
    rpcs.ended(method: method, code: code, duration: duration)
  }

  public func connectionOpened() { connections.up() }
  public func connectionClosed() { connections.down() }
  public func sessionOpened() { sessions.up() }
  public func sessionClosed() { sessions.down() }
  public func transactionOpened() { transactions.up() }
  public func transactionClosed() { transactions.down() }
  public func preparedStatementOpened() { preparedStatements.up() }
  public func preparedStatementClosed() { preparedStatements.down() }

  // MARK: Statements

  /// A statement has to wait for its turn.
  public func statementQueued() { queued.up() }

  /// A statement that waited has its turn, or has given up.
  public func statementLeftQueue(waited: Duration) {
    queued.down()
    queueTime.recordNanoseconds(nanoseconds(waited))
  }

  public func statementStarted() { running.up() }

  /// A statement that had started is over.
  public func statementEnded(_ outcome: Outcome, duration: Duration) {
    running.down()
    outcomes[outcome]?.increment()
    statementTime.recordNanoseconds(nanoseconds(duration))
  }

  /// A statement was turned away before it started.
  public func statementRefused() { outcomes[.refused]?.increment() }

  func statementWasSlow() { slow.increment() }

  // MARK: Rows and memory

  /// Rows that clients sent, in batches or as parameters.
  public func received(rowCount: Int, byteCount: Int) {
    rowsReceived.wrappingAdd(rowCount, ordering: .relaxed)
    received.add(rowCount: rowCount, byteCount: byteCount)
  }

  /// Rows that clients were sent.
  public func sent(rowCount: Int, byteCount: Int) {
    rowsSent.wrappingAdd(rowCount, ordering: .relaxed)
    sent.add(rowCount: rowCount, byteCount: byteCount)
  }

  /// All rows since the start, in both directions.
  public var rowTotals: (received: Int, sent: Int) {
    (rowsReceived.load(ordering: .relaxed), rowsSent.load(ordering: .relaxed))
  }

  /// Syncs of the log since the start, and groups of rows that were acknowledged after one.
  public func log(syncs: Int, groups: Int) {
    logTotals.withLock { totals in
      logSyncs.increment(by: max(0, syncs - totals.syncs))
      logGroups.increment(by: max(0, groups - totals.groups))
      totals = (syncs, groups)
    }
  }

  /// Bytes of memory that the engine holds, and its limit.
  public func memory(usedBytes: Int, limitBytes: Int) {
    memoryUsed.set(usedBytes)
    memoryLimit.set(limitBytes)
  }
}

/// Counts the object that holds it for as long as that object lives.
public final class Counted: Sendable {
  /// What is counted.
  public enum Thing: Sendable {
    case transaction, preparedStatement
  }

  private let thing: Thing
  private let metrics: ServerMetrics

  public init(_ thing: Thing, in metrics: ServerMetrics) {
    self.thing = thing
    self.metrics = metrics
    switch thing {
    case .transaction: metrics.transactionOpened()
    case .preparedStatement: metrics.preparedStatementOpened()
    }
  }

  deinit {
    switch thing {
    case .transaction: metrics.transactionClosed()
    case .preparedStatement: metrics.preparedStatementClosed()
    }
  }
}

/// How many of something there are now, and how many there have been.
private struct Level: Sendable {
  private let now: Meter
  private let total: Counter?

  init(_ name: String, _ factory: any MetricsFactory, total: String? = nil) {
    now = Meter(label: name, factory: factory)
    self.total = total.map { Counter(label: $0, factory: factory) }
  }

  func up() {
    now.increment()
    total?.increment()
  }

  func down() { now.decrement() }
}

/// Rows and bytes in one direction.
private struct Flow: Sendable {
  private let rows: Counter
  private let bytes: Counter

  init(_ direction: String, _ factory: any MetricsFactory) {
    rows = Counter(label: "hyprstream_rows_\(direction)_total", factory: factory)
    bytes = Counter(label: "hyprstream_bytes_\(direction)_total", factory: factory)
  }

  func add(rowCount: Int, byteCount: Int) {
    rows.increment(by: rowCount)
    bytes.increment(by: byteCount)
  }
}

/// A duration in nanoseconds, at most 292 years.
func nanoseconds(_ duration: Duration) -> Int64 {
  let (seconds, attoseconds) = duration.components
  let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
  if overflow { return .max }
  let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
  return overflowed ? .max : sum
}
