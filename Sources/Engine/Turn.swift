internal import DequeModule
internal import Synchronization

/// Lets one task at a time pass, in the order in which they came.
///
/// A lock that may be held across an `await`. It guards a connection, which DuckDB allows one
/// statement at a time.
public final class Turn: Sendable {
  private struct State {
    var isHeld = false
    var waiters = Deque<CheckedContinuation<Void, Never>>()
  }

  private let state = Mutex(State())

  public init() {}

  public func acquire() async {
    let isFree = state.withLock { state in
      guard !state.isHeld else { return false }
      state.isHeld = true
      return true
    }
    if isFree { return }
    await withCheckedContinuation { continuation in
      let resumesNow = state.withLock { state in
        guard state.isHeld else {
          state.isHeld = true
          return true
        }
        state.waiters.append(continuation)
        return false
      }
      if resumesNow { continuation.resume() }
    }
  }

  public func release() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard let next = state.waiters.popFirst() else {
        state.isHeld = false
        return nil
      }
      return next
    }
    next?.resume()
  }
}
