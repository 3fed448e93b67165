internal import ADBC
internal import Columnar
internal import Engine
internal import SQL
internal import Synchronization
internal import Threads

/// Changes that are acknowledged before the database behind has them, and statements that wait for them.
extension Session {
  // MARK: - Waiting

  /// Waits until a statement sees what it has to see.
  func freshness(
    of details: BackendPlan, _ backend: Backend, _ route: BackendRoute
  ) async throws(DatabaseError) -> Backend.Freshness {
    // One in a transaction waited when that began to change something; now others may wait for it.
    if route.transaction?.lane(on: backend) != nil { return .current }
    let names = details.traits.unknownFunction == nil ? details.traits.names : nil
    let staleness = state.withLock { $0.maxStaleness }
    return try await backend.freshness(of: names, staleness: staleness) {
      (ticket) async throws(DatabaseError) in try await self.wait(for: ticket)
    }
  }

  /// Waits until the database has all that was acknowledged before.
  func drain(_ backend: Backend, _ route: BackendRoute? = nil) async throws(DatabaseError) {
    if route?.transaction?.lane(on: backend) != nil { return }
    try await backend.drain { (ticket) async throws(DatabaseError) in
      try await self.wait(for: ticket)
    }
  }

  /// Waits until a query of ours sees what was acknowledged of the engines that it reads.
  func awaitChanges(_ engines: [Backend]) async throws(DatabaseError) {
    let staleness = state.withLock { $0.maxStaleness }
    for engine in engines {
      let found = try await engine.freshness(of: nil, staleness: staleness) {
        (ticket) async throws(DatabaseError) in try await self.wait(for: ticket)
      }
      if case .unreachable(let error, _) = found { throw error }
    }
  }

  private func wait(for ticket: OutboxTicket) async throws(DatabaseError) {
    try await stoppable(onStop: { ticket.stop($0) }) { (_) async throws(DatabaseError) in
      try await ticket.wait()
    }
  }

  // MARK: - Statements

  func writeMode(_ backend: Backend) -> WriteMode {
    state.withLock { $0.writeMode } ?? backend.options.writeMode
  }

  /// Whether a statement is acknowledged before the database has it.
  ///
  /// What answers rows, defines something, is part of a transaction or needs a connection of its own goes to the database at once.
  func writesBehind(
    _ plan: StatementPlan, _ details: BackendPlan, _ backend: Backend, _ route: BackendRoute
  ) -> Bool {
    guard details.isRowChange, !plan.returnsRows, route.lane == nil, route.transaction == nil
    else { return false }
    return writeMode(backend) == .behind
  }

  func changeBehind(
    _ plan: StatementPlan, _ details: BackendPlan, _ parameters: Batch?, _ backend: Backend
  ) async throws -> ResultPump {
    let outbox = try await database.outbox(of: backend)
    let given = parameters.flatMap { $0.columns.isEmpty ? nil : $0 }
    if let given, given.rowCount == 0 {
      return backend.engine.ready(Schema([]), [], changedRowCount: 0)
    }
    let change = OutboxChange(
      action: .statement(plan.sql, hasParameters: given != nil),
      schema: given?.schema ?? Schema([]), rows: given.map { [$0] } ?? [],
      reach: await backend.reach(ofTable: details.target))
    _ = try await database.log.counting(plan.sql, session: id) {
      try await acknowledge(change, outbox, backend)
      return 0
    }
    // Nobody knows yet how many rows it changes.
    return backend.engine.ready(Schema([]), [], changedRowCount: -1)
  }

  /// Makes a change durable, so that no result is served afterwards as if there were no such change.
  private func acknowledge(
    _ change: OutboxChange, _ outbox: Outbox, _ backend: Backend
  ) async throws(DatabaseError) {
    backend.noteChange(change.reach)
    defer { backend.noteChange(change.reach) }
    try await outbox.append(change)
  }

  // MARK: - Loads

  /// The most that one load may take in the outbox; a larger one goes to the database as it comes.
  private static let maxLoadByteCount = 256 << 20

  /// Whether a load is acknowledged before the database has it.
  func writesBehind(
    _ request: IngestRequest, _ backend: Backend, _ route: BackendRoute
  ) throws(DatabaseError) -> Bool {
    let mode = try request.options["write"].map { (text) throws(DatabaseError) in
      try WriteMode(option: text)
    }
    // One that makes or replaces a table is told what is there.
    guard route.lane == nil, route.transaction == nil, !request.isTemporary,
      request.ifExists == .append
    else { return false }
    return (mode ?? writeMode(backend)) == .behind
  }

  /// Makes a load durable.
  ///
  /// - Parameter rows: What was taken from the client stays in it.
  /// - Returns: How many rows there are; nil if they are too many, and have to go to the database at once.
  func ingestBehind(
    _ request: IngestRequest, schema: Schema, _ rows: inout IngestRows, _ backend: Backend
  ) async throws -> Int? {
    let outbox = try await database.outbox(of: backend)
    let limit = min(Self.maxLoadByteCount, backend.options.outboxMaxByteCount)
    let (queue, reading) = (rows.queue, rows)
    let collected = try await stoppable(onStop: { _ in queue.fail("the load was stopped") }) { _ in
      await outbox.workers.run { reading.collected(upTo: limit) }
    }
    rows = try collected.get()
    guard rows.isComplete else { return nil }
    let batches = rows.taken.filter { $0.rowCount > 0 }
    if batches.isEmpty, request.ifMissing == .fail { return 0 }
    let target = IngestTarget(
      table: request.table, schema: request.schema, catalog: request.catalog,
      mode: request.ifMissing == .create ? .createOrAppend : .append)
    let change = OutboxChange(
      action: .load(target), schema: schema, rows: batches, key: try AppliedLoads.Key(request),
      reach: await backend.reach(ofTable: request.table))
    return try await database.log.counting("ingest into \(request.relation)", session: id) {
      try await acknowledge(change, outbox, backend)
      return change.rowCount
    }
  }
}

/// The rows of a load: some that were taken from its client already, then those that still come.
struct IngestRows: Sendable {
  let queue: IngestQueue
  private(set) var taken: [Batch] = []
  /// Whether nothing follows what was taken.
  private(set) var isComplete = false

  init(_ queue: IngestQueue) { self.queue = queue }

  /// Takes what the client sends, until it is too much. Blocks.
  func collected(upTo limit: Int) -> Result<IngestRows, DatabaseError> {
    var (rows, byteCount) = (self, 0)
    do {
      while byteCount <= limit {
        guard let batch = try queue.next() else {
          rows.isComplete = true
          break
        }
        rows.taken.append(batch)
        byteCount += batch.byteCount
      }
      return .success(rows)
    } catch {
      return .failure(DatabaseError(.invalidArgument, "\(error)"))
    }
  }

  /// What gives all of them in order.
  var next: @Sendable () throws -> Batch? {
    let (first, queue, isComplete) = (OnceBatches(taken), queue, isComplete)
    return { try first.take() ?? (isComplete ? nil : queue.next()) }
  }
}

extension Backend.Freshness {
  /// What a result from the database itself has to say; nil if nothing.
  var outcome: CacheOutcome? { lag.map { .lagging($0) } }

  /// How old the oldest change is that may be missing; nil if none is.
  var lag: Duration? {
    switch self {
    case .current: nil
    case .lagging(let lag), .unreachable(_, let lag): lag
    }
  }

  /// What a result from the cache has to say.
  func hit(_ age: Duration, isDown: Bool) -> CacheOutcome {
    lag == nil && !isDown ? .hit(age) : .stale(age, lag: lag)
  }
}
