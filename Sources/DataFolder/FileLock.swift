#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// An exclusive lock on a file, released by the kernel when the value or the process goes away.
final class FileLock: Sendable {
  private let descriptor: Int32

  /// - Parameter folder: What the lock stands for, for the error.
  init(path: String, folder: String) throws(DataFolderError) {
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Files.failure("open", path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let isTaken = errno == EWOULDBLOCK
      let failure = Files.failure("flock", path)
      close(descriptor)
      guard isTaken else { throw failure }
      let text = try Files.read(path, limitBytes: 32)
      throw .locked(folder: folder, processID: text.flatMap { Int($0.prefix { $0 != "\n" }) })
    }
    self.descriptor = descriptor
    let text = Array("\(getpid())\n".utf8)
    let isWritten = unsafe text.withUnsafeBytes { bytes in
      unsafe ftruncate(descriptor, 0) == 0
        && pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count
    }
    guard isWritten else { throw Files.failure("write", path) }
  }

  deinit { close(descriptor) }
}
