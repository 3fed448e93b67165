public import ADBC
internal import Columnar
internal import Engine

/// How to reach a database behind.
public struct EngineSettings: Sendable {
  /// By which people know it.
  public var name: String
  public var manager: DriverManager
  public var connection: ConnectionSettings
  public var options: BackendOptions

  public init(
    name: String, manager: DriverManager, connection: ConnectionSettings,
    options: BackendOptions = BackendOptions()
  ) {
    self.name = name
    self.manager = manager
    self.connection = connection
    self.options = options
  }
}

/// What all databases behind share.
struct BackendWorkshop: Sendable {
  let admission: Admission
  let allocator: any BufferAllocator
  let spoolLimits: SpoolLimits
  let cache: ResultCache?
  /// Where their tables are relations, and copies of them.
  let local: DuckDBEngine
  /// For the copies of cached tables.
  let room: CopyRoom?

  /// Nothing is connected before the first statement.
  func make(_ settings: EngineSettings) -> Backend {
    let engine = ADBCEngine(
      name: settings.name, settings.manager, settings.connection, admission: admission,
      allocator: allocator, spoolLimits: spoolLimits)
    return Backend(
      engine, cache: cache, local: local,
      tables: room.map { CachedTables(engine, $0, in: local) },
      options: settings.options)
  }
}
