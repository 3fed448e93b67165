public import CoreMetrics
private import Synchronization

/// What the server counts about a database behind and the cache in front of it. Made when there is one.
public final class BackendMetrics: Sendable {
  /// What is there now, and what has happened since the start.
  public struct Totals: Hashable, Sendable {
    public var connections = 0
    public var connectionsInUse = 0
    public var waiting = 0
    public var connectFailures = 0
    public var entries = 0
    public var bytes = 0
    public var hits = 0
    public var shared = 0
    public var misses = 0
    public var evicted = 0
    public var stale = 0
    public var outboxRows = 0
    public var outboxBytes = 0
    public var outboxLag = Duration.zero
    public var outboxApplied = 0
    public var outboxRejected = 0

    public init() {}
  }

  private let connections: Meter
  private let connectionsInUse: Meter
  private let waiting: Meter
  private let entries: Meter
  private let bytes: Meter
  private let outboxRows: Meter
  private let outboxBytes: Meter
  private let outboxLag: Meter
  private let counters: [(counter: Counter, total: any KeyPath<Totals, Int> & Sendable)]
  private let last = Mutex(Totals())

  public convenience init() { self.init(factory: MetricsSystem.factory) }

  public init(factory: any MetricsFactory) {
    connections = Meter(label: "hyprstream_engine_connections", factory: factory)
    connectionsInUse = Meter(label: "hyprstream_engine_connections_in_use", factory: factory)
    waiting = Meter(label: "hyprstream_engine_waiting", factory: factory)
    entries = Meter(label: "hyprstream_cache_entries", factory: factory)
    bytes = Meter(label: "hyprstream_cache_bytes", factory: factory)
    outboxRows = Meter(label: "hyprstream_outbox_rows", factory: factory)
    outboxBytes = Meter(label: "hyprstream_outbox_bytes", factory: factory)
    outboxLag = Meter(label: "hyprstream_outbox_lag_seconds", factory: factory)
    func counter(_ label: String) -> Counter { Counter(label: label, factory: factory) }
    counters = [
      (counter("hyprstream_engine_connect_failures_total"), \.connectFailures),
      (counter("hyprstream_cache_hits_total"), \.hits),
      (counter("hyprstream_cache_shared_total"), \.shared),
      (counter("hyprstream_cache_misses_total"), \.misses),
      (counter("hyprstream_cache_evicted_total"), \.evicted),
      (counter("hyprstream_cache_stale_total"), \.stale),
      (counter("hyprstream_outbox_applied_total"), \.outboxApplied),
      (counter("hyprstream_outbox_rejected_total"), \.outboxRejected),
    ]
  }

  /// Takes over what was counted elsewhere.
  public func note(_ totals: Totals) {
    connections.set(totals.connections)
    connectionsInUse.set(totals.connectionsInUse)
    waiting.set(totals.waiting)
    entries.set(totals.entries)
    bytes.set(totals.bytes)
    outboxRows.set(totals.outboxRows)
    outboxBytes.set(totals.outboxBytes)
    outboxLag.set(totals.outboxLag / .seconds(1))
    last.withLock { last in
      for (counter, total) in counters {
        counter.increment(by: max(0, totals[keyPath: total] - last[keyPath: total]))
      }
      last = totals
    }
  }

  /// What each name means.
  public static let help: [String: String] = [
    "hyprstream_engine_connections": "Connections to the database behind.",
    "hyprstream_engine_connections_in_use": "Those that a statement uses.",
    "hyprstream_engine_waiting": "Statements that wait for a connection.",
    "hyprstream_engine_connect_failures_total": "Attempts to connect that failed.",
    "hyprstream_cache_entries": "Results in the cache.",
    "hyprstream_cache_bytes": "Bytes of those results.",
    "hyprstream_cache_hits_total": "Statements that were answered from the cache.",
    "hyprstream_cache_shared_total":
      "Statements that got the result of an equal one that was on its way.",
    "hyprstream_cache_misses_total": "Statements that went to the database behind and may be kept.",
    "hyprstream_cache_evicted_total": "Results that went to make room.",
    "hyprstream_cache_stale_total":
      "Results that went because something that they read had changed.",
    "hyprstream_outbox_rows":
      "Rows of changes that were acknowledged and that the database behind does not have.",
    "hyprstream_outbox_bytes": "Bytes of those changes.",
    "hyprstream_outbox_lag_seconds": "Age of the oldest of those changes.",
    "hyprstream_outbox_applied_total": "Changes that the database behind took from the outbox.",
    "hyprstream_outbox_rejected_total": "Changes that it refused for good.",
  ]
}
