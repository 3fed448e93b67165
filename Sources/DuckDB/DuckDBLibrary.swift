import CDuckDB
internal import Libraries
import Synchronization

/// The DuckDB library of this process.
///
/// It is loaded once and stays loaded. Every other type of this module is reached through it, so
/// none of DuckDB's functions can be called before there is a library.
public final class DuckDBLibrary: Sendable {
  /// Why no library could be loaded.
  public enum LoadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, and why each did not work.
    case notFound(attempts: [String])
    /// Another library is loaded already; a process has one.
    case otherLoaded(path: String)

    public var description: String {
      switch self {
      case .notFound(let attempts):
        "no DuckDB library was found; tried: " + attempts.joined(separator: "; ")
      case .otherLoaded(let path):
        "a DuckDB library is loaded already: \(path)"
      }
    }
  }

  /// Where the library was found.
  public let path: String
  /// As DuckDB says it, such as `v1.5.5`.
  public let version: String

  private static let loaded = Mutex<DuckDBLibrary?>(nil)

  private init(path: String) {
    self.path = path
    version = unsafe String(cString: duckdb_library_version())
  }

  /// Loads the library, or returns the one that is loaded.
  ///
  /// - Parameter paths: Files to try, in order; `nil` tries the usual places.
  public static func load(searching paths: [String]? = nil) throws(LoadError) -> DuckDBLibrary {
    let result = loaded.withLock { current -> Result<DuckDBLibrary, LoadError> in
      if let current {
        guard let paths, !paths.contains(current.path) else { return .success(current) }
        return .failure(.otherLoaded(path: current.path))
      }
      var attempts: [String] = []
      for path in paths ?? searchPath() {
        if path.contains("/"), !LibrarySearch.exists(path) {
          attempts.append("\(path) (no such file)")
          continue
        }
        if let reason = unsafe hs_duckdb_load(path) {
          attempts.append(unsafe String(cString: reason))
          continue
        }
        let library = DuckDBLibrary(path: path)
        current = library
        return .success(library)
      }
      return .failure(.notFound(attempts: attempts))
    }
    return try result.get()
  }

  /// The environment's choice, beside the executable, `.deps/lib` above it or in the working
  /// folder, then the system.
  static func searchPath() -> [String] {
    if let chosen = LibrarySearch.environment("HYPRSTREAM_DUCKDB_LIBRARY") { return [chosen] }
    let file = "libduckdb\(LibrarySearch.suffix)"
    return LibrarySearch.folders().map { "\($0)/\(file)" } + [file]
  }
}
