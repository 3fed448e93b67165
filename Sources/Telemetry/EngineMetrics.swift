public import CoreMetrics
private import Synchronization

/// What the server counts about one database behind.
public final class EngineMetrics: Sendable {
  /// What is there now, and what has happened since the engine was made.
  public struct Totals: Hashable, Sendable {
    public var connections = 0
    public var connectionsInUse = 0
    public var waiting = 0
    public var connectFailures = 0
    public var outboxRows = 0
    public var outboxBytes = 0
    public var outboxLag = Duration.zero
    public var outboxApplied = 0
    public var outboxRejected = 0

    public init() {}
  }

  private let figures: CountedFigures<Totals>
  private let outboxLag: Meter

  /// - Parameter engine: Its name, which is the dimension `engine`.
  public convenience init(engine: String) {
    self.init(engine: engine, factory: MetricsSystem.factory)
  }

  public init(engine: String, factory: any MetricsFactory) {
    figures = CountedFigures(
      meters: [
        ("hyprstream_engine_connections", \.connections),
        ("hyprstream_engine_connections_in_use", \.connectionsInUse),
        ("hyprstream_engine_waiting", \.waiting), ("hyprstream_outbox_rows", \.outboxRows),
        ("hyprstream_outbox_bytes", \.outboxBytes),
      ],
      counters: [
        ("hyprstream_engine_connect_failures_total", \.connectFailures),
        ("hyprstream_outbox_applied_total", \.outboxApplied),
        ("hyprstream_outbox_rejected_total", \.outboxRejected),
      ], [("engine", engine)], factory, Totals())
    outboxLag = Meter(
      label: "hyprstream_outbox_lag_seconds", dimensions: [("engine", engine)], factory: factory)
  }

  /// Takes over what was counted elsewhere.
  public func note(_ totals: Totals) {
    figures.note(totals)
    outboxLag.set(totals.outboxLag / .seconds(1))
  }

  /// The engine is gone.
  public func end() {
    figures.end()
    outboxLag.destroy()
  }

  /// What each name means.
  public static let help: [String: String] = [
    "hyprstream_engine_connections": "Connections to a database behind.",
    "hyprstream_engine_connections_in_use": "Those that a statement uses.",
    "hyprstream_engine_waiting": "Statements that wait for a connection.",
    "hyprstream_engine_connect_failures_total": "Attempts to connect that failed.",
    "hyprstream_outbox_rows":
      "Rows of changes that were acknowledged and that the database behind does not have.",
    "hyprstream_outbox_bytes": "Bytes of those changes.",
    "hyprstream_outbox_lag_seconds": "Age of the oldest of those changes.",
    "hyprstream_outbox_applied_total": "Changes that the database behind took from the outbox.",
    "hyprstream_outbox_rejected_total": "Changes that it refused for good.",
  ]
}

/// What the server counts about the cache in front of its engines.
public final class CacheMetrics: Sendable {
  /// What is there now, and what has happened since the start.
  public struct Totals: Hashable, Sendable {
    public var entries = 0
    public var bytes = 0
    public var hits = 0
    public var shared = 0
    public var misses = 0
    public var evicted = 0
    public var stale = 0

    public init() {}
  }

  private let figures: CountedFigures<Totals>

  public convenience init() { self.init(factory: MetricsSystem.factory) }

  public init(factory: any MetricsFactory) {
    figures = CountedFigures(
      meters: [("hyprstream_cache_entries", \.entries), ("hyprstream_cache_bytes", \.bytes)],
      counters: [
        ("hyprstream_cache_hits_total", \.hits), ("hyprstream_cache_shared_total", \.shared),
        ("hyprstream_cache_misses_total", \.misses),
        ("hyprstream_cache_evicted_total", \.evicted), ("hyprstream_cache_stale_total", \.stale),
      ], [], factory, Totals())
  }

  /// Takes over what was counted elsewhere.
  public func note(_ totals: Totals) { figures.note(totals) }

  /// What each name means.
  public static let help: [String: String] = [
    "hyprstream_cache_entries": "Results in the cache.",
    "hyprstream_cache_bytes": "Bytes of those results.",
    "hyprstream_cache_hits_total": "Statements that were answered from the cache.",
    "hyprstream_cache_shared_total":
      "Statements that got the result of an equal one that was on its way.",
    "hyprstream_cache_misses_total": "Statements that went to a database behind and may be kept.",
    "hyprstream_cache_evicted_total": "Results that went to make room.",
    "hyprstream_cache_stale_total":
      "Results that went because something that they read had changed.",
  ]
}

/// Meters and counters of figures that somebody else keeps.
private final class CountedFigures<Totals: Sendable>: Sendable {
  typealias Path = any KeyPath<Totals, Int> & Sendable

  private let meters: [(meter: Meter, figure: Path)]
  private let counters: [(counter: Counter, total: Path)]
  private let last: Mutex<Totals>

  init(
    meters: [(String, Path)], counters: [(String, Path)], _ dimensions: [(String, String)],
    _ factory: any MetricsFactory, _ start: Totals
  ) {
    self.meters = meters.map {
      (Meter(label: $0.0, dimensions: dimensions, factory: factory), $0.1)
    }
    self.counters = counters.map {
      (Counter(label: $0.0, dimensions: dimensions, factory: factory), $0.1)
    }
    last = Mutex(start)
  }

  func note(_ totals: Totals) {
    for (meter, figure) in meters { meter.set(totals[keyPath: figure]) }
    last.withLock { last in
      for (counter, total) in counters {
        counter.increment(by: max(0, totals[keyPath: total] - last[keyPath: total]))
      }
      last = totals
    }
  }

  func end() {
    for (meter, _) in meters { meter.destroy() }
    for (counter, _) in counters { counter.destroy() }
  }
}
