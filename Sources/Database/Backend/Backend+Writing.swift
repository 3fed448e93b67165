internal import ADBC
internal import Engine
internal import Log
internal import Synchronization

/// What of a database behind waits in its outbox, and who waits for it.
extension Backend {
  /// How a read that was sent now stands to what was acknowledged.
  enum Freshness: Sendable {
    /// It sees all of it.
    case current
    /// It may miss changes, the oldest of which was acknowledged so long ago; the session allows it.
    case lagging(Duration)
    /// It would miss changes, and the database cannot be asked.
    case unreachable(DatabaseError, lag: Duration)
  }

  /// Waits until a statement sees what was acknowledged before it, as far as it has to.
  ///
  /// To be called before a statement reads the database, and before the cache is asked for it.
  ///
  /// - Parameters:
  ///   - names: The names in the statement, in lower case; nil for everything.
  ///   - staleness: Changes that were acknowledged so lately may be missed.
  ///   - stopping: Makes the wait end when the statement is stopped.
  func freshness(
    of names: Set<String>?, staleness: Duration = .zero,
    stopping: (OutboxTicket) async throws(DatabaseError) -> Void = {
      (ticket) async throws(DatabaseError) in try await ticket.wait()
    }
  ) async throws(DatabaseError) -> Freshness {
    guard let outbox = openOutbox else { return .current }
    let (barrier, mayMiss, _) = outbox.outstanding(names, staleness: staleness)
    if let barrier {
      do throws(DatabaseError) {
        try await stopping(outbox.ticket(for: barrier))
      } catch {
        guard outbox.outage != nil else { throw error }
        return .unreachable(error, lag: outbox.outstanding(names).lag)
      }
    }
    guard mayMiss else { return .current }
    let rest = outbox.outstanding(names)
    return rest.barrier == nil ? .current : .lagging(rest.lag)
  }

  /// Waits until the database has everything that was acknowledged: before a change that goes to it directly, so that the order
  /// is kept.
  func drain(
    stopping: (OutboxTicket) async throws(DatabaseError) -> Void = {
      (ticket) async throws(DatabaseError) in try await ticket.wait()
    }
  ) async throws(DatabaseError) {
    guard let outbox = openOutbox, let end = outbox.outstanding(nil).barrier else { return }
    do throws(DatabaseError) {
      try await stopping(outbox.ticket(for: end))
    } catch {
      guard outbox.outage != nil else { throw error }
      throw DatabaseError(
        .unavailable,
        "\(error.message); changes that were acknowledged before this one wait in the outbox",
        cause: error)
    }
  }

  /// Whether the last attempt to connect failed.
  var isDown: Bool {
    let figures = engine.figures
    return figures.breaker != .closed || figures.lastError != nil && figures.open == 0
  }

  /// The same for one who is about to serve what was kept. Whoever is only served such things would never find out that it is
  /// there again, so it is asked, once a second.
  func isDownNow() -> Bool {
    guard isDown else { return false }
    if takesProbe() {
      Task { try? await engine.load(BackendCall()) { (_) throws(ADBCError) in } }
    }
    return true
  }

  /// Something has changed: no result is served any more that was computed without it.
  func noteChange(_ reach: CacheVersions.Reach) { cache?.advance(reach) }

  /// Whether reads may have to be answered with what is stale.
  var needsStale: Bool { isDown || openOutbox?.outstanding(nil).barrier != nil }

  /// Ends the pusher; what is in the outbox stays for the next start.
  func closeOutbox() async {
    guard let pusher = takePusher() else { return }
    await pusher.stop(within: .seconds(2))
  }
}

extension StreamingDatabase {
  /// Lets go of results that nobody can be given any more. To be called now and then.
  func sweepCache() { cache?.sweep(keepsStale: engines.all.contains { $0.needsStale }) }

  /// - Throws: FAILED_PRECONDITION if nothing that is acknowledged here would outlive the process.
  func checkKeepsChanges() throws(DatabaseError) {
    guard options.coldDirectory == nil else { return }
    throw DatabaseError(
      .failedPrecondition,
      "write = 'behind' keeps changes in the data folder until the database has them, and this server keeps nothing "
        + "(--ephemeral): start it with --data-dir")
  }

  /// Goes on pushing what a database behind has not got yet, and makes it ready for `behind` if that is how it is written.
  ///
  /// To be called for each database behind when it is there: at the start, or when it was made.
  func resumeOutbox(of backend: Backend) async throws(DatabaseError) {
    let isKnown = outboxes.definition(of: backend.engine.name) != nil
    guard isKnown || backend.options.writeMode == .behind else { return }
    _ = try await outbox(of: backend)
  }

  /// The outbox of a database behind; opened at the first call.
  func outbox(of backend: Backend) async throws(DatabaseError) -> Outbox {
    if let open = backend.openOutbox { return open }
    try checkKeepsChanges()
    return try await backend.opening { () async throws(DatabaseError) in
      try await self.open(backend)
    }
  }

  private func open(_ backend: Backend) async throws(DatabaseError) -> (Outbox, OutboxPusher) {
    let name = backend.engine.name
    let definition = try await outboxes.make(for: name)
    guard let topic = streams.log.topic(definition.topic) else {
      throw DatabaseError(.internal, "the log has lost the outbox of the engine \(name)")
    }
    try await RejectedChanges(self).open()
    let applied = try PositionTopic(definition.positions).last(streams.log)
    let outbox = Outbox(
      definition, streams.log, topic, applied: applied,
      maxByteCount: backend.options.outboxMaxByteCount, clock: clock)
    let pusher = OutboxPusher(outbox, backend, clock: clock, logger: log.logger) {
      [weak self, clock] change, reason async throws(DatabaseError) in
      guard let self else { throw DatabaseError(.shuttingDown) }
      try await RejectedChanges(self).add(
        change, reason, engine: name, outbox: outbox.producer, at: clock())
    }
    return (outbox, pusher)
  }
}
