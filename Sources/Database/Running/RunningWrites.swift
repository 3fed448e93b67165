internal import Columnar
internal import Dataflow
internal import Engine
internal import Log
internal import Synchronization

/// Computes the running columns of one stream, and hands its rows to the log in that order.
///
/// Each group says at which offset it expects to be stored, so that rows which were computed behind others
/// are stored behind them or not at all. The aggregates can be lost at any time: the log has the rows.
final class RunningWrites: Sendable {
  private struct Job: Sendable {
    var writes: [TopicWrite]
    var key: ProducerKey?
    var durability: Durability?
    var completion: @Sendable (Result<AppendOutcome, LogError>) -> Void
  }

  private struct State {
    var queue = WriteQueue<Job, RunningUndo>()
    /// Those who wait for the stream to be theirs alone.
    var pausing: [CheckedContinuation<Void, Never>] = []
    var nextOffset: Offset?
  }

  /// Touched by one at a time: the one who carries out the steps, or who has the stream alone.
  private struct Aggregates {
    var running: RunningAggregates
    /// The newest time of a row, in microseconds since 1970.
    var newest: Int64?
  }

  typealias Worker =
    @Sendable (
      @escaping @Sendable () -> Result<RunningAggregates, LogError>
    ) async -> Result<RunningAggregates, LogError>

  /// Windows beyond this are read from the log again when a row for them comes.
  private static let maxByteCount = 256 << 20

  let stream: Stream
  private let log: any LogStore
  private let onWorker: Worker
  private let lateRows: @Sendable () -> Stream?
  private let state = Mutex(State())
  private let aggregates: Mutex<Aggregates>

  /// - Parameters:
  ///   - onWorker: Runs what blocks.
  ///   - lateRows: The stream for rows that are late, if they have one.
  init(
    _ stream: Stream, _ log: any LogStore, onWorker: @escaping Worker,
    lateRows: @escaping @Sendable () -> Stream?
  ) {
    self.stream = stream
    self.log = log
    self.onWorker = onWorker
    self.lateRows = lateRows
    aggregates = Mutex(Aggregates(running: Self.noAggregates(stream.definition)))
  }

  private static func noAggregates(_ definition: StreamDefinition) -> RunningAggregates {
    RunningAggregates(
      valueCount: definition.options.running.values.count,
      seed: UInt64.random(in: .min ... .max))
  }

  /// Bytes of memory of the aggregates.
  var byteCount: Int { aggregates.withLock { $0.running.byteCount } }

  /// Hands over a group whose first write is for the stream.
  func submit(
    _ writes: [TopicWrite], key: ProducerKey?, durability: Durability?,
    _ completion: @escaping @Sendable (Result<AppendOutcome, LogError>) -> Void
  ) async {
    let job = Job(writes: writes, key: key, durability: durability, completion: completion)
    let steps = state.withLock { state in
      state.queue.add(job)
      return state.queue.beginSteps()
    }
    if steps { await carryOutSteps() }
  }

  // MARK: Steps

  private func carryOutSteps() async {
    while let step = state.withLock({ $0.queue.nextStep() }) {
      switch step {
      case .handOver(let job, let isFirst): await handOver(job, isFirst: isFirst)
      case .keep(let undos):
        aggregates.withLock { aggregates in for undo in undos { aggregates.running.keep(undo) } }
      case .takeBack(let undos):
        aggregates.withLock { aggregates in for undo in undos { aggregates.running.undo(undo) } }
      case .yield:
        let next = state.withLock { $0.pausing.removeFirst() }
        return next.resume()
      }
    }
  }

  private func handOver(_ job: Job, isFirst: Bool) async {
    let offset = (isFirst ? nil : state.withLock { $0.nextOffset }) ?? stream.topic.state.head
    let (writes, undo): ([TopicWrite], RunningUndo)
    do throws(LogError) {
      (writes, undo) = try await computed(job.writes, at: offset)
    } catch {
      return job.completion(.failure(error))
    }
    let number = state.withLock { state in
      state.nextOffset = offset.advanced(by: writes.first?.rowCount ?? 0)
      return state.queue.handedOver(job, undo)
    }
    let group = AppendGroup(writes, key: job.key, durability: job.durability)
    log.submit(group) { self.answered(number, $0, job.completion) }
  }

  private func answered(
    _ number: UInt64, _ result: Result<AppendOutcome, LogError>,
    _ completion: @Sendable (Result<AppendOutcome, LogError>) -> Void
  ) {
    let answer: WriteQueue<Job, RunningUndo>.Answer =
      switch result {
      case .success(let outcome): outcome.isRepeat ? .notStored : .stored
      case .failure(.moved): .refused
      case .failure: .notStored
      }
    let steps = state.withLock { state in
      state.queue.answer(number, answer)
      return state.queue.beginSteps()
    }
    if case .refused = answer {} else { completion(result) }
    if steps { Task { await carryOutSteps() } }
  }

  // MARK: Computing

  /// The writes with their running columns.
  private func computed(
    _ given: [TopicWrite], at offset: Offset
  ) async throws(LogError) -> ([TopicWrite], RunningUndo) {
    var writes = given
    var undo = RunningUndo()
    guard !writes.isEmpty else { return (writes, undo) }
    do throws(LogError) {
      var records: [LogRecord] = []
      for record in writes[0].records {
        guard case .batch(let stored) = record, let batch = stored.batch,
          let stage = RunningStage(stream.definition, batch.schema)
        else {
          records.append(record)
          continue
        }
        for part in try await split(batch, stage, &writes) {
          records += try await computed(part, stage, &undo)
        }
      }
      writes[0].records = records
    } catch {
      let added = undo
      aggregates.withLock { $0.running.undo(added) }
      throw error
    }
    writes[0].expectedOffset = offset
    aggregates.withLock { $0.running.trim(toByteCount: Self.maxByteCount) }
    return (writes, undo)
  }

  private func computed(
    _ batch: Batch, _ stage: RunningStage, _ undo: inout RunningUndo
  ) async throws(LogError) -> [LogRecord] {
    let rows = stage.rows(of: batch)
    try await load(rows)
    let (columns, added) = aggregates.withLock { $0.running.add(rows) }
    undo.append(added)
    return try records(stage.filled(batch, with: columns), of: stream)
  }

  private func records(_ batch: Batch, of stream: Stream) throws(LogError) -> [LogRecord] {
    do throws(DatabaseError) {
      return try stream.records(for: batch)
    } catch {
      throw .invalid(error.message)
    }
  }

  /// Gets the windows of rows into memory that are not there.
  private func load(_ rows: RunningRows) async throws(LogError) {
    let missing = aggregates.withLock { $0.running.missingWindows(of: rows) }
    guard !missing.isEmpty else { return }
    let reload = RunningReload(stream: stream)
    let empty = Self.noAggregates(stream.definition)
    let loaded = try await onWorker { () -> Result<RunningAggregates, LogError> in
      Result { () throws(LogError) in try reload.load(missing, into: empty) }
    }.get()
    aggregates.withLock { $0.running.adopt(loaded) }
  }

  /// The rows that count, in pieces; rows that are late are added to the writes.
  private func split(
    _ batch: Batch, _ stage: RunningStage, _ writes: inout [TopicWrite]
  ) async throws(LogError) -> [Batch] {
    let options = stream.definition.options.running
    guard options.late == .separate, let late = lateRows() else { return [batch] }
    var newest = aggregates.withLock { $0.newest }
    if newest == nil { newest = try RunningReload(stream: stream).newestTime() }
    let parts = stage.parts(of: batch, options, newest: &newest)
    aggregates.withLock { [newest] in $0.newest = newest }
    guard parts.contains(where: \.isLate) else { return [batch] }
    var onTime: [Batch] = []
    var records: [LogRecord] = []
    for part in parts {
      let rows = batch.slice(from: part.rows.lowerBound, count: part.rows.count)
      if part.isLate {
        records += try self.records(
          rows.with(late.definition.schema), of: late)
      } else {
        onTime.append(rows)
      }
    }
    writes.append(TopicWrite(late.topicID, records))
    return onTime
  }

  // MARK: Alone

  /// Runs something that stores rows of the stream, while nobody else does.
  ///
  /// - Parameter body: Gets the rows with their running columns. When it throws, they are taken back.
  func alone(
    _ given: [TopicWrite], _ body: ([TopicWrite]) async throws(DatabaseError) -> Void
  ) async throws(DatabaseError) {
    await pause()
    defer { goOn() }
    var writes: [TopicWrite]
    let undo: RunningUndo
    do throws(LogError) {
      (writes, undo) = try await computed(given, at: stream.topic.state.head)
    } catch {
      throw stream.failure(error)
    }
    writes[0].expectedOffset = nil
    do throws(DatabaseError) {
      try await body(writes)
    } catch {
      // What was committed nevertheless is in the log: the windows are read again.
      aggregates.withLock { aggregates in
        aggregates.running.undo(undo)
        aggregates.running.drop(undo)
      }
      throw error
    }
    aggregates.withLock { $0.running.keep(undo) }
  }

  /// Begins anew with other windows, once a change of the stream's options is made.
  func restart(
    _ change: () async throws(DatabaseError) -> Void
  ) async throws(DatabaseError) {
    await pause()
    defer { goOn() }
    try await change()
    aggregates.withLock { $0.running = Self.noAggregates(stream.definition) }
  }

  private func pause() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let steps = state.withLock { state in
        state.pausing.append(continuation)
        state.queue.askForPause()
        return state.queue.beginSteps()
      }
      if steps { Task { await carryOutSteps() } }
    }
  }

  private func goOn() {
    let steps = state.withLock { state in
      state.queue.endPause()
      state.nextOffset = nil
      return state.queue.beginSteps()
    }
    if steps { Task { await carryOutSteps() } }
  }
}

extension TopicWrite {
  fileprivate var rowCount: Int {
    records.reduce(0) { sum, record in
      if case .batch(let batch) = record { sum + batch.rowCount } else { sum }
    }
  }
}

extension Batch {
  /// The same rows for a stream with the same columns under the same names; columns that it does not have
  /// are left out, and those that are missing are NULL.
  fileprivate func with(_ schema: Schema) -> Batch {
    let columns = schema.fields.map { field -> Column in
      let index = self.schema.fields.firstIndex {
        $0.name.lowercased() == field.name.lowercased() && $0.type == field.type
      }
      return index.map { self.columns[$0] } ?? .placeholder(field.type, rowCount)
    }
    return Batch(schema: schema, columns: columns, rowCount: rowCount)
  }
}
