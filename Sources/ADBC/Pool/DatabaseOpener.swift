internal import Synchronization

/// Opens a database when it is first needed, and again after it could not be opened.
final class DatabaseOpener: Sendable {
  private let manager: DriverManager
  private let settings: ConnectionSettings
  private let lock = SerialLock()
  private let opened = Mutex<ADBCDatabase?>(nil)

  init(_ manager: DriverManager, _ settings: ConnectionSettings) {
    self.manager = manager
    self.settings = settings
  }

  /// Blocks; one thread at a time opens.
  func database() throws(ADBCError) -> ADBCDatabase {
    try lock { () throws(ADBCError) in
      if let database = opened.withLock({ $0 }) { return database }
      let database = try settings.open(manager)
      opened.withLock { $0 = database }
      return database
    }
  }
}
