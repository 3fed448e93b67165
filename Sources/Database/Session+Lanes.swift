internal import Synchronization

internal import DuckDB
internal import Engine

extension Session {
  /// Where a statement runs.
  struct Route {
    /// `nil`: a connection from the pool.
    var lane: Lane?
    var transaction: Transaction?
    var settings: SessionSettings
    /// Asked when the statement's turn on the lane has come.
    var mayRun: Lane.Check = {}
  }

  func route(
    _ plan: StatementPlan, _ context: StatementContext
  ) async throws(DatabaseError) -> Route {
    let (settings, isolation) = state.withLock { ($0.settings, $0.isolation) }
    let transaction = try transaction(context.transaction)
    if let transaction {
      if plan.isUpdate || isolation == .snapshot || transaction.lane != nil {
        let lane = try await laneForWriting(transaction, isHome: plan.needsOwnConnection)
        return Route(
          lane: lane, transaction: transaction, settings: settings,
          mayRun: mayRun(in: transaction))
      }
    }
    let lane = plan.needsOwnConnection ? try home() : try existingHome()
    guard let lane else { return Route(transaction: transaction, settings: settings) }
    let mayRun = mayRun(onHome: lane)
    do {
      try mayRun()
    } catch {
      throw DatabaseError(error)
    }
    return Route(lane: lane, transaction: transaction, settings: settings, mayRun: mayRun)
  }

  /// Whether a transaction still writes when a statement's turn comes: after its end, the statement
  /// would be one of its own.
  func mayRun(in transaction: Transaction) -> Lane.Check {
    { () throws(EngineError) in
      guard transaction.lane == nil else { return }
      throw .outOfTurn("the transaction ended before the statement could run")
    }
  }

  /// Whether no transaction writes on the session's own connection: the statement would become
  /// part of it.
  func mayRun(onHome lane: Lane) -> Lane.Check {
    { [self] () throws(EngineError) in
      guard isTaken(lane) else { return }
      throw .outOfTurn(
        "this session has temporary tables and a transaction that writes: send the statement "
          + "inside the transaction, or after its end")
    }
  }

  // MARK: The session's own connection

  /// The session's own connection; from now on all its statements run there.
  func home() throws(DatabaseError) -> Lane {
    if let home = try existingHome() { return home }
    let fresh = engine.makeLane()
    return state.withLock { state in
      if let home = state.home { return home }
      state.home = fresh
      return fresh
    }
  }

  /// The session's own connection, if it has one.
  ///
  /// - Throws: ABORTED, once, when it was lost: its temporary tables are gone.
  func existingHome() throws(DatabaseError) -> Lane? {
    guard let home = state.withLock({ $0.home }), home.isLost else {
      return state.withLock { $0.home }
    }
    forgetHome(home)
    throw DatabaseError(.restarted)
  }

  /// Whoever is told that this connection was lost need not be told again.
  func forgetHome(_ lane: Lane) {
    state.withLock { if $0.home === lane { $0.home = nil } }
  }

  private func isTaken(_ lane: Lane) -> Bool {
    state.withLock { $0.isTaken(lane) }
  }

  // MARK: Transactions

  /// The lane on which the transaction writes; opens DuckDB's transaction on first use.
  ///
  /// - Parameter isHome: Whether it has to be the session's own, because something is made there
  ///   that outlives the transaction.
  func laneForWriting(
    _ transaction: Transaction, isHome: Bool = false
  ) async throws(DatabaseError) -> Lane {
    await transaction.turn.acquire()
    defer { transaction.turn.release() }
    try transaction.checkOpen()
    let lane: Lane
    if let open = transaction.lane {
      lane = open
    } else {
      if isHome { _ = try home() }
      lane = try await begin(transaction)
    }
    if isHome, !becomesHome(lane) {
      throw DatabaseError(
        .failedPrecondition,
        "the session's temporary tables belong to another connection than this transaction, which "
          + "wrote before there were any or while another wrote to them: end it first")
    }
    return lane
  }

  private func begin(_ transaction: Transaction) async throws(DatabaseError) -> Lane {
    _ = try existingHome()
    let fresh = engine.makeLane()
    let (lane, settings) = state.withLock { state in
      var lane = fresh
      if let home = state.home, !state.isTaken(home) { lane = home }
      transaction.reserve(lane)
      return (lane, state.settings)
    }
    do {
      try await lane.run(settings) { (connection) throws(DuckDBError) in
        try connection.execute("BEGIN TRANSACTION")
        transaction.becomeWriting(on: lane)
      }
    } catch {
      transaction.reserve(nil)
      throw DatabaseError(error)
    }
    return lane
  }

  /// Makes the lane of a transaction the session's own if it has none.
  private func becomesHome(_ lane: Lane) -> Bool {
    state.withLock { state in
      if state.home == nil { state.home = lane }
      return state.home === lane
    }
  }

  /// The lane on which a statement of this session sees all that it may see, if there is one.
  func laneForReading(_ context: StatementContext) throws(DatabaseError) -> Lane? {
    if let lane = try transaction(context.transaction)?.lane { return lane }
    return try existingHome()
  }
}

extension Session.State {
  /// Whether a transaction writes on this lane, or is about to.
  func isTaken(_ lane: Lane) -> Bool {
    sqlTransaction?.reservedLane === lane
      || transactions.values.contains { $0.reservedLane === lane }
  }
}
