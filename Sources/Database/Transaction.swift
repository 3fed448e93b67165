internal import Columnar
internal import Engine
internal import Log
internal import Synchronization
internal import Telemetry

/// One transaction of a session.
///
/// Until its first write it holds nothing and never expires: each of its statements has its own
/// snapshot and its own `NOW()`. With the first write it becomes a transaction of DuckDB on a lane
/// of its own (or on the session's, where temporary tables live), and is rolled back when it idles.
/// With `isolation = 'snapshot'` it becomes one with its first statement.
final class Transaction: Sendable {
  enum Phase {
    /// Begun, nothing written.
    case reading
    /// DuckDB's transaction is open on this lane.
    case writing(Lane)
    /// Committed or rolled back. Terminal; the sentence says what became of it.
    case ended(String)
  }

  private struct State {
    var phase = Phase.reading
    var lastUse = ContinuousClock.now
    var runningCount = 0
    var reservedLane: Lane?
    var isExpiring = false
    var definesCatalog = false
    /// Rows for streams, which become visible at its end.
    var streamWrites: [TopicWrite] = []
    var streamByteCount = 0
    /// Where its statements run on a database behind, and what they have changed there.
    var work: BackendWork?
    var reach = CacheVersions.Reach.nothing

    var hasWritten: Bool {
      switch phase {
      case .reading: !streamWrites.isEmpty || work != nil
      case .writing: true
      case .ended: false
      }
    }
  }

  /// The most bytes of rows for streams that a transaction keeps until its end.
  private static let maxStreamByteCount = 256 << 20

  let handle = Handle()
  /// The connection that began it; when that closes, it is rolled back.
  let connectionID: UInt64
  let begin = ContinuousClock.now
  /// Held while the phase changes, since that runs statements.
  let turn = Turn()
  private let state = Mutex(State())
  private let counted: Counted

  init(connectionID: UInt64, metrics: ServerMetrics) {
    self.connectionID = connectionID
    counted = Counted(.transaction, in: metrics)
  }

  var phase: Phase { state.withLock { $0.phase } }

  /// Whether it has written and is not yet ended.
  var lane: Lane? {
    if case .writing(let lane) = phase { return lane }
    return nil
  }

  /// Whether it has changed the catalog.
  var definesCatalog: Bool { state.withLock { $0.definesCatalog } }

  func noteDefinition() { state.withLock { $0.definesCatalog = true } }

  /// Keeps rows for streams until the end.
  func add(_ writes: [TopicWrite]) throws(DatabaseError) {
    let byteCount = writes.reduce(0) { sum, write in
      write.records.reduce(sum) { sum, record in
        guard case .batch(let batch) = record else { return sum }
        return sum + batch.message.bodyByteCount + batch.message.header.count
      }
    }
    // One that has ended meanwhile would take the rows and lose them.
    try checkOpen()
    if state.withLock({ $0.work }) != nil { throw .mixedTransaction }
    let isKept = state.withLock { state in
      if case .ended = state.phase { return false }
      state.lastUse = .now
      guard state.streamByteCount + byteCount <= Self.maxStreamByteCount else { return false }
      state.streamWrites += writes
      state.streamByteCount += byteCount
      return true
    }
    guard isKept else {
      try checkOpen()
      throw DatabaseError(
        .resourceExhausted,
        "a transaction keeps at most \(Self.maxStreamByteCount) bytes of rows for streams: commit "
          + "more often, or put the rows outside of a transaction")
    }
  }

  /// The rows for streams; they are its no longer.
  func takeStreamWrites() -> [TopicWrite] {
    state.withLock { state in
      defer {
        state.streamWrites = []
        state.streamByteCount = 0
      }
      return state.streamWrites
    }
  }

  /// A transaction of the same extent on a database behind.
  struct BackendWork: Sendable {
    var backend: Backend
    var lane: BackendLane
  }

  /// The lane of its statements on this database behind, once it has changed something there.
  func lane(on backend: Backend) -> BackendLane? {
    state.withLock { $0.work.flatMap { $0.backend === backend ? $0.lane : nil } }
  }

  /// The lane for statements on a database behind; `make` is called for the first of them.
  ///
  /// - Throws: If it has changed something elsewhere.
  func lane(
    for backend: Backend, _ make: () -> BackendLane
  ) throws(DatabaseError) -> BackendLane {
    try checkOpen()
    let lane = state.withLock { state -> BackendLane? in
      if let work = state.work { return work.backend === backend ? work.lane : nil }
      guard state.streamWrites.isEmpty else { return nil }
      let lane = make()
      state.work = BackendWork(backend: backend, lane: lane)
      return lane
    }
    guard let lane else { throw .mixedTransaction }
    return lane
  }

  /// Whether it has changed something at an engine.
  var hasBackendWork: Bool { state.withLock { $0.work } != nil }

  /// What it has changed at an engine, only its connection there sees; tables that are read from here come over others.
  func refuseReading(_ engines: [Backend]) throws(DatabaseError) {
    guard let work = state.withLock({ $0.work }),
      let engine = engines.first(where: { $0 === work.backend })
    else { return }
    throw DatabaseError(
      .failedPrecondition,
      "this transaction has changed the engine \(engine.name), and a query of ours would not see that: commit first, or send "
        + "the query to the engine (USE ENGINE \(engine.name))")
  }

  /// - Returns: What it did on a database behind; it is its no longer.
  func takeBackendWork() -> BackendWork? {
    state.withLock { state in
      defer { state.work = nil }
      return state.work
    }
  }

  var reach: CacheVersions.Reach { state.withLock { $0.reach } }

  func noteReach(_ reach: CacheVersions.Reach) { state.withLock { $0.reach.formUnion(reach) } }

  func becomeWriting(on lane: Lane) { state.withLock { $0.phase = .writing(lane) } }

  /// The lane that is its own from before the first write until its end has been carried out.
  var reservedLane: Lane? { state.withLock { $0.reservedLane } }

  func reserve(_ lane: Lane?) { state.withLock { $0.reservedLane = lane } }

  /// Ready for a new first write.
  func restart() {
    state.withLock { state in
      state.phase = .reading
      state.isExpiring = false
      state.reach = .nothing
    }
  }

  var isEnded: Bool {
    if case .ended = phase { return true }
    return false
  }

  func end(_ what: String) { state.withLock { $0.phase = .ended(what) } }

  func beginStatement() {
    state.withLock { state in
      state.runningCount += 1
      state.lastUse = .now
    }
  }

  func endStatement() {
    state.withLock { state in
      state.runningCount -= 1
      state.lastUse = .now
    }
  }

  /// Whether it has written and then idled longer than `timeout`; true once. Zero means never.
  func expires(after timeout: Duration) -> Bool {
    state.withLock { state in
      guard state.hasWritten, state.runningCount == 0, timeout > .zero,
        !state.isExpiring, ContinuousClock.now - state.lastUse > timeout
      else { return false }
      state.isExpiring = true
      return true
    }
  }
}

extension DatabaseError {
  /// There is no way to commit both or neither.
  static let mixedTransaction = DatabaseError(
    .failedPrecondition,
    "a transaction may change streams or the engine behind, not both: use a transaction for each")
}
