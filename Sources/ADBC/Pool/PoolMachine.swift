internal import DequeModule

/// Decides what happens to the connections of a pool: which are made, given out, tried out and closed, and who waits.
///
/// A state machine without clock, threads and connections: events come in with their time, actions go out, and whoever drives it
/// carries them out, outside of its lock. Connections and callers are numbers.
struct PoolMachine {
  typealias Connection = UInt64
  typealias Caller = UInt64

  enum Action: Hashable {
    /// Connect; then `made` or `failed`.
    case connect
    /// Try the connection out; then `checked`.
    case check(Connection)
    case grant(Caller, Connection)
    case refuse(Caller, PoolError)
    case close(Connection)
  }

  private struct Idle {
    let id: Connection
    let madeAt: Duration
    let since: Duration
    /// Another connection turned out to be dead: this one is tried out before it is used.
    var isSuspect = false
  }

  private struct Waiter {
    let id: Caller
    let deadline: Duration?
  }

  private let options: PoolOptions
  private var breaker: Breaker
  /// The one that was used last is at the end, and is used next.
  private var idle: [Idle] = []
  /// Those in use and those being tried out, with the time when they were made.
  private var inUse: [Connection: Duration] = [:]
  private var checking: [Connection: Duration] = [:]
  private var connectingCount = 0
  private var waiters = Deque<Waiter>()
  private var nextID: Connection = 0
  /// After a failure, no further attempt before, unless nothing else could help.
  private var pausedUntil: Duration?
  private var isClosed = false
  private var counts = PoolFigures()

  init(_ options: PoolOptions) {
    var options = options
    options.maxCount = max(options.maxCount, 1)
    options.minCount = min(max(options.minCount, 0), options.maxCount)
    self.options = options
    breaker = Breaker(options)
  }

  // MARK: - Events

  /// Somebody wants a connection.
  mutating func request(_ caller: Caller, at now: Duration) -> [Action] {
    guard !isClosed else { return [.refuse(caller, .closed)] }
    let deadline = options.waitTimeout > .zero ? now + options.waitTimeout : nil
    waiters.append(Waiter(id: caller, deadline: deadline))
    return serve(now)
  }

  /// A caller does not wait any more.
  ///
  /// - Returns: Whether it was waiting; if not, it has got, or will get, its answer.
  mutating func cancel(_ caller: Caller) -> Bool {
    guard let index = waiters.firstIndex(where: { $0.id == caller }) else { return false }
    waiters.remove(at: index)
    return true
  }

  /// An attempt to connect succeeded.
  ///
  /// - Returns: The connection's number from now on.
  mutating func made(at now: Duration) -> (Connection, [Action]) {
    nextID += 1
    let id = nextID
    connectingCount -= 1
    counts.made += 1
    counts.lastError = nil
    pausedUntil = nil
    breaker.succeeded()
    guard !isClosed else { return (id, [close(id)]) }
    idle.append(Idle(id: id, madeAt: now, since: now))
    return (id, serve(now))
  }

  /// An attempt to connect failed.
  mutating func failed(_ error: ADBCError, at now: Duration) -> [Action] {
    connectingCount -= 1
    counts.failed += 1
    counts.lastError = error
    pausedUntil = now + Self.pause
    breaker.failed(now)
    guard !isClosed else { return [] }
    // Whoever waits goes on waiting if a connection may become free.
    var actions: [Action] = []
    if openCount == 0, waiters.count > connectingCount,
      let first = waiters.popFirst()
    {
      actions.append(.refuse(first.id, .connect(error)))
    }
    return actions + serve(now)
  }

  /// A connection was tried out.
  mutating func checked(_ id: Connection, isHealthy: Bool, at now: Duration) -> [Action] {
    guard let madeAt = checking.removeValue(forKey: id) else { return [] }
    guard isHealthy, !isClosed else {
      suspectIdle()
      return [close(id)] + serve(now)
    }
    idle.append(Idle(id: id, madeAt: madeAt, since: now))
    return serve(now)
  }

  /// A connection is not in use any more.
  ///
  /// - Parameter isLost: Whether it turned out to be dead: then the others may be, too.
  mutating func returned(
    _ id: Connection, isReusable: Bool, isLost: Bool = false, at now: Duration
  ) -> [Action] {
    guard let madeAt = inUse.removeValue(forKey: id) else { return [] }
    if isLost { suspectIdle() }
    guard isReusable, !isLost, !isClosed, !isOld(madeAt, now) else {
      return [close(id)] + serve(now)
    }
    idle.append(Idle(id: id, madeAt: madeAt, since: now))
    return serve(now)
  }

  /// Time has passed: to be called at `nextDeadline`, and now and then.
  mutating func tick(at now: Duration) -> [Action] {
    guard !isClosed else { return [] }
    var actions = expireWaiters(now)
    actions += closeIdle(now)
    actions += serve(now)
    while totalCount < options.minCount, !isPaused(now), breaker.allowsAttempt(now) {
      actions.append(connect(now))
    }
    return actions
  }

  /// No more connections; those in use are closed when they are returned.
  mutating func shutDown() -> [Action] {
    isClosed = true
    let actions =
      waiters.map { Action.refuse($0.id, .closed) } + idle.map { close($0.id) }
    waiters.removeAll()
    idle.removeAll()
    return actions
  }

  // MARK: - What there is

  /// When `tick` has something to do; `nil` if time alone changes nothing.
  var nextDeadline: Duration? {
    guard !isClosed else { return nil }
    var times = waiters.compactMap(\.deadline)
    let wantsMore =
      totalCount < options.minCount
      || (waiters.count > checking.count + connectingCount && totalCount < options.maxCount)
    if wantsMore {
      times += [breaker.opensAt, pausedUntil].compactMap { $0 }
    }
    for (index, entry) in idle.enumerated() {
      if options.maxLifetime > .zero { times.append(entry.madeAt + options.maxLifetime) }
      if options.idleTimeout > .zero, totalCount - index > options.minCount {
        times.append(entry.since + options.idleTimeout)
      }
    }
    return times.min()
  }

  var figures: PoolFigures {
    var figures = counts
    figures.maxCount = options.maxCount
    figures.open = openCount
    figures.idle = idle.count
    figures.inUse = inUse.count
    figures.waiting = waiters.count
    figures.connecting = connectingCount
    figures.breaker = breaker.figure
    return figures
  }

  private var openCount: Int { idle.count + inUse.count + checking.count }
  private var totalCount: Int { openCount + connectingCount }

  // MARK: - Decisions

  /// Gives connections to those who wait, and gets more if there are too few.
  private mutating func serve(_ now: Duration) -> [Action] {
    var actions: [Action] = []
    while waiters.count > 0, let entry = idle.last {
      if isOld(entry.madeAt, now) {
        idle.removeLast()
        actions.append(close(entry.id))
      } else if needsCheck(entry, now) {
        // Those that are fetched already are enough for the others who wait.
        guard waiters.count > checking.count + connectingCount else { break }
        idle.removeLast()
        checking[entry.id] = entry.madeAt
        actions.append(.check(entry.id))
      } else if let waiter = waiters.popFirst() {
        idle.removeLast()
        inUse[entry.id] = entry.madeAt
        counts.leased += 1
        actions.append(.grant(waiter.id, entry.id))
      }
    }
    while waiters.count > checking.count + connectingCount, totalCount < options.maxCount,
      idle.isEmpty, openCount == 0 || !isPaused(now), breaker.allowsAttempt(now)
    {
      actions.append(connect(now))
    }
    return actions + refuseHopeless(now)
  }

  /// Nobody waits for the breaker: without a connection that could become free, callers are told at once.
  private mutating func refuseHopeless(_ now: Duration) -> [Action] {
    guard let opensAt = breaker.opensAt, opensAt > now, openCount == 0, connectingCount == 0,
      let last = counts.lastError
    else { return [] }
    let refused = waiters.map { waiter in
      Action.refuse(
        waiter.id,
        .open(last: last, failures: breaker.failureCount, retryAfter: opensAt - now))
    }
    waiters.removeAll()
    return refused
  }

  private mutating func connect(_ now: Duration) -> Action {
    breaker.begin(now)
    connectingCount += 1
    return .connect
  }

  private mutating func close(_ id: Connection) -> Action {
    counts.closed += 1
    return .close(id)
  }

  private mutating func expireWaiters(_ now: Duration) -> [Action] {
    var actions: [Action] = []
    while let first = waiters.first, let deadline = first.deadline, deadline <= now {
      waiters.removeFirst()
      counts.timedOut += 1
      actions.append(
        .refuse(
          first.id,
          .waitTimeout(limit: options.waitTimeout, inUse: inUse.count, last: counts.lastError)))
    }
    return actions
  }

  /// Closes what is too old, and what nobody has used for long, the longest unused first.
  private mutating func closeIdle(_ now: Duration) -> [Action] {
    var actions: [Action] = []
    var kept: [Idle] = []
    var count = totalCount
    for entry in idle {
      let isUnused =
        options.idleTimeout > .zero && entry.since + options.idleTimeout <= now
        && count > options.minCount
      if isOld(entry.madeAt, now) || isUnused {
        count -= 1
        actions.append(close(entry.id))
      } else {
        kept.append(entry)
      }
    }
    idle = kept
    return actions
  }

  private func isOld(_ madeAt: Duration, _ now: Duration) -> Bool {
    options.maxLifetime > .zero && madeAt + options.maxLifetime <= now
  }

  private func needsCheck(_ entry: Idle, _ now: Duration) -> Bool {
    entry.isSuspect || (entry.since < now && entry.since + options.checkAfter <= now)
  }

  private mutating func suspectIdle() {
    for index in idle.indices { idle[index].isSuspect = true }
  }

  private func isPaused(_ now: Duration) -> Bool { pausedUntil.map { now < $0 } ?? false }

  /// How long after a failure the next attempt begins, if callers can be served otherwise.
  private static let pause: Duration = .milliseconds(100)
}
