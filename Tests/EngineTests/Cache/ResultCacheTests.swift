import Columnar
import Synchronization
import TestSupport
import Testing

@testable import Engine

struct ResultCacheTests {
  private final class Clock: Sendable {
    private let time = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { time.withLock { $0 } }
    func advance(_ duration: Duration) { time.withLock { $0 += duration } }
  }

  private static let schema = Schema([Field("a", .int64)])

  private func use(
    _ sql: String, _ names: Set<String> = ["t"], maxAge: Duration? = nil
  ) -> ResultCache.Use {
    ResultCache.Use(ResultCache.Key(sql: sql), names: names, maxAge: maxAge)
  }

  private func land(_ flight: CacheFlight, _ value: Int64 = 1, byteCount: Int = 100) {
    flight.land(
      schema: Self.schema,
      [Batch(schema: Self.schema, columns: [.int64s([value])], rowCount: 1)], byteCount: byteCount)
  }

  private func lead(_ cache: ResultCache, _ use: ResultCache.Use) throws -> CacheFlight {
    guard case .lead(let flight) = cache.find(use) else {
      throw Unexpected(description: "a result or a flight of \(use.key.sql) is there")
    }
    return flight
  }

  private func isHit(_ cache: ResultCache, _ use: ResultCache.Use) -> Bool {
    switch cache.find(use) {
    case .hit: return true
    case .lead(let flight): flight.abandon()
    case .stale, .follow: break
    }
    return false
  }

  private struct Unexpected: Error { var description: String }

  @Test func `a result is served until something that it read changes`() throws {
    let cache = ResultCache(ResultCache.Limits())
    let (one, two) = (use("SELECT 1", ["t", "id"]), use("SELECT 2", ["u"]))
    land(try lead(cache, one))
    land(try lead(cache, two))
    #expect(isHit(cache, one) && isHit(cache, two))
    cache.advance(.names(["t"]))
    #expect(!isHit(cache, one) && isHit(cache, two))
    cache.advance(.everything)
    #expect(!isHit(cache, two))
    #expect(cache.figures.stale == 2)
    #expect(cache.figures.count == 0 && cache.figures.byteCount == 0)
  }

  @Test func `what is stale is there for those who are told so, until it is too old`() throws {
    let clock = Clock()
    var limits = ResultCache.Limits()
    limits.maxAge = .seconds(60)
    let cache = ResultCache(limits, now: { clock.now })
    let one = use("SELECT 1")
    #expect(cache.stale(one) == nil)
    land(try lead(cache, one), 7)
    cache.advance(.everything)
    let flight = try lead(cache, one)
    flight.abandon()
    #expect(cache.stale(one, of: flight)?.batches.first?.columns[0].string(at: 0) == "7")
    // It was put back, and is not served as if it were fresh.
    #expect(cache.figures.count == 1)
    cache.sweep(keepsStale: true)
    #expect(cache.stale(one) != nil)
    #expect(!isHit(cache, one))
    let again = try lead(cache, one)
    #expect(cache.stale(one, of: again) == nil)
    again.abandon()
    land(try lead(cache, one), 8)
    cache.advance(.everything)
    cache.sweep()
    #expect(cache.stale(one) == nil && cache.figures.count == 0)
    land(try lead(cache, one), 9)
    clock.advance(.seconds(61))
    cache.sweep(keepsStale: true)
    #expect(cache.stale(one) == nil)
  }

  @Test func `what was computed beside a change is not kept`() throws {
    let cache = ResultCache(ResultCache.Limits())
    let one = use("SELECT 1")
    let before = try lead(cache, one)
    cache.advance(.names(["t"]))
    let beside = try lead(cache, one)
    cache.advance(.names(["t"]))
    land(before)
    #expect(!isHit(cache, one))
    land(beside)
    #expect(!isHit(cache, one))
    #expect(cache.figures.outdated == 2)
    land(try lead(cache, one))
    #expect(isHit(cache, one))
  }

  @Test func `equal statements wait for the first, and get nothing that is old`() async throws {
    let cache = ResultCache(ResultCache.Limits())
    let one = use("SELECT 1")
    let flight = try lead(cache, one)
    guard case .follow(let same) = cache.find(one), case .follow(let other) = cache.find(one) else {
      throw Unexpected(description: "nobody waits")
    }
    async let first = same.result()
    land(flight, 7)
    #expect(await first?.batches.first?.columns[0].string(at: 0) == "7")
    cache.advance(.names(["t"]))
    #expect(await other.result() == nil)
    #expect(cache.figures.shared == 1)
  }

  @Test func `who waits for a statement that fails is told`() async throws {
    let cache = ResultCache(ResultCache.Limits())
    let flight = try lead(cache, use("SELECT 1"))
    guard case .follow(let same) = cache.find(use("SELECT 1")) else {
      throw Unexpected(description: "nobody waits")
    }
    async let result = same.result()
    flight.abandon()
    #expect(await result == nil)
    _ = try lead(cache, use("SELECT 1"))
  }

  @Test func `old results are not served, and go`() throws {
    let clock = Clock()
    var limits = ResultCache.Limits()
    limits.maxAge = .seconds(60)
    let cache = ResultCache(limits, now: { clock.now })
    let (long, short) = (use("long"), use("short", maxAge: .seconds(5)))
    land(try lead(cache, long))
    land(try lead(cache, short))
    clock.advance(.seconds(6))
    #expect(isHit(cache, long) && !isHit(cache, short))
    // A reader may want a fresher one than the cache would serve.
    #expect(!isHit(cache, use("long", maxAge: .seconds(2))))
    land(try lead(cache, long))
    clock.advance(.seconds(61))
    #expect(cache.sweep() == 100)
    #expect(cache.figures.count == 0)
    #expect(cache.listing.isEmpty)
  }

  @Test func `memory is bounded, and what is too large is not kept`() throws {
    for policy in CachePolicy.allCases {
      var limits = ResultCache.Limits()
      limits.maxByteCount = 10_000
      limits.policy = policy
      let cache = ResultCache(limits)
      for index in 0..<300 { land(try lead(cache, use("\(index)")), byteCount: 1_000) }
      #expect(cache.figures.byteCount <= 10_000)
      #expect(cache.figures.count > 5)
      #expect(cache.figures.count + cache.figures.evicted == 300)
      let count = cache.figures.count
      #expect(cache.flush() == count)
      #expect(cache.figures.count == 0)
    }
  }

  @Test func `flushing by a name takes what reads it, also what is on its way`() throws {
    let cache = ResultCache(ResultCache.Limits())
    land(try lead(cache, use("one", ["t"])))
    land(try lead(cache, use("two", ["u"])))
    let flying = try lead(cache, use("three", ["t"]))
    #expect(cache.flush("T") == 1)
    land(flying)
    #expect(!isHit(cache, use("three", ["t"])))
    #expect(isHit(cache, use("two", ["u"])))
  }

  /// Readers and writers in any order: what is served is never older than what was changed before it was asked for.
  @Test func `no answer is older than a change that ended before the question`() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of the cache: \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      let cache = ResultCache(ResultCache.Limits())
      var stored: [String: Int64] = ["t": 0, "u": 0]
      // What writers were told is stored.
      var acknowledged = stored
      var flights: [(CacheFlight, Int64?, String)] = []
      var changing: String?
      for step in 1...60 {
        let name = Bool.random(using: &random) ? "t" : "u"
        switch Int.random(in: 0..<6, using: &random) {
        case 0 where changing == nil:
          changing = name
          cache.advance(.names([name]))
        case 1:
          // The database commits.
          if let changing { stored[changing] = Int64(step) }
        case 5:
          guard let ended = changing else { break }
          cache.advance(.names([ended]))
          acknowledged[ended] = stored[ended]
          changing = nil
        case 2:
          // The statement of a flight reads now.
          guard let index = flights.indices.randomElement(using: &random) else { break }
          flights[index].1 = stored[flights[index].2]
        case 3:
          guard let index = flights.indices.randomElement(using: &random),
            let value = flights[index].1
          else { break }
          let flight = flights.remove(at: index)
          land(flight.0, value)
        default:
          switch cache.find(use(name, [name])) {
          case .hit(let result):
            let served = Int64(result.batches[0].columns[0].string(at: 0) ?? "") ?? -1
            #expect(served >= acknowledged[name] ?? 0)
          case .lead(let flight): flights.append((flight, nil, name))
          case .stale, .follow: break
          }
        }
      }
      for flight in flights { flight.0.abandon() }
    }
  }

  // MARK: - Stale results that are asked for

  private func staleUse(_ staleFor: Duration, maxAge: Duration? = nil) -> ResultCache.Use {
    ResultCache.Use(
      ResultCache.Key(sql: "SELECT 1"), names: ["t"], maxAge: maxAge, staleFor: staleFor)
  }

  private func isStaleHit(_ cache: ResultCache, _ use: ResultCache.Use) -> (Bool, CacheFlight?) {
    switch cache.find(use) {
    case .stale(_, let flight): return (true, flight)
    case .lead(let flight): flight.abandon()
    case .hit, .follow: break
    }
    return (false, nil)
  }

  @Test func `a stale result is served for as long as its statement allows, and computed once`()
    throws
  {
    let clock = Clock()
    let cache = ResultCache(ResultCache.Limits(), now: { clock.now })
    land(try lead(cache, use("SELECT 1")))
    clock.advance(.seconds(100))
    cache.advance(.names(["u"]))
    cache.advance(.names(["t"]))
    clock.advance(.seconds(9))
    // The time counts from the change, not from when the result was made.
    let (isServed, flight) = isStaleHit(cache, staleUse(.seconds(10)))
    #expect(isServed && flight != nil)
    #expect(isStaleHit(cache, staleUse(.seconds(10))).1 == nil)
    // A sweep leaves it for them.
    #expect(cache.sweep() == 0)
    #expect(isStaleHit(cache, staleUse(.seconds(10))).0)
    cache.advance(.names(["t"]))
    clock.advance(.seconds(2))
    #expect(!isStaleHit(cache, staleUse(.seconds(10))).0)
    flight?.abandon()
  }

  @Test func `others are never given a stale result`() throws {
    let cache = ResultCache(ResultCache.Limits())
    land(try lead(cache, use("SELECT 1")))
    cache.advance(.everything)
    let (isServed, flight) = isStaleHit(cache, staleUse(.seconds(3600)))
    #expect(isServed)
    #expect(!isHit(cache, use("SELECT 1")))
    flight?.abandon()
  }

  @Test func `a result that is too old is served as a stale one for a while`() throws {
    let clock = Clock()
    let cache = ResultCache(ResultCache.Limits(), now: { clock.now })
    let limited = staleUse(.seconds(5), maxAge: .seconds(10))
    land(try lead(cache, limited))
    clock.advance(.seconds(14))
    let (isServed, flight) = isStaleHit(cache, limited)
    #expect(isServed)
    land(try #require(flight), 2)
    #expect(isHit(cache, limited))
    clock.advance(.seconds(16))
    #expect(!isStaleHit(cache, limited).0)
  }

  // MARK: - Room

  @Test func `pinned results stay, and all results leave room for other things`() throws {
    var limits = ResultCache.Limits()
    limits.maxByteCount = 10_000
    let cache = ResultCache(limits)
    cache.pin(use("pinned").key)
    land(try lead(cache, use("pinned")), byteCount: 1_000)
    for number in 0..<30 { land(try lead(cache, use("\(number)")), byteCount: 1_000) }
    #expect(cache.figures.byteCount == 10_000)
    #expect(isHit(cache, use("pinned")))
    cache.reserve(byteCount: 5_000)
    #expect(cache.figures.byteCount == 5_000)
    #expect(isHit(cache, use("pinned")))
    cache.advance(.names(["t"]))
    #expect(cache.age(of: use("pinned").key) == nil)
    land(try #require(cache.renew(use("pinned"))), 2, byteCount: 1_000)
    #expect(cache.age(of: use("pinned").key) != nil)
    cache.reserve(byteCount: 10_000)
    #expect(cache.figures.byteCount == 1_000)
    cache.unpin(use("pinned").key)
    #expect(cache.figures.byteCount == 0 && cache.figures.count == 0)
    cache.reserve(byteCount: 0)
    for number in 0..<30 { land(try lead(cache, use("\(number)")), byteCount: 1_000) }
    #expect(cache.figures.byteCount == 10_000)
  }
}
