internal import Synchronization

internal import Columnar

/// Results of statements, kept until something that they read has changed, or they are too old.
///
/// Equal statements that come while one of them is on its way wait for its result instead of being run as well.
public final class ResultCache: Sendable {
  private struct Entry {
    var use: Use
    let result: Result
    let stamp: CacheVersions.Stamp
    let hash: UInt64
    var hitCount = 0
    var lastUse: ContinuousClock.Instant
    var isPinned = false
  }

  private struct State {
    var order: CacheOrder
    var entries: [Entry?] = []
    var freeSlots: [Int] = []
    var slots: [Key: Int] = [:]
    var flights: [Key: CacheFlight] = [:]
    var versions = CacheVersions()
    /// Results that do not go to make room.
    var pinned: Set<Key> = []
    var pinnedByteCount = 0
    /// What other things take of the cache's size.
    var reservedByteCount = 0
    var figures = Figures()
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
      var previous: (result: Result, stamp: CacheVersions.Stamp)?
      if let slot = state.slots[use.key], let entry = state.entries[slot] {
        if let reason = staleness(entry, use, time, state.versions) {
          if let found = staleHit(entry, slot, use, time, &state) { return found }
          drop(slot, &state)
          state.figures[keyPath: reason] += 1
          if reason == \.stale { previous = (entry.result, entry.stamp) }
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
      return .lead(lead(use, time, &state, previous))
    }
  }

  private func lead(
    _ use: Use, _ time: ContinuousClock.Instant, _ state: inout State,
    _ previous: (result: Result, stamp: CacheVersions.Stamp)? = nil
  ) -> CacheFlight {
    let flight = CacheFlight(
      self, use, state.versions.stamp(of: use.names), began: time, previous: previous)
    state.flights[use.key] = flight
    return flight
  }

  /// What is served of a result that is stale or too old, if the statement allows that for so long.
  private func staleHit(
    _ entry: Entry, _ slot: Int, _ use: Use, _ time: ContinuousClock.Instant, _ state: inout State
  ) -> Found? {
    guard let staleFor = use.staleFor,
      isStillServed(entry, use, staleFor, time, state.versions)
    else { return nil }
    state.entries[slot]?.hitCount += 1
    state.entries[slot]?.lastUse = time
    state.entries[slot]?.use.staleFor = max(entry.use.staleFor ?? .zero, staleFor)
    state.order.noteUse(of: slot)
    state.figures.hits += 1
    state.figures.staleHits += 1
    if let flight = state.flights[use.key],
      state.versions.isCurrent(flight.stamp, of: use.names)
    {
      return .stale(entry.result, nil)
    }
    return .stale(entry.result, lead(use, time, &state))
  }

  /// Whether a result that is stale or too old has been so for no longer than that.
  private func isStillServed(
    _ entry: Entry, _ use: Use, _ staleFor: Duration, _ time: ContinuousClock.Instant,
    _ versions: CacheVersions
  ) -> Bool {
    var since = time
    if !versions.isCurrent(entry.stamp, of: entry.use.names) {
      guard let change = versions.firstChange(since: entry.stamp, of: entry.use.names) else {
        return false
      }
      since = change
    }
    if let limit = ages(entry, use).min() { since = min(since, entry.result.madeAt + limit) }
    return time - since <= staleFor
  }

  private func staleness(
    _ entry: Entry, _ use: Use, _ time: ContinuousClock.Instant, _ versions: CacheVersions
  ) -> WritableKeyPath<Figures, Int>? {
    let age = time - entry.result.madeAt
    if ages(entry, use).contains(where: { age >= $0 }) { return \.expired }
    return versions.isCurrent(entry.stamp, of: entry.use.names) ? nil : \.stale
  }

  /// How old a result may be.
  private func ages(_ entry: Entry, _ use: Use) -> [Duration] {
    [limits.maxAge, entry.use.maxAge ?? .zero, use.maxAge ?? .zero].filter { $0 > .zero }
  }

  /// What was there before something changed that it read: for those who are told so, while the database cannot be asked.
  ///
  /// - Parameter flight: The statement that could not be run; what it was to replace is kept again.
  public func stale(_ use: Use, of flight: CacheFlight? = nil) -> Result? {
    let time = now()
    let (found, dropped) = state.withLock { state -> (Result?, [Entry]) in
      var dropped: [Entry] = []
      let flight = flight ?? state.flights[use.key]
      if state.slots[use.key] == nil, let flight, let (result, stamp) = flight.previous {
        dropped = keep(result, use, stamp, &state)
      }
      guard let slot = state.slots[use.key], let entry = state.entries[slot] else {
        return (flight?.previous?.result, dropped)
      }
      if staleness(entry, use, time, state.versions) == \.expired { return (nil, dropped) }
      state.entries[slot]?.lastUse = time
      return (entry.result, dropped)
    }
    withExtendedLifetime(dropped) {}
    return found
  }

  /// A result came from another statement's flight.
  func noteShared() { state.withLock { $0.figures.shared += 1 } }

  // MARK: - Changes

  /// Something is about to change, or has changed: see ``CacheVersions``.
  public func advance(_ reach: CacheVersions.Reach) {
    let time = now()
    state.withLock { $0.versions.advance(reach, at: time) }
  }

  /// The versions of relations of these names, now: see ``CacheVersions``.
  public func stamp(of names: Set<String>) -> CacheVersions.Stamp {
    state.withLock { $0.versions.stamp(of: names) }
  }

  /// Whether nothing of these names has changed since.
  public func isCurrent(_ stamp: CacheVersions.Stamp, of names: Set<String>) -> Bool {
    state.withLock { $0.versions.isCurrent(stamp, of: names) }
  }

  /// Whether a result with these versions may still be served.
  func isCurrent(_ flight: CacheFlight) -> Bool {
    state.withLock { $0.versions.isCurrent(flight.stamp, of: flight.use.names) }
  }

  // MARK: - Room

  /// Leaves so much of the cache's size to other things than results.
  public func reserve(byteCount: Int) {
    let dropped = state.withLock { state in
      state.reservedByteCount = byteCount
      return makeRoom(&state)
    }
    withExtendedLifetime(dropped) {}  // freed here, not under the lock
  }

  /// Lets results go that have no room any more.
  private func makeRoom(_ state: inout State) -> [Entry] {
    let room = limits.maxByteCount - state.reservedByteCount - state.pinnedByteCount
    return state.order.setMaxWeight(room).compactMap { slot in
      state.figures.evicted += 1
      return drop(slot, &state, isOrdered: false)
    }
  }

  /// From now on the result of a statement does not go to make room.
  public func pin(_ key: Key) {
    let dropped = state.withLock { state -> [Entry] in
      state.pinned.insert(key)
      guard let slot = state.slots[key], let entry = state.entries[slot], !entry.isPinned else {
        return []
      }
      state.order.remove(slot)
      state.entries[slot]?.isPinned = true
      state.pinnedByteCount += entry.result.byteCount
      return makeRoom(&state)
    }
    withExtendedLifetime(dropped) {}  // freed here, not under the lock
  }

  /// It is a result like others again.
  public func unpin(_ key: Key) {
    let dropped = state.withLock { state -> Entry? in
      state.pinned.remove(key)
      guard let slot = state.slots[key] else { return nil }
      return drop(slot, &state)
    }
    withExtendedLifetime(dropped) {}  // freed here, not under the lock
  }

  /// How old a result is that is as new as it should be; nil if there is none.
  public func age(of key: Key) -> Duration? {
    let time = now()
    return state.withLock { state in
      guard let slot = state.slots[key], let entry = state.entries[slot],
        staleness(entry, entry.use, time, state.versions) == nil
      else { return nil }
      return time - entry.result.madeAt
    }
  }

  /// Computes a result anew although there is one.
  ///
  /// - Returns: Nil if somebody does so already.
  public func renew(_ use: Use) -> CacheFlight? {
    let time = now()
    return state.withLock { state in
      if let flight = state.flights[use.key],
        state.versions.isCurrent(flight.stamp, of: use.names)
      {
        return nil
      }
      return lead(use, time, &state)
    }
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
      return keep(result, flight.use, flight.stamp, &state)
    }
    withExtendedLifetime(dropped) {}  // freed here, not under the lock
  }

  private func keep(
    _ result: Result, _ use: Use, _ stamp: CacheVersions.Stamp, _ state: inout State
  ) -> [Entry] {
    var dropped: [Entry] = []
    if let old = state.slots[use.key], let entry = drop(old, &state) {
      dropped.append(entry)
    }
    let slot = state.freeSlots.popLast() ?? state.entries.count
    if slot == state.entries.count { state.entries.append(nil) }
    let hash = Self.hash(use.key)
    state.entries[slot] = Entry(
      use: use, result: result, stamp: stamp, hash: hash, lastUse: now(),
      isPinned: state.pinned.contains(use.key)
        && state.reservedByteCount + state.pinnedByteCount + result.byteCount
          <= limits.maxByteCount
    )
    state.slots[use.key] = slot
    state.figures.count += 1
    state.figures.byteCount += result.byteCount
    if state.entries[slot]?.isPinned == true {
      state.pinnedByteCount += result.byteCount
      dropped += makeRoom(&state)
      return dropped
    }
    for gone in state.order.add(slot, hash: hash, weight: result.byteCount) {
      if let entry = drop(gone, &state, isOrdered: false) { dropped.append(entry) }
      state.figures.evicted += 1
    }
    return dropped
  }

  @discardableResult
  private func drop(_ slot: Int, _ state: inout State, isOrdered: Bool = true) -> Entry? {
    guard let entry = state.entries[slot] else { return nil }
    if entry.isPinned {
      state.pinnedByteCount -= entry.result.byteCount
    } else if isOrdered {
      state.order.remove(slot)
    }
    state.entries[slot] = nil
    state.freeSlots.append(slot)
    state.slots[entry.use.key] = nil
    state.figures.count -= 1
    state.figures.byteCount -= entry.result.byteCount
    return entry
  }

  /// Lets go of everything that would not be served any more. To be called now and then.
  ///
  /// - Parameter keepsStale: Whether what is only stale stays, for the time in which the database cannot be asked.
  /// - Returns: The bytes that were freed.
  @discardableResult
  public func sweep(keepsStale: Bool = false) -> Int {
    let time = now()
    var dropped = state.withLock { state in
      state.entries.indices.compactMap { slot -> Entry? in
        guard let entry = state.entries[slot],
          let reason = staleness(entry, entry.use, time, state.versions),
          reason != \.stale || !keepsStale
        else { return nil }
        if let staleFor = entry.use.staleFor,
          isStillServed(entry, entry.use, staleFor, time, state.versions)
        {
          return nil
        }
        state.figures[keyPath: reason] += 1
        return drop(slot, &state)
      }
    }
    let byteCount = dropped.reduce(0) { $0 + $1.result.byteCount }
    dropped = []
    FreedMemory.giveBack(after: byteCount)
    return byteCount
  }

  /// Lets go of the results of statements with this name in them, or of all.
  ///
  /// - Returns: How many there were.
  @discardableResult
  public func flush(_ name: String? = nil) -> Int {
    let time = now()
    var dropped = state.withLock { state in
      // What is on its way now must not come in afterwards.
      state.versions.advance(name.map { .names([$0.lowercased()]) } ?? .everything, at: time)
      return state.entries.indices.compactMap { slot -> Entry? in
        guard let entry = state.entries[slot],
          name.map({ entry.use.names.contains($0.lowercased()) }) ?? true
        else { return nil }
        return drop(slot, &state)
      }
    }
    let (count, byteCount) = (dropped.count, dropped.reduce(0) { $0 + $1.result.byteCount })
    dropped = []
    FreedMemory.giveBack(after: byteCount)
    return count
  }

  // MARK: - Looking at it

  public var figures: Figures { state.withLock { $0.figures } }

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
