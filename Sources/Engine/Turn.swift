internal import DequeModule
internal import Synchronization

/// Lets one task at a time pass, in the order in which they came.
///
/// A lock that may be held across an `await`. It guards a connection, which DuckDB allows one
/// statement at a time.
public final class Turn: Sendable {
  private struct State {
    var isHeld = false
    var waiters = Deque<UnsafeContinuation<Void, Never>>()
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
    await withUnsafeContinuation { continuation in
      let resumesNow = state.withLock { state in
        guard state.isHeld else {
          state.isHeld = true
          return true
        }
        unsafe state.waiters.append(continuation)
        return false
      }
      if resumesNow { unsafe continuation.resume() }
    }
  }

  public func release() {
    let next = state.withLock { state -> UnsafeContinuation<Void, Never>? in
      guard let next = unsafe state.waiters.popFirst() else {
        state.isHeld = false
        return nil
      }
      return unsafe next
    }
    unsafe next?.resume()
  }
}
