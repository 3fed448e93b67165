internal import Threads
internal import DequeModule
internal import Synchronization

public import Columnar

/// One open result: a worker fills it from DuckDB, a reader takes batches from it.
///
/// The worker runs ahead of the reader until `maxQueuedByteCount` wait, then goes away; it comes
/// back when the reader has taken half. So a slow reader slows its query down, and a paused result
/// holds a connection and a snapshot, but no thread. Until the reader takes its first batch, the
/// worker computes little more than that one: many results are opened and never read.
///
/// `spool()` runs a result to its end without a reader, into memory and then to disk, because
/// another statement needs its connection.
///
/// **Sendable.** `@unchecked` for `source`: it belongs to whoever has set `isFilling`.
public final class ResultPump: ConnectionHolder, @unchecked Sendable {
  /// How many bytes of batches wait for the reader before the worker pauses.
  private static let maxQueuedByteCount = 12 << 20
  /// The same while nobody has asked for a batch.
  private static let maxUnclaimedByteCount = 64 << 10
  /// How large the batches aim to be: large enough to make framing cheap, small enough to be still
  /// in the processor's cache when they are sent, and when the client puts them together.
  private static let targetBatchByteCount = 1 << 20
  private static let maxBatchRowCount = 65_536
  /// The first batch is one chunk of DuckDB, so that the reader soon has something.
  private static let firstBatchRowCount = 2_048
  /// A first batch that is smaller, in both respects, is the whole result.
  private static let maxWholeByteCount = 1 << 20

  private struct State {
    var queue = Deque<Batch>()
    var queuedByteCount = 0
    /// A reader has asked for a batch.
    var isClaimed = false
    var isFilling = true
    /// The source has no more, or has failed with `failure`.
    var isEnded = false
    var failure: EngineError?
    var stopReason: StopReason?
    var isClosed = false
    var spool: Spool?
    var isSpooling = false
    var reader: CheckedContinuation<Void, Never>?
    var endWaiters: [CheckedContinuation<Void, Never>] = []
    var onEnd: [@Sendable (EngineError?) -> Void] = []
    var rowCount = 0
    var byteCount = 0
    var changedRowCount: Int?
    /// Since when a worker has been busy without a pause.
    var busySince = ContinuousClock.now

    var isOver: Bool { isEnded || isClosed }
    /// More than the first batch is of use to someone.
    var isWanted: Bool { isClaimed || isSpooling }
    /// The worker shall pause.
    var isFull: Bool {
      byteCount >= runAheadByteCount
        && queuedByteCount >= (isClaimed ? maxQueuedByteCount : maxUnclaimedByteCount)
    }
    /// So much is computed whether anyone reads or not.
    var runAheadByteCount = 0
  }

  public let schema: Schema
  private let pool: WorkerPool
  private let allocator: any BufferAllocator
  private let spoolLimits: SpoolLimits
  private let instance: DuckDBInstance?
  private let announcement: Announcement?
  private var source: (any ResultSource)?
  private let state = Mutex(State())

  /// - Parameters:
  ///   - source: Where batches come from. The pump owns it, and releases it on a worker.
  ///   - instance: The DuckDB that the batches come from, if they do.
  ///   - announcement: Made when there is something to read, at the latest.
  ///   - runAheadByteCount: So much is computed whether anyone reads or not.
  init(
    schema: Schema, source: any ResultSource, of instance: DuckDBInstance?, pool: WorkerPool,
    allocator: any BufferAllocator, spoolLimits: SpoolLimits, announcement: Announcement? = nil,
    runAheadByteCount: Int = 0
  ) {
    state.withLock { $0.runAheadByteCount = runAheadByteCount }
    self.announcement = announcement
    self.instance = instance
    self.schema = schema
    self.source = source
    self.pool = pool
    self.allocator = allocator
    self.spoolLimits = spoolLimits
  }

  deinit {
    source?.release()
    instance?.unregister(self)
  }

  /// Rows and bytes that DuckDB has produced so far.
  public var produced: (rows: Int, bytes: Int) {
    state.withLock { ($0.rowCount, $0.byteCount) }
  }

  /// Rows inserted, updated or deleted, once the statement has ended; `nil` if it changes none.
  public var changedRowCount: Int? { state.withLock { $0.changedRowCount } }

  /// Why the statement failed, if it has.
  public var failure: EngineError? {
    state.withLock { $0.stopReason?.error ?? $0.failure }
  }

  /// Whether the statement has run to its end, been stopped or failed.
  public var isEnded: Bool { state.withLock { $0.isEnded && !$0.isFilling } }

  /// How long the statement has worked without waiting for its reader; `nil` while it waits.
  public var busyDuration: Duration? {
    state.withLock { $0.isFilling ? ContinuousClock.now - $0.busySince : nil }
  }

  /// Whether the first batch, the end or an error is there: `next()` will not wait.
  public var isReady: Bool {
    state.withLock { !$0.queue.isEmpty || $0.isOver || $0.spool != nil }
  }

  /// Whether the statement sees what it will see: later changes are not among it.
  public var hasBegun: Bool { announcement?.isMade ?? true }

  /// Waits until the statement has begun; one that was answered early may not have.
  public func untilBegun() async {
    guard let announcement, !announcement.isMade else { return }
    await withCheckedContinuation { continuation in
      announcement.whenMade { continuation.resume() }
    }
  }

  // MARK: The worker's side

  /// Fills the queue until it is full or the source ends. Called on a worker by whoever has set
  /// `isFilling`; that is the creator, for the first time.
  func fill() {
    var rowCount = state.withLock { nextRowCount($0) }
    while let source {
      if state.withLock({ $0.stopReason != nil }) { return end(nil) }
      do throws(EngineError) {
        guard let batch = try source.next(maxRows: rowCount, allocator: allocator) else {
          return end(nil)
        }
        guard let next = deliver(batch) else { return }
        rowCount = next
      } catch {
        // Its own error is what it ends with, also if all others are told of a restart.
        instance?.unregister(self)
        source.noteFailure(error)
        return end(error)
      }
    }
  }

  private func nextRowCount(_ state: borrowing State) -> Int {
    guard state.rowCount > 0, state.isWanted else { return Self.firstBatchRowCount }
    let bytesPerRow = max(1, state.byteCount / max(1, state.rowCount))
    let rows = Self.targetBatchByteCount / bytesPerRow
    return min(max(rows, Self.firstBatchRowCount), Self.maxBatchRowCount)
  }

  /// - Returns: How many rows to fetch next, or `nil` if the worker shall go away.
  private func deliver(_ batch: Batch) -> Int? {
    enum Then { case fetch(Int), pause, spool(Spool, Int), release }
    let byteCount = batch.byteCount
    var isFirst = false
    let (reader, then) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Then) in
      isFirst = state.rowCount == 0
      if state.isClosed || state.stopReason != nil { return (nil, .release) }
      state.rowCount += batch.rowCount
      state.byteCount += byteCount
      let rows = nextRowCount(state)
      if let spool = state.spool { return (nil, .spool(spool, rows)) }
      state.queue.append(batch)
      state.queuedByteCount += byteCount
      defer { state.reader = nil }
      if state.isSpooling {
        if state.queuedByteCount >= spoolLimits.maxMemoryByteCount {
          state.spool = Spool(schema: schema, limits: spoolLimits)
        }
        return (state.reader, .fetch(rows))
      }
      if state.isFull {
        state.isFilling = false
        return (state.reader, .pause)
      }
      return (state.reader, .fetch(rows))
    }
    reader?.resume()
    // If the first batch is not full, the end is known too, and told together with it.
    let isAll = batch.rowCount < Self.firstBatchRowCount && byteCount < Self.maxWholeByteCount
    if !isAll || !isFirst { announce() }
    switch then {
    case .fetch(let rows): return rows
    case .pause: return nil
    case .release:
      end(nil)
      return nil
    case .spool(let spool, let rows):
      do throws(EngineError) {
        try spool.append(batch)
        wakeReader()
        return rows
      } catch {
        end(error)
        return nil
      }
    }
  }

  private func wakeReader() {
    let reader = state.withLock { state in
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume()
  }

  /// The source is used up: gives its connection back, then tells those who wait.
  private func end(_ failure: EngineError?) {
    // No interrupt may hit the next statement on this connection, so first nobody sees us filling.
    state.withLock { state in
      state.isEnded = true
      state.failure = failure
    }
    let changedRowCount = source?.changedRowCount
    source?.release()
    source = nil
    instance?.unregister(self)
    let waiting = state.withLock { state in
      state.changedRowCount = changedRowCount
      state.failure = state.stopReason?.error ?? failure
      state.isFilling = false
      defer {
        state.reader = nil
        state.endWaiters = []
        state.onEnd = []
      }
      return (state.reader, state.endWaiters, state.onEnd, state.failure)
    }
    waiting.0?.resume()
    for waiter in waiting.1 { waiter.resume() }
    for action in waiting.2 { action(waiting.3) }
    announce()
  }

  /// Lets the one go on who started the statement, if it still waits.
  func announce() { announcement?.make() }

  // MARK: The reader's side

  /// The next batch, or `nil` at the end. One reader at a time.
  public func next() async throws(EngineError) -> Batch? {
    while true {
      switch try takeOrExplain() {
      case .batch(let batch): return batch
      case .end: return nil
      case .spooled(let spool):
        let result = await pool.run { spool.next() }
        if let batch = try result.get() { return batch }
        if state.withLock({ $0.isEnded && !$0.isFilling }) {
          if let batch = try (await pool.run { spool.next() }).get() { return batch }
          return try endOrFail()
        }
        await waitForMore()
      case .wait: await waitForMore()
      }
    }
  }

  private enum Taken { case batch(Batch), end, spooled(Spool), wait }

  private func takeOrExplain() throws(EngineError) -> Taken {
    let (taken, failure, refills) = state.withLock { state -> (Taken, EngineError?, Bool) in
      if let reason = state.stopReason { return (.end, reason.error, false) }
      if state.isClosed { return (.end, .cancelled, false) }
      state.isClaimed = true
      if let batch = state.queue.popFirst() {
        state.queuedByteCount -= batch.byteCount
        let refills =
          !state.isFilling && !state.isEnded
          && state.queuedByteCount <= Self.maxQueuedByteCount / 2
        if refills {
          state.isFilling = true
          state.busySince = .now
        }
        return (.batch(batch), nil, refills)
      }
      if let spool = state.spool { return (.spooled(spool), nil, false) }
      if state.isEnded && !state.isFilling { return (.end, state.failure, false) }
      return (.wait, nil, false)
    }
    if refills { pool.submit { self.fill() } }
    if let failure { throw failure }
    return taken
  }

  /// Calls `action` once, when the statement has ended, with the reason if it did not get to its
  /// end; now, if it has ended already.
  public func onEnd(_ action: @escaping @Sendable (EngineError?) -> Void) {
    let (isEnded, failure) = state.withLock { state in
      let isEnded = state.isEnded && !state.isFilling
      if !isEnded { state.onEnd.append(action) }
      return (isEnded, state.failure)
    }
    if isEnded { action(failure) }
  }

  /// Waits until `next()` would not wait, or the time is over.
  public func waitUntilReady(atMost limit: Duration) async {
    let deadline = ContinuousClock.now + limit
    while !isReady, ContinuousClock.now < deadline {
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// How far the statement is, from 0 to 1, if DuckDB can tell.
  public var progress: Double? {
    state.withLock { $0.isFilling && !$0.isEnded ? source?.progress : nil }
  }

  private func endOrFail() throws(EngineError) -> Batch? {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    return nil
  }

  private func waitForMore() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let resumesNow = state.withLock { state in
          let isOver = (state.isEnded && !state.isFilling) || state.isClosed
          guard state.queue.isEmpty, !isOver, state.stopReason == nil else { return true }
          state.reader = continuation
          return false
        }
        if resumesNow { continuation.resume() }
      }
    } onCancel: {
      stop(.cancelled)
    }
  }

  // MARK: Ending

  /// Interrupts the statement; the reader gets the reason as an error. Harmless when it has ended.
  public func stop(_ reason: StopReason) {
    if claimToStop(reason) { pool.submit { self.end(nil) } }
  }

  /// - Returns: Whether the source is idle, so that the caller has to end it.
  private func claimToStop(_ reason: StopReason) -> Bool {
    let (reader, releases) = state.withLock { state in
      guard !state.isClosed, state.stopReason == nil, !(state.isEnded && state.queue.isEmpty)
      else { return (nil as CheckedContinuation<Void, Never>?, false) }
      state.stopReason = reason
      state.queue = []
      state.queuedByteCount = 0
      if state.isFilling && !state.isEnded { source?.interrupt() }
      let releases = !state.isFilling && !state.isEnded
      if releases { state.isFilling = true }
      defer { state.reader = nil }
      return (state.reader, releases)
    }
    reader?.resume()
    return releases
  }

  /// The engine is opened anew: what was not fetched is lost.
  func abandonConnection() {
    // On this thread: the others may all wait for the database to be open again.
    if claimToStop(.restarted) { end(nil) }
  }

  /// DuckDB forgets an interrupt that comes before the statement has begun. And one that works at the
  /// same for long has not said that it runs.
  func remind() {
    announce()
    state.withLock { state in
      if state.stopReason != nil, state.isFilling, !state.isEnded { source?.interrupt() }
    }
  }

  /// Nobody will read on: interrupts what runs and lets go of the connection.
  public func close() {
    stop(.cancelled)
    let spool = state.withLock { state in
      state.isClosed = true
      state.queue = []
      defer { state.spool = nil }
      return state.spool
    }
    spool?.close()
  }

  /// Waits until the source is used up and its connection free, keeping what the reader has not
  /// taken. Used when the connection is needed for another statement.
  public func spool() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let (resumesNow, fills) = state.withLock { state in
        if state.isEnded && !state.isFilling { return (true, false) }
        state.isSpooling = true
        state.endWaiters.append(continuation)
        let fills = !state.isFilling
        if fills { state.isFilling = true }
        return (false, fills)
      }
      if fills { pool.submit { self.fill() } }
      if resumesNow { continuation.resume() }
    }
  }
}

/// Where a pump takes batches from: an executing statement, as a rule. Used by one thread at a time, but for
/// `interrupt()`.
protocol ResultSource: AnyObject {
  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch?
  /// Makes a running `next` fail soon. May be called from any thread while `next` runs.
  func interrupt()
  /// Tells those behind it about an error that may mean the end of the database or the connection.
  func noteFailure(_ error: EngineError)
  /// How far it is, from 0 to 1. From any thread while `next` runs.
  var progress: Double? { get }
  /// Rows changed so far; `nil` if the statement changes none.
  var changedRowCount: Int? { get }
  /// Closes the result and gives the connection back. Called once or more.
  func release()
}
