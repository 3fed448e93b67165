internal import Synchronization

/// The databases behind, by name.
final class Engines: Sendable {
  /// Where statements go that name no engine, no stream and no table of ours; nil: they stay here.
  let standard: Backend?
  /// By name in lower case.
  private let others = Mutex<[String: Backend]>([:])

  init(standard: Backend?) { self.standard = standard }

  var isEmpty: Bool { standard == nil && others.withLock { $0.isEmpty } }

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
