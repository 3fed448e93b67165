internal import Columnar
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// A query that never ends and stores what it makes of one stream in another.
///
/// It holds no thread while there is nothing to do.
final class ContinuousQuery: Sendable {
  enum Status: Sendable {
    case running
    case paused
    /// Something outside stands in the way, such as a full disk; it is tried again.
    case waiting(DatabaseError)
    /// It has stopped, until RESUME QUERY or a restart.
    case failed(DatabaseError)
    /// It goes away, or the server does.
    case ended
  }

  private struct State {
    var status: Status
    /// Everything of the source below is in the sink.
    var position: Offset
    /// What the log knows of `position`.
    var durable: Offset
    var rowCount = 0
    var task: Task<Void, Never>?
    var waiters: [UInt64: (until: Offset, continuation: CheckedContinuation<Void, Never>)] = [:]
    var nextWaiter: UInt64 = 0
  }

  let definition: ContinuousDefinition
  let source: Stream
  let sink: Stream
  let session: Session
  let live: LiveQuery
  let positions: PositionTopic
  private let state: Mutex<State>

  init(
    _ definition: ContinuousDefinition, source: Stream, sink: Stream, plan: EmitPlan,
    position: Offset, session: Session
  ) {
    self.definition = definition
    self.source = source
    self.sink = sink
    self.session = session
    positions = PositionTopic(definition.positions)
    live = LiveQuery(
      id: definition.id, sql: definition.query, plan: plan, from: position,
      engine: session.engine, registry: session.database.liveQueries,
      startMicroseconds: definition.createdMicroseconds)
    state = Mutex(
      State(
        status: definition.isPaused ? .paused : .running, position: position, durable: position))
    live.setPaused(definition.isPaused)
    source.topic.hold(position, for: holdName)
  }

  var id: String { definition.id }

  private var holdName: String { "query \(definition.id)" }

  // MARK: From outside

  /// Begins to run.
  func start() {
    state.withLock { state in
      guard state.task == nil else { return }
      state.task = Task { await self.run() }
    }
  }

  func setPaused(_ isPaused: Bool) {
    let wasFailed = state.withLock { state in
      guard case .failed = state.status else {
        state.status = isPaused ? .paused : .running
        return false
      }
      guard !isPaused else { return false }
      state.status = .running
      state.task = nil
      return true
    }
    live.setPaused(isPaused)
    if wasFailed {
      skipWhatIsGone()
      start()
    }
    if isPaused { wakeWaiters { _ in true } }
  }

  /// Stops it for good, or until the next start of the server. Returns when it writes no more.
  func stop() async {
    let task = state.withLock { state in
      state.status = .ended
      return state.task
    }
    live.end(.finished)
    task?.cancel()
    await task?.value
    try? await storePosition()
    live.close()
    wakeWaiters { _ in true }
  }

  /// Lets go of what it needs of its source. It has stopped.
  func letGo() { source.topic.hold(nil, for: holdName) }

  /// A stream that it needs has gone.
  func end(because error: DatabaseError) {
    fail(error)
    live.end(.finished)
  }

  private func fail(_ error: DatabaseError) {
    state.withLock { state in
      if case .ended = state.status { return }
      state.status = .failed(error)
    }
    wakeWaiters { _ in true }
  }

  /// Returns when everything below an offset is in the sink, or when the query does not run.
  func reach(_ offset: Offset) async {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let isThere = state.withLock { state in
          guard case .running = state.status, state.position < offset, !Task.isCancelled else {
            return true
          }
          state.waiters[id] = (offset, continuation)
          return false
        }
        if isThere { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
    }
  }

  private func wakeWaiters(_ isDue: (Offset) -> Bool) {
    let due = state.withLock { state in
      let due = state.waiters.filter { isDue($0.value.until) }
      for id in due.keys { state.waiters[id] = nil }
      return due.values.map(\.continuation)
    }
    for waiter in due { waiter.resume() }
  }

  var status: Status { state.withLock { $0.status } }

  var figures: (status: Status, position: Offset, rowCount: Int) {
    state.withLock { ($0.status, $0.position, $0.rowCount) }
  }

  // MARK: Running

  /// What is retried after an error that passes: seconds, doubled each time, at most 30.
  private static let firstPause = Duration.seconds(1)
  private static let maxInternalErrorCount = 5

  private func run() async {
    var pause = Self.firstPause
    var internalErrorCount = 0
    while !Task.isCancelled {
      let before = figures.position
      do throws(DatabaseError) {
        try await flow()
        return
      } catch {
        if case .ended = status { return }
        if figures.position > before { (pause, internalErrorCount) = (Self.firstPause, 0) }
        internalErrorCount += [.internal, .aborted].contains(error.code) ? 1 : 0
        let passes =
          error.code == .resourceExhausted
          || ([.internal, .aborted].contains(error.code)
            && internalErrorCount < Self.maxInternalErrorCount)
        guard passes else { return fail(error) }
        live.forgetStage()
        state.withLock { state in
          if case .running = state.status { state.status = .waiting(error) }
        }
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(30))
      }
    }
  }

  /// Stores what comes, until the query is ended.
  private func flow() async throws(DatabaseError) {
    while !Task.isCancelled {
      let (ending, isPaused) = live.look()
      if ending != nil { return }
      if isPaused {
        await live.wait()
        continue
      }
      let now = source.topic.state
      let position = figures.position
      if position < now.head {
        let end = min(now.head, position.advanced(by: Int(LiveQuery.maxStepRowCount)))
        let marks = end == now.head ? newMarks(now) : StreamMarks()
        try await store(position..<end, marks)
      } else if newMarks(now) != StreamMarks() {
        try await append([], position..<position, newMarks(now))
      } else {
        if position.rawValue - durable.rawValue >= Self.maxUnstoredRowCount {
          try await storePosition()
        }
        await live.wait()
      }
    }
  }

  /// The marks of the source that the sink does not have. True when all rows of that state are there.
  private func newMarks(_ now: TopicState) -> StreamMarks {
    let there = sink.topic.state
    var marks = StreamMarks()
    if let watermark = now.watermarkMicroseconds,
      watermark > there.watermarkMicroseconds ?? .min
    {
      marks.watermarkMicroseconds = watermark
    }
    marks.endsStream = now.isEnded && !there.isEnded
    return marks
  }

  // MARK: Progress

  /// Rows of the source of which the query made nothing are looked at again after a crash, up to so
  /// many: each need not be written down.
  private static let maxUnstoredRowCount: Int64 = 4_096

  private var durable: Offset { state.withLock { $0.durable } }

  /// Rows up to an offset are in the sink.
  func didStore(_ offset: Offset, rowCount: Int) {
    state.withLock { state in
      state.position = offset
      state.durable = offset
      state.rowCount += rowCount
      if case .waiting = state.status { state.status = .running }
    }
    live.advance(to: offset)
    source.topic.hold(offset, for: holdName)
    wakeWaiters { $0 <= offset }
  }

  /// The query has made nothing of the rows up to an offset.
  func didSkip(_ offset: Offset) {
    state.withLock { $0.position = offset }
    live.advance(to: offset)
    wakeWaiters { $0 <= offset }
  }

  private func storePosition() async throws(DatabaseError) {
    let (position, durable) = state.withLock { ($0.position, $0.durable) }
    guard position > durable else { return }
    do throws(LogError) {
      _ = try await session.database.streams.log.append(
        AppendGroup([try write(position)], durability: .os))
    } catch {
      throw DatabaseError(error)
    }
    didStore(position, rowCount: 0)
  }

  private func write(_ position: Offset) throws(LogError) -> TopicWrite {
    do throws(DatabaseError) { return try positions.write(position) } catch {
      throw .invalid(error.message)
    }
  }

  /// Goes on at the first row that is there, if retention has taken rows that were not looked at.
  private func skipWhatIsGone() {
    let start = source.topic.state.start
    if figures.position < start { didSkip(start) }
  }
}
