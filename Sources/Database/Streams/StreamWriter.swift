public import Columnar
internal import Log
internal import SQL
internal import Synchronization

/// A stream as a way in writes to it.
public struct StreamWriter: Sendable {
  let stream: Stream
  let session: Session

  /// The name, for people.
  public var name: String { stream.definition.qualifiedName.description }
  /// The columns as they are now.
  public var schema: Schema { stream.definition.schema }

  /// The stream as JSON: its columns, and where it begins and ends.
  public var description: String {
    let definition = stream.definition
    let state = stream.topic.state
    let columns = definition.current.columns.map { column in
      "{\"name\":\(Self.quoted(column.field.name)),\"type\":\(Self.quoted(column.sqlType)),"
        + "\"nullable\":\(column.field.isNullable)}"
    }
    return "{\"name\":\(Self.quoted(name)),\"columns\":[\(columns.joined(separator: ","))],"
      + "\"first_offset\":\(state.start.rawValue),\"next_offset\":\(state.head.rawValue),"
      + "\"bytes\":\(state.byteCount)}"
  }

  private static func quoted(_ text: String) -> String { Column.strings([text]).json(at: 0) }

  /// Stores batches as one group: all of them or none. Returns when they are as durable as the stream
  /// promises.
  ///
  /// Inside a transaction they are kept until its end, and have no offsets before.
  public func append(
    _ batches: [Batch], _ marks: StreamMarks = StreamMarks(), transaction: Handle? = nil
  ) async throws(DatabaseError) -> StreamAcknowledgement {
    try await session.append(batches, to: stream, marks, transaction: transaction)
  }
}

extension StreamWriter {
  /// Rows that were handed to the log.
  public final class Pending: Sendable {
    private struct State {
      var result: Result<StreamAcknowledgement, DatabaseError>?
      var waiter: CheckedContinuation<Result<StreamAcknowledgement, DatabaseError>, Never>?
    }

    private let state = Mutex(State())

    /// Whether `value` will not wait.
    public var isDone: Bool { state.withLock { $0.result != nil } }

    /// What became of them. One reader.
    public var value: StreamAcknowledgement {
      get async throws(DatabaseError) {
        let result = await withCheckedContinuation {
          (
            continuation: CheckedContinuation<
              Result<StreamAcknowledgement, DatabaseError>, Never
            >
          ) in
          let result = state.withLock { state in
            if state.result == nil { state.waiter = continuation }
            return state.result
          }
          if let result { continuation.resume(returning: result) }
        }
        return try result.get()
      }
    }

    func finish(_ result: Result<StreamAcknowledgement, DatabaseError>) {
      let waiter = state.withLock { state in
        state.result = result
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume(returning: result)
    }
  }

  /// Hands batches to the log as one group, and returns without waiting for the disk. Groups are stored
  /// in the order of these calls.
  ///
  /// - Throws: When the rows do not fit the stream; nothing was handed over then.
  public func begin(
    _ batches: [Batch], _ marks: StreamMarks
  ) async throws(DatabaseError) -> Pending {
    let pending = Pending()
    try await session.submit(batches, to: stream, marks) { pending.finish($0) }
    return pending
  }
}

extension Session {
  /// The stream that a path means: name, schema and name, or catalog, schema and name; nil if there is
  /// none.
  public func streamWriter(_ path: [String]) -> StreamWriter? {
    guard !path.isEmpty, path.count <= 3 else { return nil }
    let place = state.withLock { $0.place } ?? database.defaultPlace
    return database.planner.stream(QualifiedName(parts: path), place)
      .map { StreamWriter(stream: $0, session: self) }
  }

  /// The names of all streams.
  public var streamNames: [String] {
    database.streams.all.map { $0.definition.qualifiedName.description }
  }

  func append(
    _ batches: [Batch], to stream: Stream, _ marks: StreamMarks, transaction handle: Handle? = nil
  ) async throws(DatabaseError) -> StreamAcknowledgement {
    touch()
    if let transaction = try transaction(handle) {
      guard marks.producer == nil, marks.sequence == nil else {
        throw DatabaseError(
          .invalidArgument,
          "rows with a producer and a sequence cannot be put inside a transaction: a retry could not "
            + "be told from the first time before the transaction ends")
      }
      let (writes, counts) = try await writes(batches, to: stream, marks)
      try transaction.add(writes)
      return StreamAcknowledgement(
        offset: -1, nextOffset: -1, rowCount: counts.good, deadLetterCount: counts.dead)
    }
    let writer = StreamWriter(stream: stream, session: self)
    return try await writer.begin(batches, marks).value
  }

  /// Hands rows to the log.
  func submit(
    _ batches: [Batch], to stream: Stream, _ marks: StreamMarks,
    _ completion: @escaping @Sendable (Result<StreamAcknowledgement, DatabaseError>) -> Void
  ) async throws(DatabaseError) {
    touch()
    let copy = copyToWaitFor(stream)
    try copy?.checkReachable()
    let (writes, counts) = try await writes(batches, to: stream, marks)
    let key: ProducerKey?
    do throws(LogError) { key = try marks.key } catch { throw stream.failure(error) }
    let durability = stream.definition.options.durability
    let finish: @Sendable (Result<AppendOutcome, LogError>) -> Void = { result in
      let stored = result.map { outcome in
        let offsets = outcome.offsets.first ?? Offset.zero..<Offset.zero
        return StreamAcknowledgement(
          offset: offsets.lowerBound.rawValue, nextOffset: offsets.upperBound.rawValue,
          rowCount: counts.good, isRepeat: outcome.isRepeat,
          deadLetterCount: outcome.isRepeat ? 0 : counts.dead)
      }.mapError { stream.failure($0) }
      guard let copy, case .success(let acknowledgement) = stored else { return completion(stored) }
      copy.whenItHas(acknowledgement) { completion($0) }
    }
    if let running = running(of: stream) {
      await running.submit(writes, key: key, durability: durability, finish)
    } else {
      database.streams.log.submit(
        AppendGroup(writes, key: key, durability: durability), finish)
    }
  }

  /// The engine's table that has to have the rows of a stream before they are acknowledged; nil if there is none.
  func copyToWaitFor(_ stream: Stream) -> EngineCopy? {
    guard let copy = database.metricsCopy.withLock({ $0 }), copy.stream === stream,
      writeMode(copy.backend) != .behind
    else { return nil }
    return copy
  }

  /// The records for rows, and how many rows there are.
  func writes(
    _ batches: [Batch], to stream: Stream, _ marks: StreamMarks
  ) async throws(DatabaseError) -> ([TopicWrite], (good: Int, dead: Int)) {
    if stream.isDropped {
      throw DatabaseError(
        .notFound, "the stream \(stream.definition.qualifiedName) was dropped")
    }
    let rows = try await conform(batches, to: stream)
    var records: [LogRecord] = []
    for batch in rows.good where batch.rowCount > 0 { records += try stream.records(for: batch) }
    if let watermark = marks.watermarkMicroseconds {
      records.append(.watermark(microseconds: watermark))
    }
    if marks.endsStream { records.append(.endOfStream) }
    var writes = [TopicWrite(stream.topicID, records)]
    if let dead = rows.dead {
      guard let letters = deadLetters(of: stream) else {
        throw DatabaseError(
          .failedPrecondition,
          "the stream \(stream.definition.qualifiedName) has no relation for its dead letters: "
            + "ALTER STREAM … SET (on_error = 'dead_letter') makes it again")
      }
      writes.append(
        TopicWrite(
          letters.topicID, try letters.records(for: RowConforming.deadLetters(dead, marks))))
    }
    return (writes, (rows.goodCount, rows.dead?.rowCount ?? 0))
  }
}

extension StreamMarks {
  var key: ProducerKey? {
    get throws(LogError) {
      switch (producer, sequence) {
      case (let producer?, let sequence?):
        return ProducerKey(producer: producer, sequence: sequence)
      case (nil, nil): return nil
      default: throw .invalid("a producer and its sequence are given together or not at all")
      }
    }
  }
}

extension Stream {
  /// What a client is told of an error of the log.
  func failure(_ error: LogError) -> DatabaseError {
    if case .noTopic = error {
      return DatabaseError(.notFound, "the stream \(definition.qualifiedName) was dropped")
    }
    var failure = DatabaseError(error)
    failure.message = "\(definition.qualifiedName): \(failure.message)"
    return failure
  }
}
