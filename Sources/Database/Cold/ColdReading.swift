public import DuckDB
internal import Engine
public import Log
internal import SQL
internal import Synchronization

/// How a program without a server reads rows that have left a log.
public struct ColdReading: Sendable {
  let rows: any ColdRows
  private let folder: String
  private let library: @Sendable () throws -> DuckDBLibrary
  private let extensionDirectory: @Sendable (DuckDBLibrary) -> String?

  /// - Parameters:
  ///   - rows: The log.
  ///   - folder: The server's own folder for such rows.
  ///   - library: Loads DuckDB's library; called when there is something to read.
  ///   - extensionDirectory: Where a library's extensions are.
  public init(
    _ rows: any ColdRows, folder: String,
    library: @escaping @Sendable () throws -> DuckDBLibrary,
    extensionDirectory: @escaping @Sendable (DuckDBLibrary) -> String? = { _ in nil }
  ) {
    self.rows = rows
    self.folder = folder
    self.library = library
    self.extensionDirectory = extensionDirectory
  }

  func files(_ catalog: StreamCatalog) -> ColdFiles {
    let opened = OpenedOnce(library, extensionDirectory)
    return ColdFiles(
      ColdPlaces(folder: folder, policy: MachineAccessPolicy(), locations: []),
      machine: { () throws(DuckDBError) in try opened.instance() },
      stream: { [weak catalog] in catalog?.stream(of: $0) })
  }
}

/// An instance that is opened when it is first needed.
private final class OpenedOnce: Sendable {
  private let library: @Sendable () throws -> DuckDBLibrary
  private let extensionDirectory: @Sendable (DuckDBLibrary) -> String?
  private let opened = Mutex<DuckDBInstance?>(nil)

  init(
    _ library: @escaping @Sendable () throws -> DuckDBLibrary,
    _ extensionDirectory: @escaping @Sendable (DuckDBLibrary) -> String?
  ) {
    self.library = library
    self.extensionDirectory = extensionDirectory
  }

  func instance() throws(DuckDBError) -> DuckDBInstance {
    let result = opened.withLock { opened -> Result<DuckDBInstance, DuckDBError> in
      if let opened { return .success(opened) }
      do throws(DuckDBError) {
        let instance = try open()
        opened = instance
        return .success(instance)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func open() throws(DuckDBError) -> DuckDBInstance {
    let library: DuckDBLibrary
    do {
      library = try self.library()
    } catch {
      throw DuckDBError(kind: .io, message: "\(error)")
    }
    var settings = ["threads": "1"]
    settings["extension_directory"] = extensionDirectory(library)
    func instance(_ setup: [String]) throws(DuckDBError) -> DuckDBInstance {
      try DuckDBInstance(
        library: library,
        configuration: DuckDBInstance.Configuration(
          path: nil, settings: settings, setup: setup, connectionSetup: ["SET TimeZone = 'UTC'"]))
    }
    // Files on this machine need no extension.
    do throws(DuckDBError) { return try instance(["LOAD httpfs"]) } catch {
      return try instance([])
    }
  }
}
