#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
internal import Columnar

/// A folder of this machine.
public final class LocalFolder: FileSystem {
  private let path: String

  /// - Parameter path: Made if it is missing; the folder above it must exist.
  public init(_ path: String) throws(FileError) {
    self.path = path
    if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw FileError(call: "mkdir", path) }
  }

  public func names() throws(FileError) -> [String] {
    guard let stream = unsafe opendir(path) else { throw FileError(call: "opendir", path) }
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

  public func open(_ name: String, creates: Bool) throws(FileError) -> any LogFile {
    let full = path + "/" + name
    let flags = O_RDWR | O_CLOEXEC | (creates ? O_CREAT | O_TRUNC : 0)
    let descriptor = Self.opened(full, flags)
    guard descriptor >= 0 else { throw FileError(call: "open", full) }
    return LocalFile(descriptor, path: full)
  }

  private static func opened(_ path: String, _ flags: Int32) -> Int32 {
    #if canImport(Glibc)
      unsafe Glibc.open(path, flags, 0o600)
    #else
      unsafe Darwin.open(path, flags, 0o600)
    #endif
  }

  public func remove(_ name: String) throws(FileError) {
    let full = path + "/" + name
    guard unsafe unlink(full) == 0 || errno == ENOENT else {
      throw FileError(call: "unlink", full)
    }
  }

  public func syncFolder() throws(FileError) {
    let descriptor = Self.opened(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(call: "open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(call: "fsync", path) }
  }
}

private final class LocalFile: LogFile {
  private let descriptor: Int32
  private let path: String
  /// The most parts that one call of `pwritev` takes.
  private static let maxPartCount = 1_024

  init(_ descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  func size() throws(FileError) -> Int {
    var info = stat()
    guard unsafe fstat(descriptor, &info) == 0 else { throw FileError(call: "fstat", path) }
    return Int(info.st_size)
  }

  func read(at position: Int, count: Int) throws(FileError) -> Buffer {
    let memory = WritableBuffer(byteCount: count)
    var done = 0
    while done < count {
      let result = unsafe pread(
        descriptor, memory.bytes.baseAddress.map { unsafe $0 + done }, count - done,
        off_t(position + done))
      if result < 0 {
        if errno == EINTR { continue }
        throw FileError(call: "pread", path)
      }
      if result == 0 { break }
      done += result
    }
    return memory.finish(byteCount: done)
  }

  func write(_ parts: [Buffer], at position: Int) throws(FileError) {
    var position = position
    var rest = parts[...]
    while !rest.isEmpty {
      let some = rest.prefix(Self.maxPartCount)
      try write(some: some, at: position)
      position += some.reduce(0) { $0 + $1.count }
      rest = rest.dropFirst(Self.maxPartCount)
    }
  }

  private func write(some parts: ArraySlice<Buffer>, at start: Int) throws(FileError) {
    var position = start
    var vectors = unsafe parts.filter { !$0.isEmpty }.map { part in
      unsafe iovec(
        iov_base: UnsafeMutableRawPointer(mutating: part.unsafeBytes.baseAddress),
        iov_len: part.count)
    }
    var first = 0
    while unsafe first < vectors.count {
      let written = unsafe vectors.withUnsafeBufferPointer { all in
        unsafe pwritev(
          descriptor, all.baseAddress.map { unsafe $0 + first }, Int32(all.count - first),
          off_t(position))
      }
      if written < 0 {
        if errno == EINTR { continue }
        throw FileError(call: "pwritev", path)
      }
      position += written
      var rest = written
      while unsafe first < vectors.count, rest >= (unsafe vectors[first].iov_len) {
        rest -= unsafe vectors[first].iov_len
        first += 1
      }
      if unsafe first < vectors.count, rest > 0 {
        unsafe vectors[first].iov_base = vectors[first].iov_base.map { unsafe $0 + rest }
        unsafe vectors[first].iov_len -= rest
      }
    }
    // What the vectors point into must live until here.
    withExtendedLifetime(parts) {}
  }

  func sync() throws(FileError) {
    #if canImport(Glibc)
      let result = fdatasync(descriptor)
    #else
      let result = fcntl(descriptor, F_FULLFSYNC)
    #endif
    guard result == 0 else { throw FileError(call: "fdatasync", path) }
  }

  func truncate(to size: Int) throws(FileError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw FileError(call: "ftruncate", path) }
  }

  func allocate(to size: Int) throws(FileError) {
    #if canImport(Glibc)
      let code = posix_fallocate(descriptor, 0, off_t(size))
      guard code == 0 else {
        errno = code
        throw FileError(call: "fallocate", path)
      }
    #else
      try truncate(to: size)
    #endif
  }
}

extension FileError {
  /// For a call that has just failed.
  init(call: String, _ path: String) {
    let code = errno
    let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    let file = path.split(separator: "/").suffix(2).joined(separator: "/")
    let kind: Kind =
      switch code {
      case ENOSPC, EDQUOT: .full
      case ENOENT: .notFound
      default: .other
      }
    self.init(kind, "\(call) of \(file): \(reason)")
  }
}
