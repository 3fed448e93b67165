internal import Columnar
internal import Log
internal import SQL

/// Rows of the source into rows of the sink, and what becomes of those that do not fit.
extension ContinuousQuery {
  /// Stores what the query makes of some rows.
  ///
  /// A row that cannot be computed or does not fit fails all that were looked at with it, so they are
  /// halved until it is alone. Those before it are stored then.
  ///
  /// - Parameter marks: What holds behind these rows.
  func store(_ range: Range<Offset>, _ marks: StreamMarks) async throws(DatabaseError) {
    do throws(DatabaseError) {
      let made = try await live.rows(in: range)
      try await append(
        made.map { (batch) throws(DatabaseError) in [try named(batch)] } ?? [], range, marks)
    } catch {
      // Everything else is not about the rows.
      guard error.code == .invalidArgument else { throw error }
      if case .ended = status { throw error }
      let count = range.upperBound.rawValue - range.lowerBound.rawValue
      guard count > 1 else { return try await refuse(range, error, marks) }
      let middle = range.lowerBound.advanced(by: Int(count / 2))
      try await store(range.lowerBound..<middle, StreamMarks())
      try await store(middle..<range.upperBound, marks)
    }
  }

  /// Appends rows and marks together with the place behind them.
  func append(
    _ batches: [Batch], _ range: Range<Offset>, _ marks: StreamMarks
  ) async throws(DatabaseError) {
    guard batches.contains(where: { $0.rowCount > 0 }) || marks != StreamMarks() else {
      return didSkip(range.upperBound)
    }
    let (writes, counts) = try await session.writes(
      batches, to: sink, marks.from(id, range.lowerBound))
    try await append(writes, to: range.upperBound, rowCount: counts.good)
  }

  private func append(
    _ writes: [TopicWrite], to offset: Offset, rowCount: Int
  ) async throws(DatabaseError) {
    try await session.append(writes + [try positions.write(offset)], to: sink)
    didStore(offset, rowCount: rowCount)
  }

  /// Deals with a row of the source that makes the query fail.
  private func refuse(
    _ range: Range<Offset>, _ error: DatabaseError, _ marks: StreamMarks
  ) async throws(DatabaseError) {
    let offset = range.lowerBound.rawValue
    guard sink.definition.options.onError == .deadLetter else {
      throw DatabaseError(
        .invalidArgument,
        "row \(offset) of \(source.definition.qualifiedName): \(error.message)", cause: error)
    }
    let letters = try await session.deadLetterTopic(of: sink)
    let row = try await live.sourceRows(in: range)
    let dead = try await session.cast(row) { relation in
      "SELECT \(stringLiteral(error.message)) AS error, CAST(to_json(__rows) AS VARCHAR) AS row "
        + "FROM (FROM \(relation)) AS __rows"
    }
    let (writes, _) = try await session.writes([], to: sink, marks)
    let records = try letters.records(
      for: RowConforming.deadLetters(dead, StreamMarks().from(id, range.lowerBound)))
    try await append(
      writes + [TopicWrite(letters.topicID, records)], to: range.upperBound, rowCount: 0)
  }

  /// The rows with the names that their columns have in the sink.
  private func named(_ batch: Batch) throws(DatabaseError) -> Batch {
    guard !definition.columns.isEmpty else { return batch }
    let there = sink.definition.current.columns
    guard definition.columns.count == batch.columns.count else {
      throw DatabaseError(
        .failedPrecondition,
        "the query returns \(batch.columns.count) columns now, and not "
          + "\(definition.columns.count) as when it was made")
    }
    let fields = zip(batch.schema.fields, definition.columns).map { field, id in
      var field = field
      if let column = there.first(where: { $0.id == id }) { field.name = column.field.name }
      return field
    }
    return Batch(schema: Schema(fields), columns: batch.columns, rowCount: batch.rowCount)
  }
}

extension StreamMarks {
  /// The same, with the query and the row of its source that dead letters name.
  fileprivate func from(_ query: String, _ offset: Offset) -> StreamMarks {
    var marks = self
    marks.producer = query
    marks.sequence = offset.rawValue
    return marks
  }
}

extension Session {
  /// Appends a group whose first write is for a stream.
  fileprivate func append(
    _ writes: [TopicWrite], to stream: Stream
  ) async throws(DatabaseError) {
    let durability = stream.definition.options.durability
    let log = database.streams.log
    let result: Result<AppendOutcome, LogError>
    if let running = running(of: stream) {
      result = await withCheckedContinuation { continuation in
        Task { [writes] in
          await running.submit(writes, key: nil, durability: durability) {
            continuation.resume(returning: $0)
          }
        }
      }
    } else {
      result = await withCheckedContinuation { continuation in
        log.submit(AppendGroup(writes, durability: durability)) {
          continuation.resume(returning: $0)
        }
      }
    }
    do throws(LogError) { _ = try result.get() } catch { throw stream.failure(error) }
  }

  /// The relation for the dead letters of a stream. A crash may have come before it was made.
  fileprivate func deadLetterTopic(of stream: Stream) async throws(DatabaseError) -> Stream {
    try await makeCompanions(of: stream)
    guard let letters = deadLetters(of: stream) else {
      throw DatabaseError(.internal, "the relation for dead letters is not there")
    }
    return letters
  }
}

extension LiveQuery {
  /// Rows of the source as the query is given them.
  fileprivate func sourceRows(in range: Range<Offset>) async throws(DatabaseError) -> Batch {
    let version = plan.version(stream.definition)
    var plan = plan
    // What DuckDB cannot hold is not in a dead letter.
    plan.isPlain = false
    let reader = plan.reader(stream, version, range)
    do {
      var batches: [Batch] = []
      for unit in try stream.topic.units(in: range, ScanFilter()) {
        batches += try reader.batches(of: unit)
      }
      return try Batch.concatenate(batches)
    } catch {
      throw DatabaseError(any: error)
    }
  }
}
