internal import Synchronization
internal import Threads

/// A thread that does something again and again, at times that the work itself names.
final class Keeper: Sendable {
  private struct State {
    var work: (@Sendable () -> Duration?)?
    var isAwake = false
    var isOver = false
  }

  private let state = Mutex(State())
  private let monitor = Monitor()

  /// Begins.
  ///
  /// - Parameter work: Says after how long it is to be called again; `nil` waits for `wake()`.
  func start(_ work: @escaping @Sendable () -> Duration?) {
    state.withLock { $0.work = work }
    let isStarted = startThread { self.keep() }
    precondition(isStarted, "the system refuses to start a thread")
  }

  /// Something changed: the work is asked again when it wants to be called.
  func wake() {
    state.withLock { $0.isAwake = true }
    monitor.signal()
  }

  func stop() {
    state.withLock { $0.isOver = true }
    monitor.signal()
  }

  private func keep() {
    while let work = next() {
      let delay = work()
      let isReady = { self.state.withLock { $0.isAwake || $0.isOver } }
      if let delay {
        monitor.wait(atMost: delay, until: isReady)
      } else {
        monitor.wait(until: isReady)
      }
    }
    state.withLock { $0.work = nil }
  }

  private func next() -> (@Sendable () -> Duration?)? {
    state.withLock { state in
      state.isAwake = false
      return state.isOver ? nil : state.work
    }
  }
}
