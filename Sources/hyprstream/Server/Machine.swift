private import Glibc

/// What the machine under the process has.
enum Machine {
  static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Bytes of memory of the whole machine.
  static var memoryBytes: Int {
    max(0, sysconf(Int32(_SC_PHYS_PAGES))) * max(1, sysconf(Int32(_SC_PAGESIZE)))
  }
}

/// Where DuckDB's extensions are when the operator names no folder.
enum ExtensionFolder {
  /// `extensions` beside the library or beside its folder, whichever is there; `nil` if neither is.
  static func beside(libraryPath: String) -> String? {
    guard let slash = libraryPath.lastIndex(of: "/") else { return nil }
    let folder = libraryPath[..<slash]
    let candidates = ["\(folder)/extensions", "\(folder)/../extensions"]
    return candidates.first { unsafe access($0, R_OK | X_OK) == 0 }
  }
}
