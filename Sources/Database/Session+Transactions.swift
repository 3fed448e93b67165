internal import Synchronization

internal import DuckDB
internal import Engine
internal import Log

extension Session {
  /// Begins a transaction that statements name by its handle.
  ///
  /// - Parameter connectionID: When this connection closes, it is rolled back.
  /// - Throws: RESOURCE_EXHAUSTED when the session has too many.
  public func beginTransaction(connectionID: UInt64) throws(DatabaseError) -> Handle {
    let limit = database.options.maxTransactions
    let transaction = Transaction(connectionID: connectionID, metrics: database.log.metrics)
    let isAdded = state.withLock { state in
      if state.transactions.count >= limit {
        // Of those that were rolled back, some will never be asked for again.
        state.transactions = state.transactions.filter { !$0.value.isEnded }
      }
      guard state.transactions.count < limit else { return false }
      state.transactions[transaction.handle] = transaction
      return true
    }
    guard isAdded else {
      throw DatabaseError(
        .resourceExhausted,
        "this session has \(limit) open transactions, which is the limit (max_transactions)")
    }
    return transaction.handle
  }

  /// Ends a transaction: what it has written becomes visible at once, or never.
  public func endTransaction(_ handle: Handle, commits: Bool) async throws(DatabaseError) {
    guard let transaction = state.withLock({ $0.transactions[handle] }) else {
      throw .unknownTransaction
    }
    // One whose commit fails stays known, so that the client can roll it back, as clients do.
    try await finish(transaction, commits: commits, what: commits ? "committed" : "rolled back")
    state.withLock { $0.transactions[handle] = nil }
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

  /// Commits or rolls back what the transaction has written.
  private func finish(
    _ transaction: Transaction, commits: Bool, what: String
  ) async throws(DatabaseError) {
    await transaction.turn.acquire()
    defer { transaction.turn.release() }
    if commits { try transaction.checkOpen() }
    let lane = transaction.lane
    transaction.end(what)
    defer { transaction.reserve(nil) }
    if let work = transaction.takeBackendWork() {
      return try await finishOnBackend(transaction, work, commits: commits)
    }
    let writes = transaction.takeStreamWrites()
    guard let lane else {
      guard commits, !writes.isEmpty else { return }
      do throws(DatabaseError) {
        try await withRunningColumns(writes) { (writes) async throws(DatabaseError) in
          try await database.groupCommits.append(writes)
        }
      } catch {
        transaction.end("it could not be committed")
        throw error
      }
      return try await awaitCopy(of: writes)
    }
    let settings = state.withLock { $0.settings }
    do {
      if commits, !writes.isEmpty {
        try await withRunningColumns(writes) { (writes) async throws(DatabaseError) in
          try await database.groupCommits.commit(writes, with: lane, settings)
        }
      } else {
        try await lane.run(settings) { (connection) throws(DuckDBError) in
          try connection.execute(commits ? "COMMIT" : "ROLLBACK")
        }
      }
    } catch {
      if lane.isLost { forgetHome(lane) }
      // A transaction that is gone already, with its connection or without, is rolled back.
      if commits {
        transaction.end("it could not be committed")
        throw DatabaseError(any: error)
      }
    }
    if transaction.definesCatalog { engine.instance.catalogDidChange() }
    if commits { try await awaitCopy(of: writes) }
  }

  /// Waits until the engine has the rows that a transaction has written to the stream which it has a table of.
  private func awaitCopy(of writes: [TopicWrite]) async throws(DatabaseError) {
    guard let copy = database.metricsCopy.withLock({ $0 }),
      writes.contains(where: { $0.topic == copy.stream.topicID }),
      copyToWaitFor(copy.stream) != nil
    else { return }
    try await copy.untilHas(copy.stream.topic.state.head)
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
    if case .begin = effect {
      state.withLock { state in
        guard handle == nil, state.sqlTransaction?.isEnded ?? true else { return }
        state.sqlTransaction = Transaction(
          connectionID: connectionID, metrics: database.log.metrics)
      }
      return
    }
    var commits = false
    if case .commit = effect { commits = true }
    if let handle {
      guard let transaction = state.withLock({ $0.transactions[handle] }) else {
        throw .unknownTransaction
      }
      defer { transaction.restart() }
      try await finish(transaction, commits: commits, what: commits ? "committed" : "rolled back")
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
      throw DatabaseError(.aborted, "the transaction has ended: \(what); begin a new one")
    }
  }
}

extension DatabaseError {
  static var unknownTransaction: DatabaseError {
    DatabaseError(
      .notFound, "this session has no such transaction: it was ended, expired, or never begun")
  }
}
