private import Synchronization

/// What Ctrl-C does at this moment: it cancels what runs, and nothing if nothing runs.
public final class Interrupts: Sendable {
  private struct State {
    var action: (@Sendable () -> Void)?
    var isInterrupted = false
  }

  private let state = Mutex(State())

  public init() {}

  /// Called for every SIGINT. Returns false if nothing was running.
  @discardableResult
  public func interrupt() -> Bool {
    let action = state.withLock { state in
      state.isInterrupted = true
      return state.action
    }
    action?()
    return action != nil
  }

  /// Runs `body` in a task that an interrupt cancels.
  func cancelling<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let task = Task { try await body() }
    state.withLock { $0.action = { task.cancel() } }
    defer { state.withLock { $0.action = nil } }
    return try await task.value
  }

  /// Whether there was an interrupt since the last call of `reset`.
  var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

  func reset() { state.withLock { $0.isInterrupted = false } }
}
