internal import Synchronization

public import DuckDB

/// Lets another thread stop the statements that one caller runs now, and only those.
///
/// DuckDB forgets an interrupt that comes before a statement has begun, so a stopped one that runs
/// on is interrupted again with each `remind()`.
public final class StopSignal: ConnectionHolder {
  private struct State {
    var running: Connection?
    var reason: StopReason?
  }

  private let state = Mutex(State())
  private let onStop: (@Sendable (StopReason) -> Void)?

  /// - Parameter onStop: Called once when it is stopped; to wake what no interrupt reaches.
  public init(onStop: (@Sendable (StopReason) -> Void)? = nil) { self.onStop = onStop }

  public var reason: StopReason? { state.withLock { $0.reason } }

  /// From now on `stop` interrupts this connection.
  ///
  /// - Throws: The reason, if it was stopped before.
  public func begin(_ connection: Connection) throws(EngineError) {
    let reason = state.withLock { state in
      if state.reason == nil { state.running = connection }
      return state.reason
    }
    if let reason { throw reason.error }
  }

  public func end() { state.withLock { $0.running = nil } }

  public func stop(_ reason: StopReason) {
    let isFirst = state.withLock { state in
      defer { state.reason = state.reason ?? reason }
      state.running?.interrupt()
      return state.reason == nil
    }
    if isFirst { onStop?(reason) }
  }

  func abandonConnection() { stop(.restarted) }

  func remind() {
    state.withLock { state in
      if state.reason != nil { state.running?.interrupt() }
    }
  }
}
