internal import Synchronization

public import Columnar

/// Results of statements, kept until something that they read has changed, or they are too old.
///
/// Equal statements that come while one of them is on its way wait for its result instead of being run as well.
public final class ResultCache: Sendable {
  public struct Limits: Hashable, Sendable {
    /// What all results may take together.
    public var maxByteCount = 256 << 20
    /// How many there may be; 0 for any number.
    public var maxCount = 0
    /// How old a result may be that is served; zero for any age.
    public var maxAge: Duration = .seconds(3600)
    public var policy = CachePolicy.lru

    public init() {}

    /// A larger result is not kept.
    var maxEntryByteCount: Int { max(maxByteCount / 8, 1) }
  }

  /// What makes two statements the same.
  public struct Key: Hashable, Sendable {
    /// Where it runs.
    public var engine: String
    /// The statement in a normal form.
    public var sql: String
    /// The values of its parameters, as bytes.
    public var parameters: [UInt8]

    public init(engine: String = "", sql: String, parameters: [UInt8] = []) {
      self.engine = engine
      self.sql = sql
      self.parameters = parameters
    }
  }

  /// How a statement uses the cache.
  public struct Use: Sendable {
    public var key: Key
    /// The names in it: a change of a relation with one of them makes the result stale.
    public var names: Set<String>
    /// How old a result may be; nil as the cache allows.
    public var maxAge: Duration?

    public init(_ key: Key, names: Set<String>, maxAge: Duration? = nil) {
      self.key = key
      self.names = names
      self.maxAge = maxAge
    }
  }

  public struct Result: Sendable {
    public let schema: Schema
    public let batches: [Batch]
    /// When its statement was sent: nothing in it is older.
    public let madeAt: ContinuousClock.Instant
    /// How long the statement took.
    public let cost: Duration
    let byteCount: Int
  }

  public enum Found: Sendable {
    case hit(Result)
    /// The statement is to be run, and its result given to the flight.
    case lead(CacheFlight)
    /// Somebody runs it just now.
    case follow(CacheFlight)
  }

  private struct Entry {
    let use: Use
    let result: Result
    let stamp: CacheVersions.Stamp
    let hash: UInt64
    var hitCount = 0
    var lastUse: ContinuousClock.Instant
  }

  private struct State {
    var order: CacheOrder
    var entries: [Entry?] = []
    var freeSlots: [Int] = []
    var slots: [Key: Int] = [:]
    var flights: [Key: CacheFlight] = [:]
    var versions = CacheVersions()
    var figures = Figures()
  }

  /// What the cache looks like, and what it has done since it was made.
  public struct Figures: Hashable, Sendable {
    public var count = 0
    public var byteCount = 0
    public var hits = 0
    public var misses = 0
    /// Statements that waited for an equal one, and got its result.
    public var shared = 0
    /// Results that went because something that they read had changed.
    public var stale = 0
    public var expired = 0
    /// Results that went to make room, or were not taken in.
    public var evicted = 0
    /// Results that were not kept because something had changed while they were computed.
    public var outdated = 0
    /// Results that were too large to be kept.
    public var tooLarge = 0
  }

  public let limits: Limits
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state: Mutex<State>

  public init(
    _ limits: Limits, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.limits = limits
    self.now = now
    state = Mutex(
      State(
        order: CacheOrder(
          limits.policy, maxWeight: limits.maxByteCount, maxCount: limits.maxCount)))
  }

  var time: ContinuousClock.Instant { now() }

  // MARK: - Reading

  /// Looks a result up, or says who is to compute it.
  public func find(_ use: Use) -> Found {
    let time = now()
    return state.withLock { state in
      state.order.noteRequest(Self.hash(use.key))
      if let slot = state.slots[use.key], let entry = state.entries[slot] {
        if let reason = staleness(entry, use, time, state.versions) {
          drop(slot, &state)
          state.figures[keyPath: reason] += 1
        } else {
          state.entries[slot]?.hitCount += 1
          state.entries[slot]?.lastUse = time
          state.order.noteUse(of: slot)
          state.figures.hits += 1
          return .hit(entry.result)
        }
      }
      if let flight = state.flights[use.key],
        state.versions.isCurrent(flight.stamp, of: use.names)
      {
        return .follow(flight)
      }
      state.figures.misses += 1
      let flight = CacheFlight(self, use, state.versions.stamp(of: use.names), began: time)
      state.flights[use.key] = flight
      return .lead(flight)
    }
  }

  private func staleness(
    _ entry: Entry, _ use: Use, _ time: ContinuousClock.Instant, _ versions: CacheVersions
  ) -> WritableKeyPath<Figures, Int>? {
    guard versions.isCurrent(entry.stamp, of: entry.use.names) else { return \.stale }
    let age = time - entry.result.madeAt
    let limits = [limits.maxAge, entry.use.maxAge ?? .zero, use.maxAge ?? .zero].filter {
      $0 > .zero
    }
    return limits.contains { age >= $0 } ? \.expired : nil
  }

  /// A result came from another statement's flight.
  func noteShared() { state.withLock { $0.figures.shared += 1 } }

  // MARK: - Changes

  /// Something is about to change, or has changed: see ``CacheVersions``.
  public func advance(_ reach: CacheVersions.Reach) {
    state.withLock { $0.versions.advance(reach) }
  }

  /// The versions of relations of these names, now: see ``CacheVersions``.
  public func stamp(of names: Set<String>) -> CacheVersions.Stamp {
    state.withLock { $0.versions.stamp(of: names) }
  }

  /// Whether nothing of these names has changed since.
  public func isCurrent(_ stamp: CacheVersions.Stamp, of names: Set<String>) -> Bool {
    state.withLock { $0.versions.isCurrent(stamp, of: names) }
  }

  /// Leaves so much of the cache's size to other things than results.
  public func reserve(byteCount: Int) {
    let dropped = state.withLock { state in
      state.order.setMaxWeight(limits.maxByteCount - byteCount).compactMap { slot -> Entry? in
        state.figures.evicted += 1
        return drop(slot, &state, isOrdered: false)
      }
    }
    withExtendedLifetime(dropped) {}  // freed here, not under the lock
  }

  /// Whether a result with these versions may still be served.
  func isCurrent(_ flight: CacheFlight) -> Bool {
    state.withLock { $0.versions.isCurrent(flight.stamp, of: flight.use.names) }
  }

  // MARK: - Keeping

  /// The end of a flight.
  ///
  /// - Parameter result: Nil if there is none to keep.
  func end(_ flight: CacheFlight, _ result: Result?, isTooLarge: Bool) {
    let dropped = state.withLock { state -> [Entry] in
      if state.flights[flight.use.key] === flight { state.flights[flight.use.key] = nil }
      if isTooLarge { state.figures.tooLarge += 1 }
      guard let result else { return [] }
      guard state.versions.isCurrent(flight.stamp, of: flight.use.names) else {
        state.figures.outdated += 1
        return []
      }
      return keep(result, flight, &state)
    }
    withExtendedLifetime(dropped) {}  // freed here, not under the lock
  }

  private func keep(_ result: Result, _ flight: CacheFlight, _ state: inout State) -> [Entry] {
    var dropped: [Entry] = []
    if let old = state.slots[flight.use.key], let entry = drop(old, &state) {
      dropped.append(entry)
    }
    let slot = state.freeSlots.popLast() ?? state.entries.count
    if slot == state.entries.count { state.entries.append(nil) }
    let hash = Self.hash(flight.use.key)
    state.entries[slot] = Entry(
      use: flight.use, result: result, stamp: flight.stamp, hash: hash, lastUse: now())
    state.slots[flight.use.key] = slot
    state.figures.count += 1
    state.figures.byteCount += result.byteCount
    for gone in state.order.add(slot, hash: hash, weight: result.byteCount) {
      if let entry = drop(gone, &state, isOrdered: false) { dropped.append(entry) }
      state.figures.evicted += 1
    }
    return dropped
  }

  @discardableResult
  private func drop(_ slot: Int, _ state: inout State, isOrdered: Bool = true) -> Entry? {
    guard let entry = state.entries[slot] else { return nil }
    if isOrdered { state.order.remove(slot) }
    state.entries[slot] = nil
    state.freeSlots.append(slot)
    state.slots[entry.use.key] = nil
    state.figures.count -= 1
    state.figures.byteCount -= entry.result.byteCount
    return entry
  }

  /// Lets go of everything that would not be served any more. To be called now and then.
  ///
  /// - Returns: The bytes that were freed.
  @discardableResult
  public func sweep() -> Int {
    let time = now()
    let dropped = state.withLock { state in
      state.entries.indices.compactMap { slot -> Entry? in
        guard let entry = state.entries[slot],
          let reason = staleness(entry, entry.use, time, state.versions)
        else { return nil }
        state.figures[keyPath: reason] += 1
        return drop(slot, &state)
      }
    }
    return dropped.reduce(0) { $0 + $1.result.byteCount }
  }

  /// Lets go of the results of statements with this name in them, or of all.
  ///
  /// - Returns: How many there were.
  @discardableResult
  public func flush(_ name: String? = nil) -> Int {
    let dropped = state.withLock { state in
      // What is on its way now must not come in afterwards.
      state.versions.advance(name.map { .names([$0.lowercased()]) } ?? .everything)
      return state.entries.indices.compactMap { slot -> Entry? in
        guard let entry = state.entries[slot],
          name.map({ entry.use.names.contains($0.lowercased()) }) ?? true
        else { return nil }
        return drop(slot, &state)
      }
    }
    return dropped.count
  }

  // MARK: - Looking at it

  public var figures: Figures { state.withLock { $0.figures } }

  /// One result, for SHOW CACHE.
  public struct Listing: Sendable {
    public var sql: String
    public var hitCount: Int
    public var rowCount: Int
    public var byteCount: Int
    public var age: Duration
    /// How long ago it was used.
    public var idle: Duration
    public var cost: Duration
    public var isStale: Bool
  }

  /// The results that are there, those used last first.
  public var listing: [Listing] {
    let time = now()
    let entries = state.withLock { state in
      state.entries.compactMap { entry in
        entry.map { ($0, staleness($0, $0.use, time, state.versions) != nil) }
      }
    }
    return entries.sorted { $0.0.lastUse > $1.0.lastUse }.map { entry, isStale in
      Listing(
        sql: entry.use.key.sql, hitCount: entry.hitCount,
        rowCount: entry.result.batches.reduce(0) { $0 + $1.rowCount },
        byteCount: entry.result.byteCount, age: time - entry.result.madeAt,
        idle: time - entry.lastUse, cost: entry.result.cost, isStale: isStale)
    }
  }

  private static func hash(_ key: Key) -> UInt64 {
    UInt64(truncatingIfNeeded: key.hashValue)
  }
}
