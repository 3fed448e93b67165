internal import Synchronization

/// Tells the one who started a statement that it runs, once.
///
/// That is not said at once: a small statement ends sooner than the other thread wakes up, and the two
/// would only be in each other's way. Whoever started it then finds everything done.
final class Announcement: Sendable {
  private enum State {
    case waiting([@Sendable () -> Void])
    case made
  }

  private let state = Mutex(State.waiting([]))

  /// - Parameter action: Called once; now, if the announcement was made already.
  func whenMade(_ action: @escaping @Sendable () -> Void) {
    let isMade = state.withLock { state in
      guard case .waiting(let actions) = state else { return true }
      state = .waiting(actions + [action])
      return false
    }
    if isMade { action() }
  }

  var isMade: Bool {
    state.withLock { state in
      if case .made = state { true } else { false }
    }
  }

  /// Says it, if it was not said before.
  func make() {
    let actions = state.withLock { state -> [@Sendable () -> Void] in
      guard case .waiting(let actions) = state else { return [] }
      state = .made
      return actions
    }
    for action in actions { action() }
  }
}
