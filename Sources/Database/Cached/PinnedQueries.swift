internal import ADBC
internal import Columnar
internal import Engine
internal import SQL
internal import Synchronization

/// Statements whose results are kept and computed again by themselves: `CACHE SELECT …`.
final class PinnedQueries: Sendable {
  /// What `CACHE SELECT` was told.
  struct Definition: Hashable, Sendable {
    var engine: String
    /// As it was written.
    var sql: String
    /// The form in which equal statements are equal.
    var canonical: String
    /// The names in it.
    var names: Set<String>
    var refresh: Duration?
  }

  private struct Pinned {
    var definition: Definition
    var isRunning = false
    var lastEnd: ContinuousClock.Instant?
    var failureCount = 0
    var cost = Duration.zero
  }

  private let adbc: ADBCEngine
  private let cache: ResultCache
  private let state = Mutex<[String: Pinned]>([:])

  init(_ adbc: ADBCEngine, _ cache: ResultCache) {
    self.adbc = adbc
    self.cache = cache
  }

  var all: [Definition] { state.withLock { $0.values.map(\.definition) } }

  func find(_ canonical: String) -> Definition? {
    state.withLock { $0[canonical]?.definition }
  }

  func add(_ definition: Definition) {
    cache.pin(Self.key(definition))
    state.withLock { $0[definition.canonical] = Pinned(definition: definition) }
  }

  func remove(_ definition: Definition) {
    state.withLock { _ = $0.removeValue(forKey: definition.canonical) }
    cache.unpin(Self.key(definition))
  }

  func close() { for definition in all { remove(definition) } }

  private static func key(_ definition: Definition) -> ResultCache.Key {
    ResultCache.Key(engine: definition.engine, sql: definition.canonical)
  }

  /// Computes the result of a statement now, and has it kept.
  ///
  /// - Returns: The number of its rows.
  func compute(_ definition: Definition) async throws(DatabaseError) -> Int {
    let use = ResultCache.Use(Self.key(definition), names: definition.names)
    for _ in 0..<3 {
      guard let flight = cache.renew(use) else {
        // Somebody asks for it just now.
        _ = await Task { try? await Task.sleep(for: .milliseconds(50)) }.value
        continue
      }
      let pump: ResultPump
      do throws(EngineError) {
        pump = try await adbc.start(definition.sql, for: flight, BackendCall())
      } catch {
        flight.abandon()
        throw DatabaseError(error)
      }
      defer { pump.close() }
      if let result = await flight.result(isShared: false) {
        return result.batches.reduce(0) { $0 + $1.rowCount }
      }
      if let failure = pump.failure { throw DatabaseError(failure) }
    }
    guard cache.age(of: use.key) != nil else {
      throw DatabaseError(
        .resourceExhausted,
        "the result cannot be kept: it is larger than an eighth of the cache (cache_max_bytes), or what it reads changes all the time"
      )
    }
    return 0
  }

  /// Starts what is due. Called several times a second.
  func sweep() {
    let now = ContinuousClock.now
    let due = state.withLock { state -> [Definition] in
      var due: [Definition] = []
      for (key, pinned) in state where isDue(pinned, now) {
        state[key]?.isRunning = true
        due.append(pinned.definition)
      }
      return due
    }
    for definition in due { Task { await self.run(definition) } }
  }

  private func isDue(_ pinned: Pinned, _ now: ContinuousClock.Instant) -> Bool {
    guard !pinned.isRunning else { return false }
    let pause: Duration =
      pinned.failureCount > 0
      ? .milliseconds(500) * (1 << min(pinned.failureCount, 7))
      : max(.milliseconds(100), pinned.cost * 3)
    if let end = pinned.lastEnd, now - end < pause { return false }
    guard let age = cache.age(of: Self.key(pinned.definition)) else { return true }
    if let refresh = pinned.definition.refresh, age >= refresh { return true }
    return cache.limits.maxAge > .zero && age >= cache.limits.maxAge * 4 / 5
  }

  private func run(_ definition: Definition) async {
    let start = ContinuousClock.now
    let isDone = (try? await compute(definition)) != nil
    state.withLock { state in
      state[definition.canonical]?.isRunning = false
      state[definition.canonical]?.lastEnd = .now
      state[definition.canonical]?.cost = .now - start
      if isDone {
        state[definition.canonical]?.failureCount = 0
      } else {
        state[definition.canonical]?.failureCount += 1
      }
    }
  }
}

extension Session {
  /// `CACHE SELECT …`: computes the result now and keeps it.
  func cacheQuery(_ sql: String, refresh: Duration?) async throws(DatabaseError) -> Int {
    let (pinned, definition) = try await pinnedQuery(sql, refresh: refresh)
    let count = try await pinned.compute(definition)
    try await database.streams.write(CachedTableTopic.batch(definition, isKept: true))
    pinned.add(definition)
    return count
  }

  func uncacheQuery(_ sql: String) async throws(DatabaseError) {
    let (pinned, given) = try await pinnedQuery(sql, refresh: nil)
    guard let definition = pinned.find(given.canonical) else {
      throw DatabaseError(.notFound, "the result of this statement is not kept by CACHE SELECT")
    }
    try await database.streams.write(CachedTableTopic.batch(definition, isKept: false))
    pinned.remove(definition)
  }

  private func pinnedQuery(
    _ sql: String, refresh: Duration?
  ) async throws(DatabaseError) -> (PinnedQueries, PinnedQueries.Definition) {
    guard let plan = try await plans(of: sql).last, let details = plan.backend else {
      throw DatabaseError(
        .invalidArgument, "CACHE takes a query of the database behind, which this is not")
    }
    guard let pinned = details.backend.pinned else {
      throw DatabaseError(
        .failedPrecondition, "the server keeps no cache: start it with --enable-cache")
    }
    if let reason = details.bypass ?? (plan.isRead ? nil : "it changes something") {
      throw DatabaseError(.invalidArgument, "the result of this statement is never kept: \(reason)")
    }
    return (
      pinned,
      PinnedQueries.Definition(
        engine: details.backend.name, sql: plan.sql, canonical: details.canonical,
        names: details.traits.names, refresh: refresh)
    )
  }
}
