internal import Engine
internal import SQL
internal import Synchronization

/// What `CACHE TABLE` was told.
struct CachedTableDefinition: Hashable, Sendable {
  /// The engine that has the table.
  var engine: String
  /// As the database behind spells it; nil where the name stands alone.
  var schema: String?
  var name: String
  /// The name as it may stand in a statement of that database.
  var written: String
  /// What is true of the rows that are kept; nil for all.
  var condition: String?
  var refresh: Duration?
  var changeColumn: String?
  var poll: Duration = .seconds(1)

  /// For people: `public.orders`.
  var display: String { [schema, name].compactMap { $0 }.joined(separator: ".") }
}

/// One table of which a copy is kept: when it is read again, and what is served.
final class CachedTable: Sendable {
  enum Condition: String {
    case loading, fresh, stale, failed
  }

  private struct State {
    var copy: TableCopy?
    var isLoading = false
    var isPolling = false
    var isDropped = false
    var lastEnd: ContinuousClock.Instant?
    var lastPoll: ContinuousClock.Instant?
    var lastUse: ContinuousClock.Instant?
    var error: String?
    var failureCount = 0
    var loadCount = 0
    var hitCount = 0
  }

  let definition: CachedTableDefinition
  private let state = Mutex(State())

  init(_ definition: CachedTableDefinition) { self.definition = definition }

  /// What a change of the table changes.
  var names: Set<String> { [definition.name.lowercased()] }

  var copy: TableCopy? { state.withLock { $0.copy } }

  func noteHit() {
    state.withLock { state in
      state.hitCount += 1
      state.lastUse = .now
    }
  }

  func drop() {
    let copy = state.withLock { state in
      state.isDropped = true
      defer { state.copy = nil }
      return state.copy
    }
    withExtendedLifetime(copy) {}  // dropped here, not under the lock
  }

  // MARK: - Loading

  /// Whether it is the caller's to load it now.
  func beginLoading() -> Bool {
    state.withLock { state in
      guard !state.isLoading, !state.isDropped else { return false }
      state.isLoading = true
      return true
    }
  }

  /// A load has ended; readers see the new copy from now on.
  func endLoading(_ result: Result<TableCopy, DatabaseError>) {
    let old = state.withLock { state -> TableCopy? in
      state.isLoading = false
      state.lastEnd = .now
      switch result {
      case .success(let copy):
        defer { state.copy = state.isDropped ? nil : copy }
        state.error = nil
        state.failureCount = 0
        state.loadCount += 1
        return state.copy
      case .failure(let error):
        state.error = error.message
        state.failureCount += 1
        return nil
      }
    }
    withExtendedLifetime(old) {}  // dropped here, not under the lock
  }

  /// Whether it should be loaded now.
  ///
  /// - Parameters:
  ///   - isCurrent: Whether nothing has changed since the copy was made.
  ///   - maxAge: How old it may be; zero for any age.
  func isDue(at now: ContinuousClock.Instant, isCurrent: Bool, maxAge: Duration) -> Bool {
    state.withLock { state in
      guard !state.isLoading, !state.isDropped else { return false }
      if let end = state.lastEnd, now - end < pause(state) { return false }
      guard let copy = state.copy, isCurrent else { return true }
      let age = now - copy.began
      if let refresh = definition.refresh, age >= refresh { return true }
      // In time for the next one to be there when this one is too old.
      return maxAge > .zero && age >= maxAge * 4 / 5
    }
  }

  /// How long to leave the database alone between two loads: many changes at once make one load, and a table that takes long is not
  /// read all the time.
  private func pause(_ state: State) -> Duration {
    if state.failureCount > 0 {
      return .milliseconds(500) * (1 << min(state.failureCount, 7))
    }
    return max(.milliseconds(100), (state.copy?.cost ?? .zero) * 3)
  }

  /// Whether it is the caller's to ask for changes now.
  func beginPoll(at now: ContinuousClock.Instant) -> Bool {
    guard definition.changeColumn != nil else { return false }
    return state.withLock { state in
      guard !state.isPolling, !state.isDropped, state.copy != nil,
        state.lastPoll.map({ now - $0 >= definition.poll }) ?? true
      else { return false }
      state.isPolling = true
      state.lastPoll = now
      return true
    }
  }

  func endPoll() { state.withLock { $0.isPolling = false } }

  // MARK: - Looking at it

  struct Listing {
    var condition: Condition
    var copy: TableCopy?
    var hitCount: Int
    var loadCount: Int
    var lastUse: ContinuousClock.Instant?
    var error: String?
  }

  func listing(isServed: (TableCopy) -> Bool) -> Listing {
    let state = state.withLock { state in
      (state.copy, state.isLoading, state.error, state.hitCount, state.loadCount, state.lastUse)
    }
    let isServed = state.0.map(isServed) ?? false
    let condition: Condition =
      if isServed { .fresh } else if state.1 { .loading } else if state.2 != nil {
        .failed
      } else if state.0 == nil { .loading } else { .stale }
    return Listing(
      condition: condition, copy: state.0, hitCount: state.3, loadCount: state.4,
      lastUse: state.5, error: state.2)
  }
}
