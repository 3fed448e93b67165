public import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// A query without end over one stream: rows come as they are appended.
///
/// It holds no thread and no queue: a reader that is slow finds its rows in the log when it comes
/// back.
public final class LiveQuery: Sendable {
  /// Why it ended, for its reader.
  enum Ending: Sendable {
    case failed(DatabaseError)
    case finished
  }

  private struct State {
    var position: Offset
    var isPaused = false
    var ending: Ending?
    /// Something has happened since the reader last looked.
    var isSignalled = false
    var reader: CheckedContinuation<Void, Never>?
    var rowCount = 0
    var maxTakenRowCount = LiveQuery.maxStepRowCount
    var watch: TopicWatch?
    var stage: (version: UInt32, statement: StageStatement)?
  }

  /// The most rows of the stream that are looked at in one go.
  static let maxStepRowCount: Int64 = 32_768

  public let id: String
  public let sql: String
  public let schema: Schema
  let stream: Stream
  let plan: EmitPlan
  let startMicroseconds: Int64
  /// Takes turns with other readers of a subscription, if it is one.
  let delivery: Delivery?
  /// Whether rows are fetched from it some at a time.
  let isOfCursor: Bool
  private let engine: DuckDBEngine
  private let registry: LiveQueries
  private let state: Mutex<State>

  init(
    id: String, sql: String, plan: EmitPlan, from start: Offset, delivery: Delivery? = nil,
    isOfCursor: Bool = false, engine: DuckDBEngine, registry: LiveQueries, startMicroseconds: Int64
  ) {
    self.id = id
    self.sql = sql
    self.plan = plan
    schema = plan.schema
    stream = plan.stream
    self.delivery = delivery
    self.isOfCursor = isOfCursor
    self.engine = engine
    self.registry = registry
    self.startMicroseconds = startMicroseconds
    state = Mutex(State(position: start))
    let watch = stream.topic.watch { [weak self] _ in self?.signal() }
    state.withLock { $0.watch = watch }
  }

  // MARK: The reader

  /// The next rows. Waits until there are some; nil when the query was ended without an error.
  ///
  /// - Throws: When the stream was dropped or changed so that the columns are others, when its rows
  ///   are gone, or when the query was terminated.
  public func next() async throws(DatabaseError) -> LiveBatch? { try await next(waits: true) }

  /// - Parameter waits: Whether to wait for rows; without, nil is the answer when there are none now.
  func next(waits: Bool) async throws(DatabaseError) -> LiveBatch? {
    while true {
      if Task.isCancelled { throw DatabaseError(.cancelled, "the client went away") }
      let (ending, isPaused) = look()
      switch ending {
      case .failed(let error): throw error
      case .finished: return nil
      case nil: break
      }
      let range = isPaused ? nil : try nextRange()
      guard let range else {
        guard waits else { return nil }
        await wait()
        continue
      }
      let batch = try await rows(in: range)
      advance(to: range.upperBound)
      guard let batch, batch.rowCount > 0 else {
        delivery?.acknowledgeEmpty(range, of: self)
        continue
      }
      state.withLock { $0.rowCount += batch.rowCount }
      return LiveBatch(
        batch: batch, offset: range.lowerBound.rawValue, nextOffset: range.upperBound.rawValue,
        token: ResumeToken(stream.topicID, range.upperBound).text)
    }
  }

  /// What was asked of it from outside; `wait` waits for what comes after this.
  func look() -> (ending: Ending?, isPaused: Bool) {
    state.withLock { state in
      state.isSignalled = false
      return (state.ending, state.isPaused)
    }
  }

  private func nextRange() throws(DatabaseError) -> Range<Offset>? {
    let head = stream.topic.state.head
    if let delivery {
      let count = state.withLock { $0.maxTakenRowCount }
      return delivery.take(for: self, head: head, maxRowCount: count)
    }
    let position = state.withLock { $0.position }
    guard position < head else { return nil }
    let end = min(head, position.advanced(by: Int(Self.maxStepRowCount)))
    return position..<end
  }

  func advance(to offset: Offset) {
    state.withLock { $0.position = max($0.position, offset) }
  }

  /// Returns when something has happened since `look`, or when the task is cancelled.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let resumesNow = state.withLock { state in
          if state.isSignalled || Task.isCancelled { return true }
          state.reader = continuation
          return false
        }
        if resumesNow { continuation.resume() }
      }
    } onCancel: {
      signal()
    }
  }

  /// Lets the reader look again.
  func signal() {
    let reader = state.withLock { state in
      state.isSignalled = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume()
  }

  // MARK: Rows

  /// What the query makes of rows of the stream.
  func rows(in range: Range<Offset>) async throws(DatabaseError) -> Batch? {
    let units: [ScanUnit]
    do throws(LogError) {
      units = try stream.topic.units(in: range, ScanFilter())
    } catch {
      throw explained(error)
    }
    // What was written lately is in memory; the rest may block on the disk, and DuckDB always does.
    if plan.isPlain, units.allSatisfy({ $0.file == .max }) {
      return try evaluate(units, range)
    }
    let result = await engine.onWorker { () -> Result<Batch?, DatabaseError> in
      do throws(DatabaseError) {
        return .success(try self.evaluate(units, range))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func evaluate(
    _ units: [ScanUnit], _ range: Range<Offset>
  ) throws(DatabaseError) -> Batch? {
    let version = plan.version(stream.definition)
    let reader = plan.reader(stream, version, range)
    var batches: [Batch] = []
    do {
      for unit in units { batches += try reader.batches(of: unit) }
    } catch let error as LogError {
      throw explained(error)
    } catch let error as DatabaseError {
      let isOutdated = plan.keepsUp && plan.version(stream.definition).id != version.id
      if isOutdated { return try evaluate(units, range) }
      throw DatabaseError(
        .failedPrecondition,
        "\(stream.definition.qualifiedName) was changed so that this query would have other "
          + "columns (\(error.message)); begin again with \(resumeClause)")
    } catch {
      throw DatabaseError(any: error)
    }
    guard !batches.isEmpty else { return nil }
    if plan.isPlain {
      do {
        return batches.count == 1 ? batches[0] : try Batch.concatenate(batches)
      } catch {
        throw DatabaseError(.internal, "\(error)")
      }
    }
    return try stage(version)?.evaluate(batches)
  }

  /// The statement for a version of the columns; nil if the query asks for columns that no row has
  /// brought yet.
  private func stage(_ version: StreamDefinition.Version) throws(DatabaseError) -> StageStatement? {
    if let stage = state.withLock({ $0.stage }), stage.version == version.id {
      return stage.statement
    }
    do throws(DatabaseError) {
      let made = try plan.makeStage(version)
      state.withLock { $0.stage = (version.id, made) }
      return made
    } catch {
      guard error.code == .invalidArgument else { throw error }
      if plan.isOpen { return nil }
      // It is the query that does not fit, and not a row.
      throw DatabaseError(.failedPrecondition, error.message, cause: error)
    }
  }

  private var resumeClause: String {
    let token = ResumeToken(stream.topicID, state.withLock { $0.position })
    return "EMIT CHANGES FROM TOKEN '\(token.text)'"
  }

  private func explained(_ error: LogError) -> DatabaseError {
    if case .noTopic = error {
      return DatabaseError(.notFound, "the stream \(stream.definition.qualifiedName) was dropped")
    }
    return stream.failure(error)
  }

  // MARK: From outside

  /// Sets how many rows of a subscription are taken from its other readers at a time.
  func take(atMost rowCount: Int) {
    let count = min(Int64(rowCount), Self.maxStepRowCount)
    state.withLock { $0.maxTakenRowCount = count }
  }

  /// Lets the statement be made again, as after a failure of the engine.
  func forgetStage() { state.withLock { $0.stage = nil } }

  func setPaused(_ isPaused: Bool) {
    state.withLock { $0.isPaused = isPaused }
    signal()
  }

  func end(_ ending: Ending) {
    state.withLock { $0.ending = $0.ending ?? ending }
    signal()
  }

  /// The reader is done.
  public func close() {
    end(.finished)
    let (watch, stage) = state.withLock { state in
      defer {
        state.watch = nil
        state.stage = nil
      }
      return (state.watch, state.stage)
    }
    delivery?.consumerLeft(self)
    registry.remove(self)
    withExtendedLifetime((watch, stage)) {}
  }

  var figures: (position: Offset, rowCount: Int, isPaused: Bool) {
    state.withLock { ($0.position, $0.rowCount, $0.isPaused) }
  }
}

/// What an endless query computes, before it runs.
struct EmitPlan: Sendable {
  var stream: Stream
  /// The columns under which it was planned.
  var version: StreamDefinition.Version
  var query: String
  var schema: Schema
  /// All columns as they are.
  var isPlain: Bool
  /// Whether its rows are JSON, because it asks for columns that no row has brought yet.
  var isOpen: Bool
  var usesHidden: Bool
  /// What the query calls the stream, which may have got another name since.
  var name: QualifiedName
  /// Whether the query goes on when columns of the stream get wider types, and then computes with those.
  var keepsUp = false
  /// Whether columns that the stream gets later are taken too: all columns go where any may appear.
  var grows = false
  var instance: @Sendable () throws(DatabaseError) -> DuckDBInstance

  /// The columns under which rows are read now.
  func version(_ definition: StreamDefinition) -> StreamDefinition.Version {
    let current = definition.current
    if isOpen || grows { return current }
    guard keepsUp else { return version }
    let columns = version.columns.map { planned in
      var column = planned
      if let now = current.columns.first(where: { $0.id == planned.id }) {
        column.field.type = now.field.type
        column.sqlType = now.sqlType
      }
      return column
    }
    // No version of the stream has this number, since these are not all columns of one.
    return StreamDefinition.Version(id: current.id | 1 << 31, columns: columns)
  }

  func fields(_ version: StreamDefinition.Version) -> [Field] {
    let visible = version.columns.map(\.field).filter { isPlain || LiveTables.holds($0) }
    return visible + (usesHidden ? StreamTable.hiddenFields : [])
  }

  func reader(
    _ stream: Stream, _ version: StreamDefinition.Version, _ range: Range<Offset>
  ) -> StreamReader {
    let visible = version.columns.indices.filter {
      isPlain || LiveTables.holds(version.columns[$0].field)
    }
    let hidden = usesHidden ? StreamTable.hiddenFields : []
    return StreamReader(
      stream, version, visible: visible, hidden: hidden, range: range,
      columns: Set(0..<(visible.count + hidden.count)))
  }

  func makeStage(_ version: StreamDefinition.Version) throws(DatabaseError) -> StageStatement {
    try StageStatement(
      query, over: name, fields: fields(version), wraps: isOpen,
      instance: try instance())
  }
}
