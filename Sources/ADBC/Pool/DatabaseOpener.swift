internal import Synchronization

/// Connects to a database that is opened when it is first needed, and again after it could not be opened.
final class DatabaseOpener: Sendable {
  private let manager: DriverManager
  private let settings: ConnectionSettings
  private let attempts = Attempts()
  private let opened = Mutex<ADBCDatabase?>(nil)

  init(_ manager: DriverManager, _ settings: ConnectionSettings) {
    self.manager = manager
    self.settings = settings
  }

  /// Blocks.
  func connect() throws(ADBCError) -> ADBCConnection {
    try attempts.run { () throws(ADBCError) in
      try database().connect(options: settings.connectionOptions)
    }
  }

  private func database() throws(ADBCError) -> ADBCDatabase {
    if let database = opened.withLock({ $0 }) { return database }
    let database = try settings.open(manager)
    opened.withLock { $0 = database }
    return database
  }
}

/// Attempts of several threads at the same thing, one after the other.
///
/// Those that waited while one failed fail with it: otherwise ten callers of a server that does not answer would wait for ten times its
/// time-out.
final class Attempts: Sendable {
  private struct State {
    var failureCount = 0
    var last: ADBCError?
    var waitingCount = 0
  }

  private let lock = SerialLock()
  private let state = Mutex(State())

  /// How many wait for their turn, or have it.
  var waitingCount: Int { state.withLock { $0.waitingCount } }

  func run<Value>(_ attempt: () throws(ADBCError) -> Value) throws(ADBCError) -> Value {
    let seen = state.withLock { state in
      state.waitingCount += 1
      return state.failureCount
    }
    defer { state.withLock { $0.waitingCount -= 1 } }
    return try lock { () throws(ADBCError) in
      if let failed = state.withLock({ $0.failureCount == seen ? nil : $0.last }) { throw failed }
      do throws(ADBCError) {
        return try attempt()
      } catch {
        state.withLock { state in
          state.failureCount += 1
          state.last = error
        }
        throw error
      }
    }
  }
}
