#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// The few file operations that a data folder needs. Blocking; for start-up only.
enum Files {
  /// The error for a system call that has just failed.
  static func failure(_ call: String, _ path: String) -> DataFolderError {
    let code = errno
    let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    return .system(call: call, path: path, errno: code, reason: reason)
  }

  /// Makes a folder and the ones above it; only its owner may enter it.
  static func makeFolder(_ path: String) throws(DataFolderError) {
    if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return try checkFolder(path) }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
      throw failure("mkdir", path)
    }
    try makeFolder(String(path[..<slash]))
    if unsafe mkdir(path, 0o700) != 0 && errno != EEXIST { throw failure("mkdir", path) }
  }

  private static func checkFolder(_ path: String) throws(DataFolderError) {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", path) }
    close(descriptor)
  }

  static func absolutePath(_ path: String) throws(DataFolderError) -> String {
    guard let resolved = unsafe realpath(path, nil) else { throw failure("realpath", path) }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// The names in a folder, without `.` and `..`.
  static func names(in path: String) throws(DataFolderError) -> [String] {
    guard let stream = unsafe opendir(path) else { throw failure("opendir", path) }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// The text of a small file, or nil if there is none.
  static func read(_ path: String, limitBytes: Int) throws(DataFolderError) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw failure("open", path)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: limitBytes)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe readBytes(descriptor, buffer.baseAddress, buffer.count)
    }
    guard count >= 0 else { throw failure("read", path) }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// Writes a small file so that after a crash it is the old one or the new one, whole.
  static func replace(
    _ path: String, with text: String, folder: String
  ) throws(DataFolderError) {
    let temporary = path + ".new"
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("open", temporary) }
    let bytes = Array(text.utf8)
    let count = unsafe bytes.withUnsafeBytes { buffer in
      unsafe write(descriptor, buffer.baseAddress, buffer.count)
    }
    let isWritten = count == bytes.count && fsync(descriptor) == 0
    let error = failure("write", temporary)
    close(descriptor)
    guard isWritten else { throw error }
    guard unsafe rename(temporary, path) == 0 else { throw failure("rename", path) }
    let folderDescriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folderDescriptor >= 0 else { throw failure("open", folder) }
    defer { close(folderDescriptor) }
    guard fsync(folderDescriptor) == 0 else { throw failure("fsync", folder) }
  }

  /// Makes the folder if it is missing and removes what is in it.
  static func makeEmptyFolder(_ path: String) throws(DataFolderError) {
    try makeFolder(path)
    for name in try names(in: path) { try remove("\(path)/\(name)") }
  }

  /// Removes a file, a link (not what it points to) or a folder with all that is in it.
  private static func remove(_ path: String) throws(DataFolderError) {
    if unsafe unlink(path) == 0 || errno == ENOENT { return }
    guard errno == EISDIR || errno == EPERM else { throw failure("unlink", path) }
    for name in try names(in: path) { try remove("\(path)/\(name)") }
    guard unsafe rmdir(path) == 0 else { throw failure("rmdir", path) }
  }
}

/// `read(2)`, whose name `Files.read` hides.
private func readBytes(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int
{
  unsafe read(descriptor, bytes, count)
}
