internal import Engine
internal import Synchronization

/// What statements would return, as a database behind has told: for the time in which it cannot be asked.
final class KnownDescriptions: Sendable {
  private static let maxCount = 1_000

  private let known = Mutex<[String: ADBCEngine.Description]>([:])

  func find(_ sql: String) -> ADBCEngine.Description? { known.withLock { $0[sql] } }

  func note(_ description: ADBCEngine.Description, of sql: String) {
    known.withLock { known in
      if known.count >= Self.maxCount { known = [:] }
      known[sql] = description
    }
  }
}
