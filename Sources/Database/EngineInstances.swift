internal import Synchronization

public import DuckDB
public import Engine
internal import SQL

/// The DuckDB instances of a server, under one memory budget.
///
/// Threads, memory and access to files are settings of a whole instance of DuckDB, and the three kinds
/// of work want different ones:
///
/// | instance | for | threads | memory | reaches files |
/// |---|---|---|---|---|
/// | `queries` | statements of clients; holds all tables | as configured | 3/4 | allowed directories |
/// | `stages` | filters and projections on small batches of rows that stream in | 1 | 1/8 | no |
/// | `machine` | files and other systems, for the server's own work, never for a client's text | 1 | 1/8 | yes |
///
/// The last two are opened when they are first needed; a server that needs none pays for none.
public final class EngineInstances: Sendable {
  /// The instance for statements of clients.
  public let queries: DuckDBInstance

  private struct Opened {
    var stages: DuckDBInstance?
    var machine: DuckDBInstance?
  }

  private let library: DuckDBLibrary
  private let options: DatabaseOptions
  private let opened = Mutex(Opened())

  init(
    _ options: DatabaseOptions, library: DuckDBLibrary, metrics: MetricsRelation
  ) throws(DuckDBError) {
    self.options = options
    self.library = library
    queries = try DuckDBInstance(
      library: library, configuration: Self.queries(options, metrics))
  }

  /// The instance for small batches: one thread each, since a second one costs more than it brings.
  public func stages() throws(DuckDBError) -> DuckDBInstance {
    try instance(\.stages) {
      var settings = Self.settings(options, memoryShare: 1.0 / 8)
      settings["threads"] = "1"
      return DuckDBInstance.Configuration(
        path: nil, settings: settings, setup: EngineLock.statements(allowedDirectories: []),
        connectionSetup: ["SET TimeZone = 'UTC'"])
    }
  }

  /// The instance for the server's own reading and writing of files and other systems.
  public func machine() throws(DuckDBError) -> DuckDBInstance {
    try instance(\.machine) {
      var settings = Self.settings(options, memoryShare: 1.0 / 8)
      settings["threads"] = "1"
      return DuckDBInstance.Configuration(
        path: nil, settings: settings, setup: Self.machineSetup(options),
        connectionSetup: ["SET TimeZone = 'UTC'"])
    }
  }

  private func instance(
    _ place: any WritableKeyPath<Opened, DuckDBInstance?> & Sendable,
    _ configuration: () -> DuckDBInstance.Configuration
  ) throws(DuckDBError) -> DuckDBInstance {
    // Held while the instance opens, so that it is opened once.
    let result = opened.withLock { opened -> Result<DuckDBInstance, DuckDBError> in
      if let instance = opened[keyPath: place] { return .success(instance) }
      do throws(DuckDBError) {
        let instance = try DuckDBInstance(library: library, configuration: configuration())
        opened[keyPath: place] = instance
        return .success(instance)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  // MARK: Configuration

  /// What all instances have in common, with a share of the memory if there is a limit.
  private static func settings(
    _ options: DatabaseOptions, memoryShare: Double
  ) -> [String: String] {
    var settings: [String: String] = [:]
    if options.memoryLimitByteCount > 0 {
      let bytes = Double(options.memoryLimitByteCount) * memoryShare
      settings["memory_limit"] = "\(max(1, Int(bytes / 1_000_000)))MB"
    }
    if let directory = options.extensionDirectory { settings["extension_directory"] = directory }
    settings["temp_directory"] = options.spoolDirectory
    return settings
  }

  /// What begins so is for extensions that reach other machines, which only `machine` may do.
  private static func isForMachine(_ setting: String) -> Bool {
    ["s3_", "http_", "ca_cert_"].contains { setting.lowercased().hasPrefix($0) }
  }

  private static func machineSetup(_ options: DatabaseOptions) -> [String] {
    guard options.extensions.contains("httpfs") else { return [] }
    return ["LOAD httpfs"]
      + options.engineSettings.filter { isForMachine($0.key) }.sorted { $0.key < $1.key }
      .map { "SET GLOBAL \(quotedName($0.key)) = \(SessionOption.string($0.value).literal)" }
  }

  /// Nothing outside the allowed directories can be reached, and nothing that could open them again
  /// can be set.
  private static func queries(
    _ options: DatabaseOptions, _ metrics: MetricsRelation
  ) -> DuckDBInstance.Configuration {
    var settings = settings(options, memoryShare: 3.0 / 4)
    if options.threadCount > 0 { settings["threads"] = String(options.threadCount) }
    // Memory of copies that were dropped goes back to the system in seconds; else it waits for the next large statement.
    if options.cache != nil { settings["allocator_background_threads"] = "true" }
    settings.merge(options.engineSettings.filter { !isForMachine($0.key) }) { _, given in given }
    var setup = metrics.setupStatements
    setup.append(GroupCommits.setupStatement(catalog: metrics.catalog))
    setup += options.extensions.map { "LOAD " + SessionOption.string($0).literal }
    if options.cache != nil { setup.append("ATTACH ':memory:' AS \(CachedTables.catalog)") }
    setup += EngineLock.statements(allowedDirectories: options.allowedDirectories)
    return DuckDBInstance.Configuration(
      path: options.path, settings: settings, setup: setup,
      // Sessions begin in UTC wherever the server stands.
      // DuckDB keeps count of progress only while its bar is on; the bar itself is not printed.
      connectionSetup: [
        "SET TimeZone = 'UTC'", "SET enable_progress_bar_print = false",
        "SET enable_progress_bar = true",
      ])
  }
}
