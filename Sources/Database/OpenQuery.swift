internal import Synchronization

public import Columnar
public import Engine

/// A statement whose rows a client may fetch under a handle.
public final class OpenQuery: Sendable {
  private struct State {
    var lastUse = ContinuousClock.now
    var readerCount = 0
    var wasRead = false
    var pump: ResultPump
  }

  public let handle = Handle()
  public let sql: String
  public let schema: Schema
  /// Whether the statement changed something: it was run once, and is never run again.
  public let isUpdate: Bool
  /// What the cache had to do with it; nil if there is none.
  public let cache: CacheOutcome?
  let transaction: Handle?
  let parameters: Batch?
  private let state: Mutex<State>

  /// The rows, if they have no end; the pump has none then.
  public let live: LiveQuery?

  init(_ live: LiveQuery, sql: String, pump: ResultPump) {
    self.live = live
    self.sql = sql
    schema = live.schema
    isUpdate = false
    cache = nil
    transaction = nil
    parameters = nil
    state = Mutex(State(pump: pump))
  }

  init(
    sql: String, pump: ResultPump, isUpdate: Bool, transaction: Handle?, parameters: Batch?,
    cache: CacheOutcome? = nil
  ) {
    self.cache = cache
    live = nil
    self.sql = sql
    self.schema = pump.schema
    self.isUpdate = isUpdate
    self.transaction = transaction
    self.parameters = parameters
    state = Mutex(State(pump: pump))
  }

  public var pump: ResultPump { state.withLock { $0.pump } }

  /// Lets go of the rows.
  func close() {
    pump.close()
    live?.close()
  }

  /// Claims the result for a reader.
  ///
  /// - Returns: The pump if nobody has read from it; `nil` if the statement must run again.
  func claim() -> ResultPump? {
    state.withLock { state in
      state.lastUse = .now
      guard !state.wasRead else { return nil }
      state.wasRead = true
      state.readerCount += 1
      return state.pump
    }
  }

  func replace(_ pump: ResultPump) {
    state.withLock { state in
      state.pump = pump
      state.readerCount += 1
      state.lastUse = .now
    }
  }

  /// The reader has gone.
  func readerLeft() {
    state.withLock { state in
      state.readerCount -= 1
      state.lastUse = .now
    }
  }

  var isBeingRead: Bool { state.withLock { $0.readerCount > 0 } }

  /// Begins the lease anew.
  func touch() { state.withLock { $0.lastUse = .now } }

  func isExpired(after lease: Duration) -> Bool {
    state.withLock { state in
      lease > .zero && state.readerCount == 0 && ContinuousClock.now - state.lastUse > lease
    }
  }
}
