internal import Columnar
internal import Engine
internal import Log
internal import Synchronization
internal import Threads

/// The changes of one database behind that were acknowledged and are not there yet: a topic of the log.
///
/// Changes come in here and are durable when ``append(_:at:)`` returns; an ``OutboxPusher`` takes them out again, in order.
final class Outbox: Sendable {
  private struct State {
    var ledger: OutboxLedger
    var writer = OutboxWriter()
    var tickets: [OutboxTicket] = []
    /// Why the database cannot be reached, since the last attempt.
    var outage: DatabaseError?
    var isClosed = false
    var pusher: CheckedContinuation<Void, Never>?
    var figures = Figures()
  }

  /// What has happened since the server started.
  struct Figures: Hashable, Sendable {
    /// Changes that the database took.
    var applied = 0
    /// Changes that it refused for good.
    var rejected = 0
    /// Transactions of the database.
    var pushes = 0
  }

  /// What it is called in the database behind: no other outbox, of whatever server, has this name.
  let producer: String
  let positions: PositionTopic
  private let log: any LogStore
  private let topicID: TopicID
  private let topic: any Topic
  private let maxByteCount: Int
  private let clock: @Sendable () -> Int64
  /// For those who wait for clients and disks.
  let workers = WorkerPool(name: "outbox", maxThreadCount: 32)
  private let state: Mutex<State>

  /// A push takes fewer changes than a file has records.
  private static let unitRowCount = 8_192

  static let settings = TopicSettings(durability: .sync, retentionByteCount: 1)
  /// Only the last one counts, and older ones would keep files with changes that are long applied.
  static let positionSettings = TopicSettings(durability: .os, retentionByteCount: 1)
  static let producerPrefix = "hyprstream-outbox/"

  /// - Parameter applied: The end of the changes of which this server knows that the database has them.
  init(
    _ definition: OutboxDefinition, _ log: any LogStore, _ topic: any Topic, applied: Offset?,
    maxByteCount: Int, clock: @escaping @Sendable () -> Int64
  ) {
    producer = Self.producerPrefix + definition.id
    topicID = definition.topic
    positions = PositionTopic(definition.positions)
    (self.log, self.topic, self.maxByteCount, self.clock) = (log, topic, maxByteCount, clock)
    let found = topic.state
    let start = max(found.start, applied ?? .zero)
    state = Mutex(
      State(
        ledger: OutboxLedger(
          applied: start, head: found.head, byteCount: found.byteCount, maxByteCount: maxByteCount,
          time: found.lastIngestMicroseconds ?? clock())))
    topic.hold(start, for: producer)
  }

  // MARK: - Changes come in

  /// Makes a change durable.
  ///
  /// - Throws: RESOURCE_EXHAUSTED when too much waits for the database already.
  func append(_ change: OutboxChange) async throws(DatabaseError) {
    let encoded = state.withLock { state in
      Result { () throws(DatabaseError) in try state.writer.records(of: change) }
    }
    let (records, byteCount) = try encoded.get()
    guard state.withLock({ !$0.isClosed && $0.ledger.reserve(byteCount) }) else {
      throw refusal(byteCount)
    }
    let key = change.key.map { ProducerKey(producer: $0.producer, sequence: $0.sequence) }
    let (reach, time) = (change.reach, clock())
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<AppendOutcome, LogError>, Never>) in
      log.submit(AppendGroup([TopicWrite(topicID, records)], key: key)) { result in
        // Here, so that what is acknowledged is known in the order in which it lies in the log.
        self.settle(result, reach, byteCount: byteCount, at: time)
        continuation.resume(returning: result)
      }
    }
    if case .failure(let error) = result { throw DatabaseError(error) }
  }

  private func settle(
    _ result: Result<AppendOutcome, LogError>, _ reach: CacheVersions.Reach, byteCount: Int,
    at time: Int64
  ) {
    let pusher = state.withLock { state in
      if case .success(let outcome) = result, !outcome.isRepeat, let offsets = outcome.offsets.first
      {
        state.ledger.add(upTo: offsets.upperBound, reach, byteCount: byteCount, at: time)
      } else {
        state.ledger.release(byteCount)
      }
      return Self.takePusher(&state)
    }
    pusher?.resume()
  }

  private func refusal(_ byteCount: Int) -> DatabaseError {
    let (isClosed, held, outage) = state.withLock {
      ($0.isClosed, $0.ledger.byteCount, $0.outage)
    }
    if isClosed { return DatabaseError(.shuttingDown) }
    let why = outage.map { "; \($0.message)" } ?? ""
    return DatabaseError(
      .resourceExhausted,
      "\(held) bytes of changes wait for the database behind, and \(byteCount) more are not within outbox_max_bytes "
        + "(--engine-outbox-max-bytes), which is \(maxByteCount)\(why)")
  }

  // MARK: - Waiting

  /// What a statement has to wait for, and how old the oldest change is that the database does not have.
  ///
  /// - Parameters:
  ///   - names: Those in the statement; nil for everything.
  ///   - staleness: Changes that were acknowledged so lately may be missed.
  func outstanding(
    _ names: Set<String>?, staleness: Duration = .zero
  ) -> (barrier: Offset?, mayMiss: Bool, lag: Duration) {
    let now = clock()
    return state.withLock { state in
      guard let all = state.ledger.barrier(for: names) else { return (nil, false, .zero) }
      let lag = Duration.microseconds(max(0, now - (state.ledger.oldest ?? now)))
      guard staleness > .zero else { return (all, false, lag) }
      let limit = now.subtractingReportingOverflow(staleness.wholeMicroseconds).partialValue
      return (state.ledger.barrier(for: names, acknowledgedBy: limit), true, lag)
    }
  }

  /// The ticket of one who waits until the database has everything before `offset`.
  func ticket(for offset: Offset) -> OutboxTicket {
    let ticket = OutboxTicket(offset)
    let result = state.withLock { state -> Result<Void, DatabaseError>? in
      if state.ledger.applied >= offset { return .success(()) }
      if state.isClosed { return .failure(DatabaseError(.shuttingDown)) }
      if let outage = state.outage { return .failure(outage) }
      state.tickets.append(ticket)
      return nil
    }
    if let result { ticket.finish(result) }
    return ticket
  }

  /// Why the database cannot be reached; nil if it can, as far as the last attempt tells.
  var outage: DatabaseError? { state.withLock { $0.outage } }

  // MARK: - Changes go out

  /// Suspends until there is something to push.
  ///
  /// - Returns: False when it was closed.
  func untilWork() async -> Bool {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let resumesNow = state.withLock { state in
          if state.isClosed || !state.ledger.isEmpty { return true }
          state.pusher = continuation
          return false
        }
        if resumesNow || Task.isCancelled { wakePusher(continuation, resumesNow) }
      }
    } onCancel: {
      wakePusher(nil, false)
    }
    return !Task.isCancelled && state.withLock { !$0.isClosed }
  }

  private func wakePusher(_ own: CheckedContinuation<Void, Never>?, _ isUnregistered: Bool) {
    if isUnregistered {
      own?.resume()
    } else {
      state.withLock { Self.takePusher(&$0) }?.resume()
    }
  }

  private static func takePusher(_ state: inout State) -> CheckedContinuation<Void, Never>? {
    defer { state.pusher = nil }
    return state.pusher
  }

  var applied: Offset { state.withLock { $0.ledger.applied } }
  var head: Offset { state.withLock { $0.ledger.head } }

  /// The next changes in order: one at least if there is one. Blocks on the disk.
  func read(maxCount: Int, maxByteCount: Int) throws(DatabaseError) -> [StoredChange] {
    let (start, end) = state.withLock { ($0.ledger.applied, $0.ledger.head) }
    guard start < end else { return [] }
    var (reader, changes, byteCount) = (OutboxReader(), [StoredChange](), 0)
    do throws(LogError) {
      let filter = ScanFilter(preferredUnitRowCount: Self.unitRowCount)
      for unit in try topic.units(in: start..<end, filter) {
        for case .batch(let stored) in try topic.read(unit)
        where stored.firstOffset >= start && stored.endOffset <= end {
          guard let change = try Self.next(stored, &reader) else { continue }
          changes.append(change)
          byteCount += change.byteCount
          if changes.count >= maxCount || byteCount >= maxByteCount { return changes }
        }
      }
    } catch {
      throw DatabaseError(error)
    }
    return changes
  }

  private static func next(
    _ stored: StoredBatch, _ reader: inout OutboxReader
  ) throws(LogError) -> StoredChange? {
    do throws(DatabaseError) {
      return try reader.take(stored)
    } catch {
      throw .damaged(error.message)
    }
  }

  /// The database has all changes before `end`.
  func didApply(upTo end: Offset, changes: Int, byteCount: Int) {
    let done = state.withLock { state in
      state.ledger.apply(upTo: end, byteCount: byteCount)
      state.outage = nil
      state.figures.applied += changes
      state.figures.pushes += 1
      let applied = state.ledger.applied
      let done = state.tickets.filter { $0.offset <= applied }
      state.tickets.removeAll { $0.offset <= applied || $0.isDone }
      return done
    }
    for ticket in done { ticket.finish(.success(())) }
    topic.hold(end, for: producer)
    // For the day on which the database has lost its own note. Nobody waits for it.
    if let write = try? positions.write(end) {
      log.submit(AppendGroup([write], durability: .os)) { _ in }
    }
  }

  /// The database refused a change for good.
  func didReject() { state.withLock { $0.figures.rejected += 1 } }

  /// The database cannot be reached: whoever waits for it is told.
  func didFail(_ error: DatabaseError) {
    let waiting = state.withLock { state in
      state.outage = error
      defer { state.tickets = [] }
      return state.tickets
    }
    for ticket in waiting { ticket.finish(.failure(error)) }
  }

  /// It can be reached again.
  func didReach() { state.withLock { $0.outage = nil } }

  // MARK: - Looking at it

  /// Rows of the log that the database does not have, their bytes, and since when the first of them waits.
  var backlog: (rowCount: Int, byteCount: Int, lag: Duration) {
    let now = clock()
    return state.withLock { state in
      let ledger = state.ledger
      let count = Int(ledger.head.rawValue - ledger.applied.rawValue)
      let lag = ledger.oldest.map { Duration.microseconds(max(0, now - $0)) } ?? .zero
      return (max(0, count), ledger.byteCount, lag)
    }
  }

  var figures: Figures { state.withLock { $0.figures } }

  /// Takes nothing more. What is durable stays for the next start.
  func close() {
    let (pusher, tickets) = state.withLock { state in
      state.isClosed = true
      defer { state.tickets = [] }
      return (Self.takePusher(&state), state.tickets)
    }
    pusher?.resume()
    for ticket in tickets { ticket.finish(.failure(DatabaseError(.shuttingDown))) }
  }
}

extension Duration {
  /// Cut to microseconds, and to what fits.
  var wholeMicroseconds: Int64 {
    let (seconds, attoseconds) = components
    let (micros, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    return overflow
      ? .max : micros.addingReportingOverflow(attoseconds / 1_000_000_000_000).partialValue
  }
}
