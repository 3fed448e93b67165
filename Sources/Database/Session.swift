internal import Synchronization

internal import Columnar
internal import DuckDB
internal import Engine

/// One client talking to the database. The only door: every way in goes through a session.
///
/// It owns settings, temporary tables, transactions, prepared statements and open results; when it
/// closes, all of them go.
public final class Session: Sendable {
  struct State {
    var settings = SessionSettings()
    /// What `options()` answers, by name in lower case: the name as it was given, and the value.
    var options: [String: (name: String, value: SessionOption)] = [:]
    /// Where names without a schema are looked up, once that was changed.
    var place: MetricsRelation.Session?
    /// The engine that USE ENGINE has chosen.
    var engineName: String?
    var isolation = Isolation.statement
    var statementTimeout: Duration?
    /// When its changes for a database behind are acknowledged; nil as the engine has it.
    var writeMode: WriteMode?
    /// What its reads may miss: changes that were acknowledged so lately. Zero: none.
    var maxStaleness = Duration.zero
    /// The connection on which temporary tables and variables live.
    var home: Lane?
    /// The same on databases behind, by their names.
    var backendHomes: [String: BackendLane] = [:]
    var transactions: [Handle: Transaction] = [:]
    /// The transaction that SQL's `BEGIN` opened.
    var sqlTransaction: Transaction?
    var prepared: [Handle: PreparedQuery] = [:]
    /// Results that run, wait for their reader or are being read.
    var results: [Handle: OpenQuery] = [:]
    var fetched = FetchedResults()
    /// Those that DECLARE made, by name in lower case.
    var cursors: [String: SubscriptionCursor] = [:]
    /// Loads and batch updates that run now.
    var running: [Handle: RunningStatement] = [:]
    var isClosed = false
    var lastUse = ContinuousClock.now
  }

  struct RunningStatement: Sendable {
    let stop: @Sendable (StopReason) -> Void
    let start: ContinuousClock.Instant
  }

  public let id = Handle()
  let database: StreamingDatabase
  let state = Mutex(State())

  init(_ database: StreamingDatabase) { self.database = database }

  var engine: DuckDBEngine { database.engine }

  /// What each statement of this session sees of others' changes.
  enum Isolation: String {
    /// Each statement its own snapshot, until the transaction writes.
    case statement
    /// One snapshot from the first statement of the transaction on.
    case snapshot
  }

  // MARK: Ending

  /// Ends everything that the session has. Statements that run are interrupted.
  public func close() async {
    let cursors = state.withLock { state in
      defer { state.cursors = [:] }
      return Array(state.cursors.values)
    }
    for cursor in cursors { cursor.close() }
    let (results, transactions, running) = state.withLock { state in
      state.isClosed = true
      defer {
        state.results = [:]
        state.fetched = FetchedResults()
        state.prepared = [:]
        state.transactions = [:]
        state.sqlTransaction = nil
        state.home = nil
        state.backendHomes = [:]
      }
      let transactions =
        Array(state.transactions.values) + (state.sqlTransaction.map { [$0] } ?? [])
      return (Array(state.results.values), transactions, Array(state.running.values))
    }
    for result in results { result.close() }
    for statement in running { statement.stop(.cancelled) }
    for transaction in transactions {
      await rollBack(transaction, because: "its session has ended")
    }
    database.forget(self)
  }

  /// Ends a session that holds nothing.
  func closeEmpty() {
    state.withLock { $0.isClosed = true }
    database.forget(self)
  }

  /// A client's connection has closed: its transactions are rolled back.
  func connectionClosed(_ connectionID: UInt64) async {
    let lost = state.withLock { state in
      var lost = state.transactions.values.filter { $0.connectionID == connectionID }
      for transaction in lost { state.transactions[transaction.handle] = nil }
      if let transaction = state.sqlTransaction, transaction.connectionID == connectionID {
        lost.append(transaction)
        state.sqlTransaction = nil
      }
      return lost
    }
    for transaction in lost {
      await rollBack(transaction, because: "its connection was closed")
    }
  }

  /// Called several times a second: lets go of what nobody uses, and interrupts what takes too long.
  func sweep() {
    let options = database.options
    let limit = state.withLock { $0.statementTimeout } ?? options.statementTimeout
    let (results, expired, transactions, running) = state.withLock { state in
      var expired = state.results.values.filter { $0.isExpired(after: options.handleLease) }
      for result in expired { state.results[result.handle] = nil }
      expired += state.fetched.removeExpired(after: options.handleLease)
      for prepared in state.prepared.values where prepared.isExpired(after: options.handleLease) {
        state.prepared[prepared.handle] = nil
      }
      var transactions = Array(state.transactions.values)
      if let transaction = state.sqlTransaction { transactions.append(transaction) }
      return (Array(state.results.values), expired, transactions, Array(state.running.values))
    }
    for result in expired { result.close() }
    if limit > .zero {
      for result in results {
        if let busy = result.pump.busyDuration, busy > limit { result.pump.stop(.timedOut(limit)) }
      }
      for statement in running where ContinuousClock.now - statement.start > limit {
        statement.stop(.timedOut(limit))
      }
    }
    for transaction in transactions
    where transaction.expires(after: options.transactionIdleTimeout) {
      // Not waited for: it may take its turn behind others.
      Task {
        await rollBack(
          transaction,
          because: "it had written and then idled longer than \(options.transactionIdleTimeout), "
            + "which is transaction_idle_timeout, and was rolled back")
      }
    }
  }

  /// Whether it was closed, so that no statement may use it.
  public var isClosed: Bool { state.withLock { $0.isClosed } }

  /// The session is in use: its idle time begins anew.
  public func touch() { state.withLock { $0.lastUse = .now } }

  public func isIdle(longerThan timeout: Duration) -> Bool {
    state.withLock { state in
      timeout > .zero && state.running.isEmpty
        && !state.results.values.contains(where: \.isBeingRead)
        && ContinuousClock.now - state.lastUse > timeout
    }
  }

  /// Whether a fresh session would be as good as this one, which nobody has used for a while: no
  /// client would notice if it were gone.
  func isReplaceable(after grace: Duration) -> Bool {
    state.withLock { state in
      state.home == nil && state.backendHomes.isEmpty && state.transactions.isEmpty
        && state.sqlTransaction == nil
        && state.prepared.isEmpty && state.results.isEmpty && state.running.isEmpty
        && state.options.isEmpty && state.engineName == nil && state.settings == SessionSettings()
        && state.cursors.isEmpty
        && state.isolation == .statement && state.statementTimeout == nil
        && ContinuousClock.now - state.lastUse > grace
    }
  }

  /// Registers a statement while `body` runs it, so that a time-out, the end of the session or of
  /// the call can stop it.
  ///
  /// - Parameter onStop: Called when it is stopped; beside it, the signal interrupts DuckDB.
  func stoppable<Value, Failure>(
    onStop: (@Sendable (StopReason) -> Void)? = nil,
    _ body: (StopSignal) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let (handle, signal) = (Handle(), StopSignal(onStop: onStop))
    let isClosed = state.withLock { state in
      state.running[handle] = RunningStatement(stop: { signal.stop($0) }, start: .now)
      return state.isClosed
    }
    defer { state.withLock { $0.running[handle] = nil } }
    if isClosed { signal.stop(.cancelled) }
    let result = await withTaskCancellationHandler { () -> Result<Value, Failure> in
      do throws(Failure) {
        return .success(try await body(signal))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      signal.stop(.cancelled)
    }
    return try result.get()
  }
}
