internal import Engine
internal import Synchronization
public import Telemetry

/// The databases behind, by name.
final class Engines: Sendable {
  /// Where statements go that name no engine, no stream and no table of ours; nil: they stay here.
  let standard: Backend?
  /// By name in lower case.
  private let others = Mutex<[String: Backend]>([:])

  init(standard: Backend?) { self.standard = standard }

  var isEmpty: Bool { standard == nil && others.withLock { $0.isEmpty } }

  /// Whether a text may name one of them: false where a look at the statement would find none.
  func isNamed(in sql: String) -> Bool {
    let names = names
    if names.isEmpty { return false }
    let text = sql.lowercased()
    return names.contains { text.contains($0) }
  }

  private var names: [String] {
    (standard.map { [$0.name.lowercased()] } ?? []) + others.withLock { Array($0.keys) }
  }

  /// The engine of a name, in any case.
  func find(_ name: String) -> Backend? {
    let name = name.lowercased()
    if let standard, standard.name.lowercased() == name { return standard }
    return others.withLock { $0[name] }
  }

  /// In the order of their names, the standard one first.
  var all: [Backend] {
    let others = others.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
    return (standard.map { [$0] } ?? []) + others
  }

  /// Takes an engine in.
  ///
  /// - Returns: The one that had the name before.
  @discardableResult
  func put(_ backend: Backend) -> Backend? {
    others.withLock { $0.updateValue(backend, forKey: backend.name.lowercased()) }
  }

  @discardableResult
  func remove(_ name: String) -> Backend? {
    others.withLock { $0.removeValue(forKey: name.lowercased()) }
  }
}

extension StreamingDatabase {
  /// What the engines look like, and have done, by their names.
  public var engineTotals: [String: EngineMetrics.Totals] {
    Dictionary(engines.all.map { ($0.name, $0.totals) }, uniquingKeysWith: { first, _ in first })
  }

  /// The names of the engines, that of the server first, and how they are reached, without secrets.
  public var engineTexts: [(name: String, text: String)] {
    engines.all.map { ($0.name, $0.engine.displayText) }
  }

  /// What the cache looks like, and has done; nil if there is none.
  public var cacheTotals: CacheMetrics.Totals? {
    cache.map { cache in
      let figures = cache.figures
      var totals = CacheMetrics.Totals()
      totals.entries = figures.count
      totals.bytes = figures.byteCount
      totals.hits = figures.hits
      totals.shared = figures.shared
      totals.misses = figures.misses
      totals.evicted = figures.evicted
      totals.stale = figures.stale
      return totals
    }
  }
}
