/// Stops attempts to connect for a while when they keep failing.
struct Breaker {
  private enum State {
    case closed(failures: Int)
    /// No attempt before `until`.
    case open(until: Duration, delay: Duration, failures: Int)
    /// One attempt goes on, and decides.
    case halfOpen(delay: Duration, failures: Int)
  }

  private var state = State.closed(failures: 0)
  private let limit: Int
  private let firstDelay: Duration
  private let maxDelay: Duration

  init(_ options: PoolOptions) {
    limit = options.breakerFailures
    firstDelay = options.breakerDelay
    maxDelay = max(options.breakerMaxDelay, options.breakerDelay)
  }

  /// Whether an attempt may begin now.
  func allowsAttempt(_ now: Duration) -> Bool {
    switch state {
    case .closed: true
    case .open(let until, _, _): now >= until
    case .halfOpen: false
    }
  }

  /// An attempt begins.
  mutating func begin(_ now: Duration) {
    if case .open(let until, let delay, let failures) = state, now >= until {
      state = .halfOpen(delay: delay, failures: failures)
    }
  }

  mutating func succeeded() { state = .closed(failures: 0) }

  mutating func failed(_ now: Duration) {
    guard limit > 0 else { return }
    switch state {
    case .closed(let failures):
      let count = failures + 1
      state =
        count < limit
        ? .closed(failures: count)
        : .open(until: now + firstDelay, delay: firstDelay, failures: count)
    case .halfOpen(let delay, let failures):
      let longer = min(delay + delay, maxDelay)
      state = .open(until: now + longer, delay: longer, failures: failures + 1)
    case .open(let until, let delay, let failures):
      // An attempt that had begun before.
      state = .open(until: until, delay: delay, failures: failures + 1)
    }
  }

  /// When the next attempt is allowed; `nil` if it is now, or depends on one that goes on.
  var opensAt: Duration? {
    if case .open(let until, _, _) = state { until } else { nil }
  }

  var failureCount: Int {
    switch state {
    case .closed(let failures), .open(_, _, let failures), .halfOpen(_, let failures): failures
    }
  }

  var figure: PoolFigures.Breaker {
    switch state {
    case .closed: .closed
    case .open: .open
    case .halfOpen: .halfOpen
    }
  }
}
