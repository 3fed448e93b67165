#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif

/// Where shared libraries of this project are looked for.
public enum LibrarySearch {
  #if canImport(Darwin)
    public static let suffix = ".dylib"
  #else
    public static let suffix = ".so"
  #endif

  public static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  public static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// The entries of a folder; empty if it cannot be read.
  public static func entries(of folder: String) -> [String] {
    guard let open = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(open) }
    var names: [String] = []
    while let entry = unsafe readdir(open) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      names.append(name)
    }
    return names.filter { $0 != "." && $0 != ".." }.sorted()
  }

  /// Beside the executable, `.deps/lib` above it, and `.deps/lib` in the working folder.
  public static func folders() -> [String] {
    var folder = executableFolder()
    var folders: [String] = folder.isEmpty ? [] : ["\(folder)/lib", folder]
    while let slash = folder.lastIndex(of: "/") {
      let deps = "\(folder)/.deps/lib"
      if exists(deps) { folders.append(deps) }
      folder = String(folder[..<slash])
    }
    folders.append(".deps/lib")
    return folders
  }

  /// Where a system keeps libraries that are not named by a path.
  public static var systemFolders: [String] {
    #if arch(arm64)
      ["/usr/local/lib", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
    #else
      ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"]
    #endif
  }

  private static func executableFolder() -> String {
    #if canImport(Darwin)
      let program = CommandLine.arguments.first ?? ""
    #else
      let program = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { room in
        let count =
          unsafe room.baseAddress.map { unsafe readlink("/proc/self/exe", $0, room.count) } ?? 0
        guard count > 0 else { return "" }
        let bytes = unsafe UnsafeRawBufferPointer(start: room.baseAddress, count: count)
        return unsafe String(decoding: bytes, as: UTF8.self)
      }
    #endif
    guard let slash = program.lastIndex(of: "/") else { return "" }
    return String(program[..<slash])
  }
}
