public import NIOCore
internal import Synchronization

/// A client's connection: what calls on it have in common.
public final class ServerConnection: Sendable {
  /// Unique within the process, never used again.
  public let id: UInt64
  /// Address and port of the peer, for logs.
  public let remoteAddress: String
  /// The loop that all I/O of the connection happens on.
  public let eventLoop: any EventLoop
  /// Runs tasks on ``eventLoop``; handlers run there from the start.
  public let executor: LoopExecutor

  private enum State {
    case open([@Sendable () -> Void])
    case closed
  }

  private static let lastID = Atomic<UInt64>(0)
  private let state = Mutex(State.open([]))

  init(remoteAddress: String, executor: LoopExecutor) {
    id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    self.remoteAddress = remoteAddress
    self.executor = executor
    eventLoop = executor.eventLoop
  }

  /// Runs `action` once when the connection has closed, or now if it has closed already. It runs on the
  /// event loop unless the connection has closed already; it must not block.
  public func onClose(_ action: @escaping @Sendable () -> Void) {
    let runsNow = state.withLock { state in
      switch state {
      case .open(var actions):
        state = .closed  // the array has one owner while it grows
        actions.append(action)
        state = .open(actions)
        return false
      case .closed:
        return true
      }
    }
    if runsNow { action() }
  }

  func didClose() {
    let actions = state.withLock { state in
      defer { state = .closed }
      if case .open(let actions) = state { return actions }
      return []
    }
    for action in actions { action() }
  }
}
