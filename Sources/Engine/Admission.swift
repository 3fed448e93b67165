internal import DequeModule
internal import Synchronization

/// Decides how many statements run at once; the others wait in a queue of limited length.
///
/// A statement holds its place while a thread works for it. A result that waits for its reader
/// holds none, so slow readers do not keep others out.
public final class Admission: Sendable {
  private struct State {
    var maxRunning: Int
    var maxQueued: Int
    var running = 0
    var queue = Deque<Waiter>()
    var nextID: UInt64 = 0
  }

  private struct Waiter {
    let id: UInt64
    let start = ContinuousClock.now
    let continuation: CheckedContinuation<Outcome, Never>
  }

  private enum Outcome { case entered, cancelled, expired(Duration) }

  /// Told about the queue, for those who count.
  public struct Watch: Sendable {
    /// A statement begins to wait.
    public var queued: @Sendable () -> Void
    /// A statement has its place, or has given up.
    public var leftQueue: @Sendable (_ waited: Duration) -> Void
    /// A statement was turned away because the queue is full.
    public var refused: @Sendable () -> Void

    public init(
      queued: @escaping @Sendable () -> Void,
      leftQueue: @escaping @Sendable (_ waited: Duration) -> Void,
      refused: @escaping @Sendable () -> Void
    ) {
      self.queued = queued
      self.leftQueue = leftQueue
      self.refused = refused
    }
  }

  private let state: Mutex<State>
  private let watch: Watch?

  public init(maxRunning: Int, maxQueued: Int, watch: Watch? = nil) {
    self.watch = watch
    state = Mutex(State(maxRunning: max(1, maxRunning), maxQueued: max(0, maxQueued)))
  }

  /// How many run and how many wait.
  public var load: (running: Int, queued: Int) {
    state.withLock { ($0.running, $0.queue.count) }
  }

  /// Changes the limits; used when the configuration is read again.
  public func setLimits(maxRunning: Int, maxQueued: Int) {
    let admitted = state.withLock { state in
      state.maxRunning = max(1, maxRunning)
      state.maxQueued = max(0, maxQueued)
      var admitted: [Waiter] = []
      while state.running < state.maxRunning, let next = state.queue.popFirst() {
        state.running += 1
        admitted.append(next)
      }
      return admitted
    }
    for waiter in admitted { waiter.continuation.resume(returning: .entered) }
  }

  /// Turns away those who have waited longer than `limit`; zero means without limit. To be called
  /// now and then.
  public func expire(after limit: Duration) {
    guard limit > .zero else { return }
    let now = ContinuousClock.now
    let expired = state.withLock { state in
      var expired: [Waiter] = []
      while let first = state.queue.first, now - first.start > limit {
        expired.append(first)
        state.queue.removeFirst()
      }
      return expired
    }
    for waiter in expired { waiter.continuation.resume(returning: .expired(limit)) }
  }

  /// Waits for a place. Whoever enters calls `leave()` once.
  ///
  /// - Throws: `.overloaded` when the queue is full or the wait too long, `.cancelled` when the task is cancelled.
  public func enter() async throws(EngineError) {
    enum Answer { case entered, full(Int, Int), wait(UInt64) }
    let answer: Answer = state.withLock { state in
      if state.running < state.maxRunning, state.queue.isEmpty {
        state.running += 1
        return .entered
      }
      guard state.queue.count < state.maxQueued else {
        return .full(state.maxRunning, state.maxQueued)
      }
      state.nextID += 1
      return .wait(state.nextID)
    }
    switch answer {
    case .entered: return
    case .full(let running, let queued):
      watch?.refused()
      throw .overloaded(
        "\(running) statements are running and \(queued) are waiting, which are the limits "
          + "(max_running, max_queued); try again later")
    case .wait(let id):
      let start = ContinuousClock.now
      watch?.queued()
      defer { watch?.leftQueue(ContinuousClock.now - start) }
      try await wait(id)
    }
  }

  private func wait(_ id: UInt64) async throws(EngineError) {
    let outcome: Outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumesNow: Outcome? = state.withLock { state in
          if state.running < state.maxRunning, state.queue.isEmpty {
            state.running += 1
            return .entered
          }
          if Task.isCancelled { return .cancelled }
          state.queue.append(Waiter(id: id, continuation: continuation))
          return nil
        }
        if let resumesNow { continuation.resume(returning: resumesNow) }
      }
    } onCancel: {
      let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
        guard let index = state.queue.firstIndex(where: { $0.id == id }) else {
          return nil
        }
        return state.queue.remove(at: index).continuation
      }
      waiter?.resume(returning: .cancelled)
    }
    switch outcome {
    case .entered: return
    case .cancelled: throw .cancelled
    case .expired(let limit):
      throw .overloaded(
        "the statement waited longer than \(limit) for its turn, which is the limit "
          + "(queue_timeout); try again later")
    }
  }

  /// Gives the place to the next in the queue.
  public func leave() {
    let next = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
      if state.running <= state.maxRunning, let next = state.queue.popFirst() {
        return next.continuation
      }
      state.running -= 1
      return nil
    }
    next?.resume(returning: .entered)
  }
}
