internal import ADBC
internal import Columnar
internal import Engine
internal import Log
internal import Logging
internal import Synchronization
internal import Threads

/// Takes changes out of an outbox, in order, and makes them in the database behind: several in one transaction of that database,
/// which also moves the note of how far it has come.
final class OutboxPusher: Sendable {
  /// Where changes go that the database refuses.
  typealias Reject = @Sendable (StoredChange, DatabaseError) async throws(DatabaseError) -> Void

  /// What one transaction takes at most; fewer if it takes longer than it should, so that not much is done again after a
  /// failure, and those who wait do not wait for all.
  private static let maxCount = 1_000
  private static let firstCount = 50
  private static let goodDuration = Duration.milliseconds(100)
  private static let maxByteCount = 16 << 20
  private static let firstDelay = Duration.milliseconds(50)
  private static let maxDelay = Duration.seconds(2)
  /// How often a change is tried of which nobody can tell why it fails.
  private static let maxUnclearCount = 5

  private let outbox: Outbox
  private let backend: Backend
  private let clock: @Sendable () -> Int64
  private let logger: Logger
  private let reject: Reject
  private let task = Mutex<Task<Void, Never>?>(nil)

  /// What the loop remembers from one turn to the next.
  private struct Pace {
    /// Whether it is known how far the database is.
    var isPlaced = false
    var maxCount = OutboxPusher.firstCount
    var delay = OutboxPusher.firstDelay
    var unclearCount = 0
    var lostCount = 0

    mutating func note(_ count: Int, took duration: Duration) {
      if duration > OutboxPusher.goodDuration * 2 {
        maxCount = max(1, count / 2)
      } else if duration < OutboxPusher.goodDuration, count >= maxCount {
        maxCount = min(maxCount * 2, OutboxPusher.maxCount)
      }
    }
  }

  init(
    _ outbox: Outbox, _ backend: Backend, clock: @escaping @Sendable () -> Int64, logger: Logger,
    reject: @escaping Reject
  ) {
    (self.outbox, self.backend, self.clock) = (outbox, backend, clock)
    (self.logger, self.reject) = (logger, reject)
  }

  func start() { task.withLock { $0 = $0 ?? Task { await run() } } }

  /// Ends it, and gives it so long to push what is there.
  func stop(within limit: Duration) async {
    let ticket = outbox.ticket(for: outbox.head)
    let timer = Task {
      try? await Task.sleep(for: limit)
      ticket.stop(.shuttingDown)
    }
    try? await ticket.wait()
    timer.cancel()
    outbox.close()
    let running = task.withLock { $0 }
    running?.cancel()
    await running?.value
  }

  private func run() async {
    var pace = Pace()
    while await outbox.untilWork() {
      do throws(OutboxFailure) {
        if !pace.isPlaced { try await place() }
        pace.isPlaced = true
        try await pushNext(&pace)
        pace.delay = Self.firstDelay
        (pace.unclearCount, pace.lostCount) = (0, 0)
      } catch {
        if case .stopped = error, Task.isCancelled { return }
        await handle(error, &pace)
      }
    }
  }

  /// Finds out how far the database is: an answer to a commit may have been lost, with its connection or with our process.
  private func place() async throws(OutboxFailure) {
    do {
      let position = OutboxPosition(
        applied: try await backend.appliedLoads(now: clock()), producer: outbox.producer)
      let (start, now) = (outbox.applied, clock())
      let found = try await backend.engine.load(BackendCall()) { (connection) throws(ADBCError) in
        try position.find(connection, startingAt: start, at: now)
      }
      guard found <= outbox.head else {
        throw DatabaseError(
          .failedPrecondition,
          "the database has changes up to \(found.rawValue) of this outbox, which ends at \(outbox.head.rawValue): the data "
            + "folder is an old copy; remove the row of \(outbox.producer) from hyprstream_applied to push what it holds"
        )
      }
      outbox.didReach()
      if found > start {
        backend.forgetReaches()
        backend.noteChange(.everything)
        outbox.didApply(upTo: found, changes: 0, byteCount: 0)
      } else if found < start {
        try await move(from: found, to: start, [])
      }
    } catch {
      throw OutboxFailure(error)
    }
  }

  // MARK: - Pushing

  private func pushNext(_ pace: inout Pace) async throws(OutboxFailure) {
    let (outbox, count) = (outbox, pace.maxCount)
    let read = await outbox.workers.run { () -> Result<[StoredChange], DatabaseError> in
      Result { () throws(DatabaseError) in
        try outbox.read(maxCount: count, maxByteCount: Self.maxByteCount)
      }
    }
    let changes: [StoredChange]
    do throws(DatabaseError) { changes = try read.get() } catch { throw .passing(error) }
    guard let last = changes.last else { return }
    let start = ContinuousClock.now
    do throws(OutboxFailure) {
      try await push(changes, upTo: last.offsets.upperBound)
      pace.note(changes.count, took: .now - start)
    } catch {
      switch error {
      case .refused(let reason):
        try await narrow(changes, reason, &pace)
      case .unclear(let reason) where pace.unclearCount >= Self.maxUnclearCount:
        try await narrow(changes, reason, &pace)
        pace.unclearCount = 0
      default: throw error
      }
    }
  }

  /// Something in these changes is refused: fewer are tried next, and one that is alone is put aside.
  private func narrow(
    _ changes: [StoredChange], _ reason: DatabaseError, _ pace: inout Pace
  ) async throws(OutboxFailure) {
    guard let only = changes.first, changes.count == 1 else {
      pace.maxCount = max(1, changes.count / 2)
      return
    }
    do throws(DatabaseError) { try await reject(only, reason) } catch { throw .passing(error) }
    try await push([only], upTo: only.offsets.upperBound, isDropped: true)
    outbox.didReject()
    logger.warning(
      "the engine refused a change of its outbox, which is in hyprstream_outbox_rejected now",
      metadata: ["engine": "\(backend.engine.name)", "reason": "\(reason.message)"])
  }

  private func push(
    _ changes: [StoredChange], upTo end: Offset, isDropped: Bool = false
  ) async throws(OutboxFailure) {
    do {
      try await move(from: outbox.applied, to: end, isDropped ? [] : changes.map(\.change))
    } catch {
      throw OutboxFailure(error)
    }
    var reach = CacheVersions.Reach.nothing
    for change in changes { reach.formUnion(change.change.reach) }
    if changes.contains(where: \.change.mayMakeTable) { backend.forgetReaches() }
    // Before those who wait are told: they must not find what was computed without these changes.
    backend.noteChange(reach)
    outbox.didApply(
      upTo: end, changes: isDropped ? 0 : changes.count,
      byteCount: changes.reduce(0) { $0 + $1.byteCount })
  }

  /// One transaction of the database.
  private func move(from old: Offset, to new: Offset, _ changes: [OutboxChange]) async throws {
    let position = OutboxPosition(
      applied: try await backend.appliedLoads(now: clock()), producer: outbox.producer)
    let now = clock()
    var steps = OutboxStep.steps(of: changes)
    for index in steps.indices {
      guard case .statement(let sql, let parameters) = steps[index] else { continue }
      let text = try await backend.text(sql, hasParameters: !parameters.isEmpty)
      steps[index] = .statement(text, parameters: parameters)
    }
    let ready = steps
    try await backend.engine.load(BackendCall()) { (connection) throws(ADBCError) in
      try connection.inTransaction { () throws(ADBCError) in
        try position.move(connection, from: old, to: new, at: now)
        let fresh = try position.applied.noting(ready, connection, at: now)
        for step in fresh { try step.run(connection, position.applied.dialect) }
      }
    }
  }

  // MARK: - What goes wrong

  private func handle(_ failure: OutboxFailure, _ pace: inout Pace) async {
    pace.isPlaced = false
    switch failure {
    case .unreachable(let error): outbox.didFail(error)
    case .passing(let error):
      pace.lostCount += 1
      // Once is a connection from before a restart of the database; the other things pass soon, or not.
      if pace.lostCount > (error.code == .unavailable ? 3 : 10) { outbox.didFail(error) }
    case .unclear(let error):
      pace.unclearCount += 1
      if pace.unclearCount > Self.maxUnclearCount { outbox.didFail(error) }
    case .moved: return
    case .refused(let error): outbox.didFail(error)
    case .stopped: break
    }
    logger.debug(
      "the outbox waits",
      metadata: ["engine": "\(backend.engine.name)", "reason": "\(failure.error)"])
    try? await Task.sleep(for: pace.delay)
    pace.delay = min(pace.delay * 2, Self.maxDelay)
  }
}

extension OutboxChange {
  /// Whether there may be a table afterwards that was not there before.
  fileprivate var mayMakeTable: Bool {
    if case .load(let target) = action { return target.mode != .append }
    return false
  }
}

extension AppliedLoads {
  /// Notes the loads of a transaction that have names.
  ///
  /// - Returns: The steps without the loads that the database has.
  fileprivate func noting(
    _ steps: [OutboxStep], _ connection: ADBCConnection, at microseconds: Int64
  ) throws(ADBCError) -> [OutboxStep] {
    let keys = steps.flatMap(\.parts).compactMap(\.key)
    guard !keys.isEmpty else { return steps }
    let fresh = OutboxStep.fresh(steps, beside: try known(keys, connection))
    try insert(
      fresh.flatMap(\.parts).compactMap { part in
        part.key.map { ($0, part.rows.reduce(0) { $0 + $1.rowCount }) }
      }, at: microseconds, connection)
    return fresh
  }
}

extension OutboxStep {
  fileprivate func run(
    _ connection: ADBCConnection, _ dialect: Dialect
  ) throws(ADBCError) {
    switch self {
    case .statement(let sql, let parameters):
      guard !parameters.isEmpty else {
        _ = try connection.update(sql, nil)
        return
      }
      for batch in parameters { _ = try connection.update(sql, batch) }
    case .load(let target, let schema, let parts):
      let rest = OnceBatches(parts.flatMap(\.rows))
      _ = try connection.ingestInTransaction(target, schema, dialect) { rest.take() }
    }
  }
}
