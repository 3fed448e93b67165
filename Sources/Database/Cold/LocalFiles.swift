#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
internal import Log

/// What tiering does to files of this machine besides having DuckDB write and read them.
enum LocalFiles {
  struct Failure: Error, CustomStringConvertible {
    let description: String

    fileprivate init(_ call: String, _ path: String) {
      let code = errno
      let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
      description = "\(call) of \(path): \(reason)"
    }
  }

  /// Makes a folder and those above it.
  static func makeFolder(_ path: String) throws(Failure) {
    if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw Failure("mkdir", path)
    }
    try makeFolder(String(path[..<slash]))
    guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Failure("mkdir", path) }
    try sync(String(path[..<slash]))
  }

  /// Makes a file or the entries of a folder durable.
  static func sync(_ path: String) throws(Failure) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw Failure("fsync", path) }
  }

  static func move(_ path: String, to other: String) throws(Failure) {
    guard unsafe rename(path, other) == 0 else { throw Failure("rename", path) }
  }

  /// Removes a file. One that is not there is no error.
  static func remove(_ path: String) throws(Failure) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw Failure("unlink", path) }
  }

  /// Removes a folder if nothing is in it.
  static func removeEmptyFolder(_ path: String) { unsafe _ = rmdir(path) }

  /// The names in a folder; none if it is not there.
  static func names(in path: String) -> [String] {
    guard let stream = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The size of a file in bytes and the CRC-32C of its bytes.
  static func checksum(_ path: String) throws(Failure) -> (byteCount: Int, checksum: UInt32) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure("open", path) }
    defer { close(descriptor) }
    var checksum = FileChecksum()
    var byteCount = 0
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = unsafe read(descriptor, &piece, piece.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure("read", path) }
      if count == 0 { return (byteCount, checksum.value) }
      checksum.add(count == piece.count ? piece : Array(piece[..<count]))
      byteCount += count
    }
  }
}
