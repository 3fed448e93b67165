internal import Engine
internal import Logging
internal import Synchronization
internal import Telemetry

/// Counts statements and writes down the slow ones.
final class StatementLog: Sendable {
  let metrics: ServerMetrics
  let logger: Logger
  private let threshold: Mutex<Duration>

  init(metrics: ServerMetrics, logger: Logger, threshold: Duration) {
    self.metrics = metrics
    self.logger = logger
    self.threshold = Mutex(threshold)
  }

  /// Changes what counts as slow; zero turns the log of slow statements off.
  func setThreshold(_ duration: Duration) { threshold.withLock { $0 = duration } }

  func warning(_ sentence: String) { logger.warning("\(sentence)") }

  /// A statement has started; it is counted as ended when its pump ends.
  func started(_ sql: String, _ pump: ResultPump, session: Handle) {
    metrics.statementStarted()
    let start = ContinuousClock.now
    pump.onEnd { [self, weak pump] failure in
      ended(
        sql, outcome: Self.outcome(failure), duration: .now - start,
        produced: pump?.produced ?? (0, 0), session: session)
    }
  }

  /// Counts a statement that runs in `body`, such as a load.
  func counting(
    _ sql: String, session: Handle, _ body: () async throws -> Int
  ) async throws -> Int {
    metrics.statementStarted()
    let start = ContinuousClock.now
    do {
      let rows = try await body()
      ended(sql, outcome: .ok, duration: .now - start, produced: (rows, 0), session: session)
      return rows
    } catch {
      let outcome = Self.outcome(error as? EngineError ?? .shuttingDown)
      ended(sql, outcome: outcome, duration: .now - start, produced: (0, 0), session: session)
      throw error
    }
  }

  func ended(
    _ sql: String, outcome: ServerMetrics.Outcome, duration: Duration,
    produced: (rows: Int, bytes: Int), session: Handle
  ) {
    metrics.statementEnded(outcome, duration: duration)
    let threshold = threshold.withLock { $0 }
    guard threshold > .zero, duration > threshold else { return }
    SlowStatement(
      text: sql, session: String(session.text.prefix(8)), outcome: outcome, duration: duration,
      rowCount: produced.rows, byteCount: produced.bytes
    ).report(to: logger, metrics: metrics)
  }

  static func outcome(_ failure: EngineError?) -> ServerMetrics.Outcome {
    switch failure {
    case nil: .ok
    case .cancelled: .cancelled
    case .timedOut: .timeout
    case .overloaded: .refused
    default: .error
    }
  }
}
