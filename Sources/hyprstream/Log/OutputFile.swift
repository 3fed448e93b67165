internal import Columnar
private import Glibc

/// A file, or standard output, that bytes are written to.
final class OutputFile {
  private let descriptor: Int32
  private let path: String?
  private(set) var byteCount = 0

  /// - Parameter path: Made or replaced; nil takes standard output.
  init(_ path: String?) throws(LogCommandFailure) {
    self.path = path
    guard let path else {
      descriptor = STDOUT_FILENO
      return
    }
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw Self.failure("cannot write \(path)") }
  }

  func write(_ bytes: Buffer) throws(LogCommandFailure) {
    var position = 0
    let total = bytes.count
    while position < total {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes.unsafeBytes[position...])
      let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("cannot write \(path ?? "standard output")") }
      position += count
    }
    byteCount += total
  }

  /// Returns when a file would survive a power cut.
  func close() throws(LogCommandFailure) {
    guard let path else { return }
    defer { Glibc.close(descriptor) }
    if fsync(descriptor) != 0 { throw Self.failure("cannot write \(path)") }
  }

  static func isFolder(_ path: String) -> Bool {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor >= 0 { Glibc.close(descriptor) }
    return descriptor >= 0
  }

  private static func failure(_ what: String) -> LogCommandFailure {
    LogCommandFailure("\(what): \(unsafe String(cString: strerror(errno)))")
  }
}
