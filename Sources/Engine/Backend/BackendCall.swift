internal import Synchronization

internal import ADBC

/// One statement on its way to a database: lets another thread stop it, also before its result is open.
public final class BackendCall: Sendable {
  private struct State {
    var connection: ADBCConnection?
    var reason: StopReason?
  }

  private let state = Mutex(State())

  public init() {}

  /// Why it was stopped, if it was.
  var reason: StopReason? { state.withLock { $0.reason } }

  /// Cancels what runs, or what would run next.
  public func stop(_ reason: StopReason) {
    state.withLock { state in
      state.reason = state.reason ?? reason
      // Under the lock: when `end` has returned, the connection may be another's.
      try? state.connection?.cancel()
    }
  }

  /// From now on `stop` cancels what runs on this connection.
  func begin(on connection: ADBCConnection) throws(EngineError) {
    let reason = state.withLock { state in
      if state.reason == nil { state.connection = connection }
      return state.reason
    }
    if let reason { throw reason.error }
  }

  func end() { state.withLock { $0.connection = nil } }

  /// What a failed statement is told to have failed of.
  func failure(_ error: ADBCError) -> EngineError { reason?.error ?? .backend(error) }
}
