internal import Engine
internal import Synchronization

/// The room that the copies of all engines' tables take in the cache.
final class CopyRoom: Sendable {
  private struct State {
    var lastNumber = 0
    /// By the name of the engine.
    var byteCounts: [String: Int] = [:]
  }

  let cache: ResultCache
  private let state = Mutex(State())

  init(_ cache: ResultCache) { self.cache = cache }

  /// A number that no copy has had.
  func nextNumber() -> Int {
    state.withLock { state in
      state.lastNumber += 1
      return state.lastNumber
    }
  }

  /// The bytes that copies of other engines take.
  func byteCount(butOf engine: String) -> Int {
    state.withLock { $0.byteCounts.reduce(0) { $0 + ($1.key == engine ? 0 : $1.value) } }
  }

  /// The copies of an engine take so much from now on: results have the rest.
  func setByteCount(_ byteCount: Int, of engine: String) {
    let sum = state.withLock { state -> Int? in
      guard state.byteCounts[engine, default: 0] != byteCount else { return nil }
      state.byteCounts[engine] = byteCount
      return state.byteCounts.values.reduce(0, +)
    }
    if let sum { cache.reserve(byteCount: sum) }
  }
}
