public import Columnar

extension ResultCache {
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
    /// For how long a result may be served that is stale or too old, while it is computed anew; nil for not at all.
    public var staleFor: Duration?

    public init(
      _ key: Key, names: Set<String>, maxAge: Duration? = nil, staleFor: Duration? = nil
    ) {
      self.key = key
      self.names = names
      self.maxAge = maxAge
      self.staleFor = staleFor
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
    /// It is not as new as it should be, which the statement allows. The flight, if there is one, is the caller's to run.
    case stale(Result, CacheFlight?)
    /// The statement is to be run, and its result given to the flight.
    case lead(CacheFlight)
    /// Somebody runs it just now.
    case follow(CacheFlight)
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
    /// Hits of results that were not as new as they should be, as their statements allowed.
    public var staleHits = 0
    public var expired = 0
    /// Results that went to make room, or were not taken in.
    public var evicted = 0
    /// Results that were not kept because something had changed while they were computed.
    public var outdated = 0
    /// Results that were too large to be kept.
    public var tooLarge = 0
  }

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
}
