internal import Synchronization

/// Tells the one who started a statement that it runs, once.
///
/// That is not said at once: a small statement ends sooner than the other thread wakes up, and the two
/// would only be in each other's way. Whoever starts it then finds everything done.
final class Announcement: Sendable {
  private let action = Mutex<(@Sendable () -> Void)?>(nil)

  /// To be called before the statement starts.
  func whenMade(_ action: @escaping @Sendable () -> Void) {
    self.action.withLock { $0 = action }
  }

  /// Says it, if it was not said before.
  func make() {
    let action = action.withLock { action in action.take() }
    action?()
  }
}
