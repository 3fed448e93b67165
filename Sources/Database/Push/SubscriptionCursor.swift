internal import Columnar
internal import Log
internal import Synchronization

/// A place in a stream or a subscription from which a session fetches some rows at a time.
///
/// It holds what a step of its query has made and nobody has fetched yet, and no thread.
final class SubscriptionCursor: Sendable {
  /// The changelog's columns behind those of the query.
  static let changeFields = [
    Field("_op", .utf8, isNullable: false),
    Field("_ts", .timestamp(.microsecond, timeZone: "UTC")),
    Field("_seq", .utf8, isNullable: false),
  ]

  /// Where things are in the rows that the query returns.
  struct Layout: Sendable {
    /// The columns that were asked for.
    var visible: [Int]
    /// `_offset` and `_ingest_time`; nil where the query does not let them through.
    var hidden: (offset: Int, time: Int)?
  }

  private struct Rest {
    var batch: Batch
    /// The rows of the stream that it was made of.
    var step: Range<Offset>
  }

  private struct State {
    var rest: Rest?
    var isBusy = false
  }

  let schema: Schema
  private let live: LiveQuery
  private let layout: Layout
  private let state = Mutex(State())

  /// - Parameter fields: Those of the query.
  init(_ live: LiveQuery, _ layout: Layout, fields: [Field]) {
    self.live = live
    self.layout = layout
    schema = Schema(fields + Self.changeFields)
  }

  func close() { live.close() }

  /// The next rows: as many as there are, up to a number. Waits for the first one only.
  ///
  /// - Parameter timeout: Zero does not wait.
  func fetch(_ count: Int, timeout: Duration) async throws(DatabaseError) -> Batch {
    let isMine = state.withLock { state in
      defer { state.isBusy = true }
      return !state.isBusy
    }
    guard isMine else {
      throw DatabaseError(.failedPrecondition, "another FETCH of this cursor is running")
    }
    defer { state.withLock { $0.isBusy = false } }
    live.take(atMost: max(count, 128))
    var (batches, missing) = ([Batch](), count)
    while missing > 0 {
      if state.withLock({ $0.rest == nil }) {
        let next = try await step(timeout: batches.isEmpty ? timeout : .zero)
        guard let next else { break }
        state.withLock { state in
          state.rest = Rest(
            batch: next.batch, step: Offset(next.offset)..<Offset(next.nextOffset))
        }
      }
      // What was made stays for the next FETCH.
      if Task.isCancelled { throw DatabaseError(.cancelled, "the call was cancelled") }
      guard let rows = take(missing) else { break }
      missing -= rows.rowCount
      batches.append(rows)
    }
    do {
      if batches.count == 1 { return batches[0] }
      return batches.isEmpty
        ? Batch(schema: schema, columns: schema.fields.map { .empty($0.type) }, rowCount: 0)
        : try Batch.concatenate(batches)
    } catch {
      throw DatabaseError(.internal, "\(error)")
    }
  }

  private func step(timeout: Duration) async throws(DatabaseError) -> LiveBatch? {
    if let batch = try await live.next(waits: false) { return batch }
    guard timeout > .zero else { return nil }
    let live = live
    let result = await withTaskGroup(of: Result<LiveBatch?, DatabaseError>?.self) { tasks in
      tasks.addTask {
        do throws(DatabaseError) { return .success(try await live.next()) } catch {
          return .failure(error)
        }
      }
      tasks.addTask {
        try? await Task.sleep(for: timeout)
        return nil
      }
      // The reader's result counts also when the time is up: rows that it has taken are taken.
      var result: Result<LiveBatch?, DatabaseError>?
      for await one in tasks {
        result = one ?? result
        tasks.cancelAll()
      }
      return result
    }
    do throws(DatabaseError) { return try result?.get() } catch {
      if error.code == .cancelled, !Task.isCancelled { return nil }
      throw error
    }
  }

  // MARK: Rows

  /// Some of the rows that were made and not fetched.
  private func take(_ count: Int) -> Batch? {
    let taken = state.withLock { state -> (Batch, Range<Offset>, isLast: Bool)? in
      guard let rest = state.rest else { return nil }
      guard rest.batch.rowCount > count else {
        state.rest = nil
        return (rest.batch, rest.step, true)
      }
      let left = rest.batch.rowCount - count
      state.rest?.batch = rest.batch.slice(from: count, count: left)
      return (rest.batch.slice(from: 0, count: count), rest.step, false)
    }
    guard let (rows, step, isLast) = taken else { return nil }
    let count = rows.rowCount
    let (times, tokens) = changes(rows, step, isLast: isLast)
    return Batch(
      schema: schema,
      columns: layout.visible.map { rows.columns[$0] } + [
        .strings(Array(repeating: "+I", count: count)), times, .strings(tokens),
      ], rowCount: count)
  }

  /// When each row came, and the token with which to go on behind it.
  private func changes(
    _ rows: Batch, _ step: Range<Offset>, isLast: Bool
  ) -> (Column, [String]) {
    let topic = live.stream.topicID
    guard let hidden = layout.hidden else {
      // From the beginning of the step none is lost, but those before this one come again.
      var tokens = Array(
        repeating: ResumeToken(topic, step.lowerBound).text, count: rows.rowCount)
      if isLast, let last = tokens.indices.last {
        tokens[last] = ResumeToken(topic, step.upperBound).text
      }
      return (.placeholder(Self.changeFields[1].type, rows.rowCount), tokens)
    }
    let offsets = rows.columns[hidden.offset]
    let tokens = (0..<rows.rowCount).map { row in
      let offset = offsets.string(at: row).flatMap { Int64($0) } ?? step.lowerBound.rawValue
      return ResumeToken(topic, Offset(offset).advanced(by: 1)).text
    }
    return (rows.columns[hidden.time], tokens)
  }
}
