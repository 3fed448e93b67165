internal import Libraries

/// Which driver to load, and by which of its functions.
public struct Driver: Hashable, Sendable {
  /// A file, or the name of a manifest or of a library of the system, which the driver manager looks for.
  public var location: String
  /// The function that fills in the driver's table; `nil` for the usual names.
  public var entryPoint: String?

  public init(location: String, entryPoint: String? = nil) {
    self.location = location
    self.entryPoint = entryPoint
  }

  /// Finds a driver as people name it: by the path of its library, or by a short name.
  ///
  /// A short name such as `postgresql` is, in this order, a manifest `postgresql.toml` or a library of that name in a folder of
  /// `ADBC_DRIVER_PATH`, in the user's `~/.config/adbc/drivers` or in `/etc/adbc/drivers`; a library
  /// `libadbc_driver_postgresql.so` beside the program or in `.deps/lib`; such a library of the system. `duckdb` is
  /// DuckDB itself.
  public static func find(_ name: String) throws(ADBCError) -> Driver {
    try find(name, manifestFolders: manifestFolders())
  }

  static func find(_ name: String, manifestFolders: [String]) throws(ADBCError) -> Driver {
    guard !name.isEmpty else {
      throw ADBCError(
        .invalidArgument,
        "no ADBC driver is named; give its path (driver_path) or a name such as postgresql")
    }
    if name.contains("/") || name.hasSuffix(LibrarySearch.suffix) || name.hasSuffix(".toml") {
      return try at(path: name)
    }
    let short = shortName(name)
    for folder in manifestFolders {
      let manifest = "\(folder)/\(short).toml"
      if LibrarySearch.exists(manifest) { return Driver(location: manifest) }
    }
    if short == "duckdb" { return try duckDB() }
    let file = "libadbc_driver_\(short)\(LibrarySearch.suffix)"
    let folders = manifestFolders + LibrarySearch.folders() + LibrarySearch.systemFolders
    for folder in folders where LibrarySearch.exists("\(folder)/\(file)") {
      return Driver(location: "\(folder)/\(file)")
    }
    throw ADBCError(
      .notFound,
      "no ADBC driver \"\(name)\": there is neither a manifest \(short).toml in "
        + manifestFolders.joined(separator: ", ") + " nor a library \(file) in "
        + (LibrarySearch.folders() + LibrarySearch.systemFolders).joined(separator: ", ")
        + "; give the path of the driver's library (driver_path)")
  }

  /// A driver's library, or a manifest, at a path.
  public static func at(path: String, entryPoint: String? = nil) throws(ADBCError) -> Driver {
    guard !path.contains("/") || LibrarySearch.exists(path) else {
      throw ADBCError(
        .notFound, "there is no ADBC driver at \(path); set driver_path to the driver's library")
    }
    let isDuckDB = (path.split(separator: "/").last ?? "").hasPrefix("libduckdb")
    return Driver(location: path, entryPoint: entryPoint ?? (isDuckDB ? duckDBEntryPoint : nil))
  }

  private static let duckDBEntryPoint = "duckdb_adbc_init"

  private static func duckDB() throws(ADBCError) -> Driver {
    let file = "libduckdb\(LibrarySearch.suffix)"
    let chosen = LibrarySearch.environment("HYPRSTREAM_DUCKDB_LIBRARY").map { [$0] }
    let paths =
      chosen ?? (LibrarySearch.folders() + LibrarySearch.systemFolders).map { "\($0)/\(file)" }
    guard let path = paths.first(where: LibrarySearch.exists) else {
      throw ADBCError(
        .notFound,
        "no \(file) was found in \(paths.joined(separator: ", ")); set HYPRSTREAM_DUCKDB_LIBRARY to it"
      )
    }
    return Driver(location: path, entryPoint: duckDBEntryPoint)
  }

  /// `adbc_driver_postgresql` and `postgres` mean `postgresql`.
  private static func shortName(_ name: String) -> String {
    let prefix = "adbc_driver_"
    let short = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    return short == "postgres" ? "postgresql" : short
  }

  private static func manifestFolders() -> [String] {
    var folders =
      LibrarySearch.environment("ADBC_DRIVER_PATH")?.split(separator: ":").map(String.init) ?? []
    if let configuration = LibrarySearch.environment("XDG_CONFIG_HOME") {
      folders.append("\(configuration)/adbc/drivers")
    } else if let home = LibrarySearch.environment("HOME") {
      folders.append("\(home)/.config/adbc/drivers")
    }
    folders.append("/etc/adbc/drivers")
    return folders
  }
}
