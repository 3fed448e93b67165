internal import ADBC
internal import Columnar
internal import Engine
internal import Log
internal import Logging
internal import Synchronization
internal import Threads

/// Keeps a table of an engine equal to a stream: the stream's log is the outbox.
///
/// Rows are pushed in the order of the log, many in one transaction, which also moves the note of how far the engine is. So
/// each row gets there once, whatever ends in between.
final class EngineCopy: Sendable {
  private struct State {
    var position: Offset?
    var tickets: [OutboxTicket] = []
    /// Why rows do not get there, since the last attempt.
    var problem: DatabaseError?
    var failureCount = 0
    var isClosed = false
    var task: Task<Void, Never>?
    var waiter: CheckedContinuation<Void, Never>?
    var watch: TopicWatch?
  }

  /// What the engine's note says while rows are taken over from there: those that are here then are not pushed back.
  static let isTakenOver = Offset(-1)

  /// What one transaction takes at most.
  private static let maxByteCount = 16 << 20
  private static let firstDelay = Duration.milliseconds(50)
  private static let maxDelay = Duration.seconds(2)

  let stream: Stream
  let backend: Backend
  let table: TableName
  private let producer: String
  /// Where the stream ended when this was made.
  private let head: Offset
  private let clock: @Sendable () -> Int64
  private let logger: Logger
  private let workers = WorkerPool(name: "copy", maxThreadCount: 1)
  private let state = Mutex(State())

  /// - Parameter identity: Of the log: other servers may push to the same table.
  init(
    _ stream: Stream, to table: TableName, on backend: Backend, identity: String,
    clock: @escaping @Sendable () -> Int64, logger: Logger
  ) {
    (self.stream, self.table, self.backend) = (stream, table, backend)
    (self.clock, self.logger) = (clock, logger)
    producer = Self.producer(stream, identity)
    head = stream.topic.state.head
    stream.topic.hold(stream.topic.state.start, for: producer)
  }

  /// What it is called in the engine.
  static func producer(_ stream: Stream, _ identity: String) -> String {
    Outbox.producerPrefix + "stream-\(stream.definition.name)-\(identity)"
  }

  // MARK: - From outside

  /// Begins to push.
  func start() {
    let watch = stream.topic.watch { [weak self] _ in self?.wake() }
    state.withLock { state in
      state.watch = watch
      state.task = state.task ?? Task { await self.run() }
    }
  }

  /// Why rows do not get there just now.
  var problem: DatabaseError? { state.withLock { $0.problem } }

  /// How many rows are not there yet.
  var lag: Int64 {
    let head = stream.topic.state.head
    return state.withLock { $0.position.map { head.rawValue - $0.rawValue } ?? 0 }
  }

  /// Waits until the engine has everything before an offset.
  func untilHas(_ offset: Offset) async throws(DatabaseError) {
    let ticket = OutboxTicket(offset)
    let isThere = state.withLock { state in
      if let position = state.position, position >= offset { return true }
      if state.isClosed { return false }
      state.tickets.append(ticket)
      return false
    }
    if isThere { return }
    do throws(DatabaseError) {
      try await ticket.wait()
    } catch {
      throw DatabaseError(
        .unavailable,
        "the rows are stored here and will get to the engine \(backend.name) by themselves, so do not send them again; they "
          + "are not there yet: \(error.message)", cause: error)
    }
  }

  /// Calls `completion` with the acknowledgement when the engine has its rows, or with what went wrong.
  func whenItHas(
    _ acknowledgement: StreamAcknowledgement,
    _ completion: @escaping @Sendable (Result<StreamAcknowledgement, DatabaseError>) -> Void
  ) {
    Task {
      do throws(DatabaseError) {
        try await untilHas(Offset(acknowledgement.nextOffset))
        completion(.success(acknowledgement))
      } catch {
        completion(.failure(error))
      }
    }
  }

  /// - Throws: UNAVAILABLE while rows would not get to the engine.
  func checkReachable() throws(DatabaseError) {
    guard let problem else { return }
    throw DatabaseError(
      .unavailable,
      "\(stream.definition.qualifiedName) is written through to the engine \(backend.name), and nothing was stored: "
        + problem.message, cause: problem)
  }

  /// Nobody needs the rows for the engine any more. It was not started.
  func letGo() { stream.topic.hold(nil, for: producer) }

  /// Ends it, after it had a moment to push what is there.
  func stop(within limit: Duration) async {
    let ticket = OutboxTicket(stream.topic.state.head)
    let waits = state.withLock { state in
      guard state.position.map({ $0 < ticket.offset }) ?? false, state.problem == nil else {
        return false
      }
      state.tickets.append(ticket)
      return true
    }
    if waits {
      let timer = Task {
        try? await Task.sleep(for: limit)
        ticket.stop(.shuttingDown)
      }
      try? await ticket.wait()
      timer.cancel()
    }
    let (task, tickets) = state.withLock { state in
      state.isClosed = true
      state.watch = nil
      defer { state.tickets = [] }
      return (state.task, state.tickets)
    }
    for ticket in tickets { ticket.stop(.shuttingDown) }
    wake()
    task?.cancel()
    await task?.value
  }

  private func wake() {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  // MARK: - Pushing

  private func run() async {
    var delay = Self.firstDelay
    while !state.withLock({ $0.isClosed }) {
      do {
        if state.withLock({ $0.position }) == nil { try await place() }
        try await pushAll()
        delay = Self.firstDelay
        await untilWork()
      } catch {
        fail(DatabaseError(any: error))
        try? await Task.sleep(for: delay)
        delay = min(delay * 2, Self.maxDelay)
      }
    }
  }

  /// Makes the table if it is not there, and asks how far the engine is.
  func place() async throws {
    let position = OutboxPosition(
      applied: try await backend.appliedLoads(now: clock()), producer: producer)
    let (table, schema, now, head) = (table, stream.definition.schema, clock(), head)
    let found = try await backend.engine.load(BackendCall()) { (connection) throws(ADBCError) in
      try connection.execute(
        try position.applied.dialect.createTable(table, schema, ifNotExists: true))
      let found = try position.find(connection, startingAt: .zero, at: now)
      guard found == Self.isTakenOver else { return found }
      try position.move(connection, from: found, to: head, at: now)
      return head
    }
    guard found <= stream.topic.state.head else {
      throw DatabaseError(
        .failedPrecondition,
        "the engine has rows of \(stream.definition.qualifiedName) up to \(found.rawValue), which ends here at "
          + "\(stream.topic.state.head.rawValue): the data folder is an old copy; remove the row of \(producer) from "
          + "hyprstream_applied to push what it holds")
    }
    advance(to: found)
  }

  private func pushAll() async throws {
    while let start = state.withLock({ $0.isClosed ? nil : $0.position }) {
      let head = stream.topic.state.head
      guard start < head else { return }
      let (batches, end) = try await rows(from: start, to: head)
      try await push(batches, from: start, to: end)
      advance(to: end)
    }
  }

  private func rows(from start: Offset, to head: Offset) async throws -> ([Batch], Offset) {
    let (stream, limit) = (stream, Self.maxByteCount)
    let low = max(start, stream.topic.state.start)
    let result = await workers.run { () -> Result<([Batch], Offset), any Error> in
      Result {
        let reader = StreamReader(whole: stream, range: low..<head)
        var (batches, end, byteCount) = ([Batch](), low, 0)
        for unit in try stream.topic.units(in: low..<head, ScanFilter()) {
          for batch in try reader.batches(of: unit) {
            guard byteCount < limit else { return (batches, end) }
            batches.append(batch)
            byteCount += batch.byteCount
            end = end.advanced(by: batch.rowCount)
          }
        }
        return (batches, head)
      }
    }
    return try result.get()
  }

  private func push(_ batches: [Batch], from start: Offset, to end: Offset) async throws {
    let position = OutboxPosition(
      applied: try await backend.appliedLoads(now: clock()), producer: producer)
    let target = IngestTarget(table: table.name, schema: table.schema, mode: .append)
    let (schema, now) = (stream.definition.schema, clock())
    let reach = await backend.reach(ofTable: table.name)
    backend.noteChange(reach)
    defer { backend.noteChange(reach) }
    do {
      try await backend.engine.load(BackendCall()) { (connection) throws(ADBCError) in
        try connection.inTransaction { () throws(ADBCError) in
          try position.move(connection, from: start, to: end, at: now)
          let rest = OnceBatches(batches)
          _ = try connection.ingestInTransaction(target, schema, position.applied.dialect) {
            rest.take()
          }
        }
      }
    } catch {
      // It may have been done, and the answer lost.
      state.withLock { $0.position = nil }
      throw error
    }
  }

  private func advance(to position: Offset) {
    let (ready, hadProblem) = state.withLock { state in
      let hadProblem = state.problem != nil
      state.position = position
      (state.problem, state.failureCount) = (nil, 0)
      let ready = state.tickets.filter { $0.offset <= position }
      state.tickets.removeAll { $0.offset <= position || $0.isDone }
      return (ready, hadProblem)
    }
    stream.topic.hold(position, for: producer)
    for ticket in ready { ticket.finish(.success(())) }
    if hadProblem {
      logger.info("the engine takes rows again", metadata: ["engine": "\(backend.name)"])
    }
  }

  private func fail(_ error: DatabaseError) {
    let (tickets, isNew) = state.withLock { state -> ([OutboxTicket], Bool) in
      // Once is a connection from before a restart of the database.
      state.failureCount += 1
      guard state.failureCount > 1 || error.code != .unavailable else { return ([], false) }
      let isNew = state.problem == nil
      state.problem = error
      defer { state.tickets = [] }
      return (state.tickets, isNew)
    }
    for ticket in tickets { ticket.finish(.failure(error)) }
    if isNew {
      logger.warning(
        "rows of \(stream.definition.qualifiedName) wait for the engine \(backend.name): \(error.message)"
      )
    }
  }

  private func untilWork() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let head = stream.topic.state.head
      let goesOn = state.withLock { state in
        if state.isClosed || state.position.map({ $0 < head }) ?? true { return true }
        state.waiter = continuation
        return false
      }
      if goesOn { continuation.resume() }
    }
  }
}
