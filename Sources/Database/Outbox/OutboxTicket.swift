internal import Engine
internal import Log
internal import Synchronization

/// One who waits until the database behind has the changes before an offset.
final class OutboxTicket: Sendable {
  private struct State {
    var result: Result<Void, DatabaseError>?
    var waiter: CheckedContinuation<Result<Void, DatabaseError>, Never>?
  }

  let offset: Offset
  private let state = Mutex(State())

  init(_ offset: Offset) { self.offset = offset }

  /// Whether it need be told nothing more.
  var isDone: Bool { state.withLock { $0.result != nil } }

  func finish(_ result: Result<Void, DatabaseError>) {
    let waiter = state.withLock {
      state -> CheckedContinuation<Result<Void, DatabaseError>, Never>? in
      guard state.result == nil else { return nil }
      state.result = result
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: result)
  }

  /// Ends the wait before its time.
  func stop(_ reason: StopReason) {
    let error: EngineError =
      switch reason {
      case .cancelled: .cancelled
      case .timedOut(let limit): .timedOut(limit)
      case .restarted: .restarted
      case .shuttingDown: .shuttingDown
      }
    finish(.failure(DatabaseError(error)))
  }

  /// Waits. One waiter.
  func wait() async throws(DatabaseError) {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<Void, DatabaseError>, Never>) in
      let result = state.withLock { state in
        if state.result == nil { state.waiter = continuation }
        return state.result
      }
      if let result { continuation.resume(returning: result) }
    }
    try result.get()
  }
}
