internal import Threads
internal import DequeModule
internal import Synchronization

public import Columnar
public import DuckDB

/// Batches on their way from a client into a loading statement.
///
/// The client's task pushes and suspends while `maxQueuedByteCount` wait; DuckDB's threads pull and
/// block while none does. Either side may end it: the client with `finish()` or `fail()`, the
/// statement with `close()`.
public final class IngestQueue: BatchSource {
  /// Enough for two threads of DuckDB to work while the next message arrives.
  private static let maxQueuedByteCount = 16 << 20

  /// From so many bytes on, a load is worth some preparation.
  fileprivate static let largeByteCount = 4 << 20

  private struct State {
    var batches = Deque<Batch>()
    var queuedByteCount = 0
    /// No more will be pushed.
    var isFinished = false
    /// The client went away or sent something bad; the statement must fail.
    var failure: String?
    /// The statement takes no more.
    var isClosed = false
    var producer: CheckedContinuation<Void, Never>?
    var rowCount = 0
    /// The statement has asked for a batch.
    var isTaken = false

    var isLarge: Bool { queuedByteCount >= largeByteCount }
    var isOver: Bool { isFinished || isClosed || failure != nil }
  }

  private let state = Mutex(State())
  private let monitor = Monitor()

  public init() {}

  /// Rows pushed so far.
  public var rowCount: Int { state.withLock { $0.rowCount } }

  /// Why the client could not send everything, if so.
  public var failureSentence: String? { state.withLock { $0.failure } }

  /// Whether the statement has begun to take batches, or has ended.
  public var isTaken: Bool { state.withLock { $0.isTaken || $0.isClosed } }

  // MARK: The client's side

  /// Queues a batch, and waits while too many are queued.
  ///
  /// - Returns: `false` when the statement has ended and takes no more.
  public func push(_ batch: Batch) async -> Bool {
    let (isOpen, isFull) = state.withLock { state in
      guard !state.isClosed else { return (false, false) }
      state.batches.append(batch)
      state.rowCount += batch.rowCount
      state.queuedByteCount += batch.byteCount
      return (true, state.queuedByteCount >= Self.maxQueuedByteCount)
    }
    guard isOpen else { return false }
    monitor.signal()
    if isFull { await waitForRoom() }
    return true
  }

  private func waitForRoom() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let resumesNow = state.withLock { state in
          let hasRoom = state.queuedByteCount < Self.maxQueuedByteCount
          guard !hasRoom, !state.isClosed, state.failure == nil else { return true }
          state.producer = continuation
          return false
        }
        if resumesNow { continuation.resume() }
      }
    } onCancel: {
      fail("the client went away before it had sent everything")
    }
  }

  /// All batches were pushed.
  public func finish() {
    state.withLock { $0.isFinished = true }
    monitor.broadcast()
  }

  /// The client cannot send the rest; the statement fails with `sentence`.
  public func fail(_ sentence: String) {
    let producer = state.withLock { state in
      if !state.isFinished { state.failure = state.failure ?? sentence }
      defer { state.producer = nil }
      return state.producer
    }
    producer?.resume()
    monitor.broadcast()
  }

  // MARK: The statement's side

  /// For statements that are not an INSERT, which reads with one thread.
  public var maxThreads: Int { 2 }

  /// Waits until it is known whether the client sends much.
  public func isLarge() -> Bool {
    state.withLock { $0.isTaken = true }
    monitor.wait { state.withLock { $0.isLarge || $0.isOver } }
    return state.withLock { $0.isLarge }
  }

  public func next() throws -> Batch? {
    enum Taken { case batch(Batch), end, failure(String), wait }
    while true {
      let (taken, producer) = state.withLock {
        state -> (Taken, CheckedContinuation<Void, Never>?) in
        state.isTaken = true
        if let failure = state.failure { return (.failure(failure), nil) }
        if let batch = state.batches.popFirst() {
          state.queuedByteCount -= batch.byteCount
          guard state.queuedByteCount <= Self.maxQueuedByteCount / 2 else {
            return (.batch(batch), nil)
          }
          defer { state.producer = nil }
          return (.batch(batch), state.producer)
        }
        return (state.isFinished || state.isClosed ? .end : .wait, nil)
      }
      producer?.resume()
      switch taken {
      case .batch(let batch): return batch
      case .end: return nil
      case .failure(let sentence): throw IngestFailure(sentence: sentence)
      case .wait:
        monitor.wait {
          state.withLock { !$0.batches.isEmpty || $0.isOver }
        }
      }
    }
  }

  /// The statement has ended: whoever pushes is told.
  public func close() {
    let producer = state.withLock { state in
      state.isClosed = true
      state.batches = []
      state.queuedByteCount = 0
      defer { state.producer = nil }
      return state.producer
    }
    producer?.resume()
    monitor.broadcast()
  }
}

/// Why a load cannot go on, for the statement that loads.
struct IngestFailure: Error, CustomStringConvertible {
  let sentence: String
  var description: String { sentence }
}

/// What is being loaded, as a table that SQL can read once.
public struct IngestTable: LiveTable {
  public let schema: Schema
  private let queue: IngestQueue

  public init(_ queue: IngestQueue, schema: Schema) {
    self.queue = queue
    self.schema = schema
  }

  public var rowCount: Int? { nil }

  public func scan(columns: [Int]) -> any BatchSource { queue }
}
