internal import Threads
internal import Synchronization

/// Connections that are kept and given out to one user at a time.
///
/// Nothing here blocks the caller's thread: connecting, trying out, closing, and what users do with a connection run on threads of the
/// pool, as many as there are connections, and one.
public final class ResourcePool<Resource: Sendable>: Sendable {
  /// What the pool does with its connections. All may block; they are called on threads of the pool.
  public struct Work: Sendable {
    /// Connects.
    public var connect: @Sendable () -> Result<Resource, ADBCError>
    /// Whether a connection that was idle still works.
    public var isHealthy: @Sendable (Resource) -> Bool
    /// Whether a connection is as new, so that it needs no reset. Must not block.
    public var isClean: @Sendable (Resource) -> Bool
    /// Makes a connection as new; false if it cannot be used again.
    public var reset: @Sendable (Resource) -> Bool

    public init(
      connect: @escaping @Sendable () -> Result<Resource, ADBCError>,
      isHealthy: @escaping @Sendable (Resource) -> Bool,
      isClean: @escaping @Sendable (Resource) -> Bool,
      reset: @escaping @Sendable (Resource) -> Bool
    ) {
      self.connect = connect
      self.isHealthy = isHealthy
      self.isClean = isClean
      self.reset = reset
    }
  }

  private struct State {
    var machine: PoolMachine
    var resources: [PoolMachine.Connection: Resource] = [:]
    var callers: [PoolMachine.Caller: CheckedContinuation<Result<Lease, PoolError>, Never>] = [:]
    var nextCaller: PoolMachine.Caller = 0
    /// When the keeper will look again; `nil` if it sleeps until it is woken.
    var plannedAt: Duration?
  }

  private let state: Mutex<State>
  private let work: Work
  private let now: @Sendable () -> Duration
  private let keeper: Keeper?
  let threads: WorkerPool
  public let options: PoolOptions

  /// - Parameters:
  ///   - now: A clock that only goes forward. With one of its own, the pool does nothing by itself when time passes: `tick()` is to
  ///     be called.
  public init(
    _ options: PoolOptions, _ work: Work, now: (@Sendable () -> Duration)? = nil
  ) {
    self.options = options
    self.work = work
    let start = ContinuousClock.now
    self.now = now ?? { ContinuousClock.now - start }
    state = Mutex(State(machine: PoolMachine(options)))
    threads = WorkerPool(name: "connections", maxThreadCount: max(options.maxCount, 1) + 1)
    keeper = now == nil ? Keeper() : nil
    keeper?.start { [weak self] in self?.tickAndPlan() }
    if options.minCount > 0 { tick() }
  }

  deinit {
    keeper?.stop()
    // Nobody waits: a waiting caller keeps the pool.
    let left = state.withLock { state in Array(state.resources.values) }
    // Closing may block, and this may be any thread.
    if !left.isEmpty { threads.submit { withExtendedLifetime(left) {} } }
  }

  /// What the pool looks like now.
  public var figures: PoolFigures { state.withLock { $0.machine.figures } }

  /// Waits for a connection.
  ///
  /// Cancelling the task ends the wait.
  public func lease() async throws(PoolError) -> Lease {
    let caller = state.withLock { state in
      state.nextCaller += 1
      return state.nextCaller
    }
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation {
        (continuation: CheckedContinuation<Result<Lease, PoolError>, Never>) in
        let isCancelled = Task.isCancelled
        if isCancelled {
          continuation.resume(returning: .failure(.cancelled))
          return
        }
        perform { state, time in
          state.callers[caller] = continuation
          return state.machine.request(caller, at: time)
        }
        // Cancelled in between: the handler has not found the caller.
        if Task.isCancelled { cancel(caller) }
      }
    } onCancel: {
      cancel(caller)
    }
    return try result.get()
  }

  private func cancel(_ caller: PoolMachine.Caller) {
    let continuation = state.withLock { state in
      state.machine.cancel(caller) ? state.callers.removeValue(forKey: caller) : nil
    }
    continuation?.resume(returning: .failure(.cancelled))
  }

  /// Closes idle connections and refuses new callers; connections in use are closed when they are returned.
  public func close() {
    perform { state, _ in state.machine.shutDown() }
  }

  /// Does what time asks for: ends waits, closes what is unused, connects.
  public func tick() {
    perform { state, time in state.machine.tick(at: time) }
  }

  private func tickAndPlan() -> Duration? {
    tick()
    let next = state.withLock { state in
      state.plannedAt = state.machine.nextDeadline
      return state.plannedAt
    }
    return next.map { $0 - now() }
  }

  func giveBack(_ id: PoolMachine.Connection, isReusable: Bool, isLost: Bool) {
    perform { state, time in
      state.machine.returned(id, isReusable: isReusable, isLost: isLost, at: time)
    }
  }

  /// Makes a connection as new, and gives it back.
  func giveBackReset(_ id: PoolMachine.Connection, _ resource: Resource) {
    if work.isClean(resource) {
      giveBack(id, isReusable: true, isLost: false)
    } else {
      threads.submit { [self] in
        giveBack(id, isReusable: work.reset(resource), isLost: false)
      }
    }
  }

  // MARK: - Driving the machine

  /// What is left to do after the lock is given up.
  private enum Effect {
    case answer(CheckedContinuation<Result<Lease, PoolError>, Never>, Result<Lease, PoolError>)
    case connect
    case check(PoolMachine.Connection, Resource)
    case drop(Resource)
  }

  private func perform(
    _ event: (inout State, Duration) -> [PoolMachine.Action]
  ) {
    let time = now()
    let (effects, isSooner) = state.withLock { state -> ([Effect], Bool) in
      let actions = event(&state, time)
      let effects = actions.compactMap { effect(of: $0, &state) }
      guard keeper != nil, let next = state.machine.nextDeadline else { return (effects, false) }
      let isSooner = state.plannedAt.map { next < $0 } ?? true
      if isSooner { state.plannedAt = next }
      return (effects, isSooner)
    }
    for effect in effects { carryOut(effect) }
    if isSooner { keeper?.wake() }
  }

  private func effect(of action: PoolMachine.Action, _ state: inout State) -> Effect? {
    switch action {
    case .connect: return .connect
    case .check(let id): return state.resources[id].map { .check(id, $0) }
    case .close(let id): return state.resources.removeValue(forKey: id).map { .drop($0) }
    case .grant(let caller, let id):
      guard let continuation = state.callers.removeValue(forKey: caller),
        let resource = state.resources[id]
      else { return nil }
      return .answer(continuation, .success(Lease(id, resource, of: self)))
    case .refuse(let caller, let error):
      return state.callers.removeValue(forKey: caller).map { .answer($0, .failure(error)) }
    }
  }

  private func carryOut(_ effect: Effect) {
    switch effect {
    case .answer(let continuation, let result): continuation.resume(returning: result)
    case .drop(let resource): threads.submit { withExtendedLifetime(resource) {} }
    case .connect:
      threads.submit { [self] in
        let result = work.connect()
        perform { state, time in
          switch result {
          case .success(let resource):
            let (id, actions) = state.machine.made(at: time)
            state.resources[id] = resource
            return actions
          case .failure(let error): return state.machine.failed(error, at: time)
          }
        }
      }
    case .check(let id, let resource):
      threads.submit { [self] in
        let isHealthy = work.isHealthy(resource)
        perform { state, time in state.machine.checked(id, isHealthy: isHealthy, at: time) }
      }
    }
  }
}
