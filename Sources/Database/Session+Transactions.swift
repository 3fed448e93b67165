internal import Synchronization

internal import DuckDB
internal import Engine

extension Session {
  /// Begins a transaction that statements name by its handle.
  ///
  /// - Parameter connectionID: When this connection closes, it is rolled back.
  public func beginTransaction(connectionID: UInt64) -> Handle {
    let transaction = Transaction(connectionID: connectionID, metrics: database.log.metrics)
    state.withLock { $0.transactions[transaction.handle] = transaction }
    return transaction.handle
  }

  /// Ends a transaction: what it has written becomes visible at once, or never.
  public func endTransaction(_ handle: Handle, commits: Bool) async throws(DatabaseError) {
    guard let transaction = state.withLock({ $0.transactions.removeValue(forKey: handle) }) else {
      throw .unknownTransaction
    }
    try await finish(transaction, commits: commits, what: commits ? "committed" : "rolled back")
  }

  /// The transaction that a statement belongs to: the one it names, else that of SQL's BEGIN.
  func transaction(_ handle: Handle?) throws(DatabaseError) -> Transaction? {
    guard let handle else {
      guard let transaction = state.withLock({ $0.sqlTransaction }) else { return nil }
      try transaction.checkOpen()
      return transaction
    }
    guard let transaction = state.withLock({ $0.transactions[handle] }) else {
      throw .unknownTransaction
    }
    try transaction.checkOpen()
    return transaction
  }

  /// The transaction for a prepared statement: the one in which it was prepared; after its end the
  /// newest that the connection has begun since. Clients go on using a prepared statement over
  /// several transactions, but can name none when they run it.
  func transaction(of prepared: PreparedQuery, connectionID: UInt64) -> Handle? {
    guard let handle = prepared.transaction else { return nil }
    return state.withLock { state in
      if state.transactions[handle] != nil { return handle }
      return state.transactions.values.filter { $0.connectionID == connectionID }
        .max { $0.begin < $1.begin }?.handle
    }
  }

  /// The lane on which the transaction writes; opens DuckDB's transaction on first use.
  func laneForWriting(_ transaction: Transaction) async throws(DatabaseError) -> Lane {
    await transaction.turn.acquire()
    defer { transaction.turn.release() }
    try transaction.checkOpen()
    if let lane = transaction.lane { return lane }
    let lane = freeHome() ?? engine.makeLane()
    let settings = state.withLock { $0.settings }
    do {
      try await lane.run(settings) { (connection) throws(DuckDBError) in
        try connection.execute("BEGIN TRANSACTION")
      }
    } catch {
      throw DatabaseError(error)
    }
    transaction.becomeWriting(on: lane)
    return lane
  }

  /// The session's own connection, if it has one that no transaction writes on.
  private func freeHome() -> Lane? {
    state.withLock { state in
      guard let home = state.home else { return nil }
      let isTaken =
        state.transactions.values.contains { $0.lane === home }
        || state.sqlTransaction?.lane === home
      return isTaken ? nil : home
    }
  }

  /// Commits or rolls back what the transaction has written.
  private func finish(
    _ transaction: Transaction, commits: Bool, what: String
  ) async throws(DatabaseError) {
    await transaction.turn.acquire()
    defer { transaction.turn.release() }
    if commits { try transaction.checkOpen() }
    let lane = transaction.lane
    transaction.end(what)
    guard let lane else { return }
    let settings = state.withLock { $0.settings }
    do {
      try await lane.run(settings) { (connection) throws(DuckDBError) in
        try connection.execute(commits ? "COMMIT" : "ROLLBACK")
      }
    } catch {
      // A transaction that DuckDB has already given up cannot be rolled back once more.
      if commits || lane.isLost { throw DatabaseError(error) }
    }
    if transaction.definesCatalog { engine.instance.catalogDidChange() }
  }

  func rollBack(_ transaction: Transaction, because reason: String) async {
    // What cannot be rolled back is gone already, with its connection.
    try? await finish(transaction, commits: false, what: reason)
  }

  /// Carries out BEGIN, COMMIT or ROLLBACK as SQL.
  ///
  /// Clients send them without looking: a BEGIN inside a transaction and an end without one change
  /// nothing. Inside a transaction with a handle, COMMIT and ROLLBACK end what was written so far
  /// and the handle goes on with a new one.
  func runTransactionControl(
    _ effect: StatementPlan.Effect, in handle: Handle?, connectionID: UInt64
  ) async throws(DatabaseError) {
    if effect == .begin {
      state.withLock { state in
        guard handle == nil, state.sqlTransaction == nil else { return }
        state.sqlTransaction = Transaction(
          connectionID: connectionID, metrics: database.log.metrics)
      }
      return
    }
    let commits = effect == .commit
    if let handle {
      guard let transaction = state.withLock({ $0.transactions[handle] }) else {
        throw .unknownTransaction
      }
      try await finish(transaction, commits: commits, what: commits ? "committed" : "rolled back")
      transaction.restart()
    } else if let transaction = takeSQLTransaction() {
      try await finish(transaction, commits: commits, what: commits ? "committed" : "rolled back")
    }
  }

  private func takeSQLTransaction() -> Transaction? {
    state.withLock { state in
      defer { state.sqlTransaction = nil }
      return state.sqlTransaction
    }
  }
}

extension Transaction {
  /// - Throws: ABORTED, with what became of it, when it has ended.
  func checkOpen() throws(DatabaseError) {
    if case .ended(let what) = phase {
      throw DatabaseError(.aborted, "the transaction was rolled back: \(what); begin a new one")
    }
  }
}

extension DatabaseError {
  static var unknownTransaction: DatabaseError {
    DatabaseError(
      .notFound, "this session has no such transaction: it was ended, expired, or never begun")
  }
}
