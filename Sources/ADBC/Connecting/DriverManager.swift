internal import Libraries
import CADBC
import Synchronization

/// The official ADBC driver manager of this process.
///
/// It is loaded once and stays loaded, as do the drivers that it loads. Every other type of this module is
/// reached through it, so none of its functions can be called before it is there.
public final class DriverManager: Sendable {
  /// Why no driver manager could be loaded.
  public enum LoadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, and why each did not work.
    case notFound(attempts: [String])
    /// Another one is loaded already; a process has one.
    case otherLoaded(path: String)

    public var description: String {
      switch self {
      case .notFound(let attempts):
        "no ADBC driver manager was found; set \(DriverManager.variable) to its library; tried: "
          + attempts.joined(separator: "; ")
      case .otherLoaded(let path): "an ADBC driver manager is loaded already: \(path)"
      }
    }
  }

  /// The environment variable that names the library.
  public static let variable = "HYPRSTREAM_ADBC_DRIVER_MANAGER"

  /// Where the library was found.
  public let path: String

  private static let loaded = Mutex<DriverManager?>(nil)

  private init(path: String) { self.path = path }

  /// Loads the driver manager, or returns the one that is loaded.
  ///
  /// - Parameter paths: Files to try, in order; `nil` tries the usual places: the environment's choice, beside
  ///   the executable, `.deps/lib` above it or in the working folder, then the system.
  public static func load(searching paths: [String]? = nil) throws(LoadError) -> DriverManager {
    let result = loaded.withLock { current -> Result<DriverManager, LoadError> in
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
        if let reason = bind(path) {
          attempts.append(reason)
          continue
        }
        let manager = DriverManager(path: path)
        current = manager
        return .success(manager)
      }
      return .failure(.notFound(attempts: attempts))
    }
    return try result.get()
  }

  /// Binds the functions to a library; why it did not work, in which case nothing has changed.
  static func bind(_ path: String) -> String? {
    unsafe hs_adbc_load(path).map { unsafe String(cString: $0) }
  }

  static func searchPath() -> [String] {
    if let chosen = LibrarySearch.environment(variable) { return [chosen] }
    let file = "libadbc_driver_manager\(LibrarySearch.suffix)"
    var paths = LibrarySearch.folders().map { "\($0)/\(file)" }
    paths.append(file)
    // What a system installs without its development package.
    paths += versioned(file)
    return paths
  }

  /// `libadbc_driver_manager.so.107` and the like, the newest first.
  private static func versioned(_ file: String) -> [String] {
    return LibrarySearch.systemFolders.flatMap { folder in
      LibrarySearch.entries(of: folder).filter { $0.hasPrefix(file + ".") }.reversed()
        .map { "\(folder)/\($0)" }
    }
  }
}
