internal import Columnar
private import Glibc

/// Where results go: standard output or a file. Collects small writes.
///
/// Used by one task.
public final class Output {
  private let descriptor: Int32
  private let ownsDescriptor: Bool
  private var bytes: [UInt8] = []
  private let flushByteCount = 64 << 10

  public static func standard() -> Output { Output(descriptor: STDOUT_FILENO, owns: false) }

  /// A file that is made or emptied.
  public convenience init(path: String) throws(ShellFailure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? ""
      throw .command("cannot write to \(path): \(reason)")
    }
    self.init(descriptor: descriptor, owns: true)
  }

  init(descriptor: Int32, owns: Bool) {
    self.descriptor = descriptor
    ownsDescriptor = owns
  }

  deinit {
    try? flush()
    if ownsDescriptor { close(descriptor) }
  }

  public var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Cells of a line of the terminal, if it is one.
  public var lineWidth: Int? {
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }

  public func write(_ text: String) throws(ShellFailure) {
    bytes.append(contentsOf: text.utf8)
    if bytes.count >= flushByteCount { try flush() }
  }

  public func write(_ more: some Sequence<UInt8>) throws(ShellFailure) {
    bytes.append(contentsOf: more)
    if bytes.count >= flushByteCount { try flush() }
  }

  /// Writes the bytes of a buffer.
  func write(_ buffer: Buffer) throws(ShellFailure) {
    unsafe bytes.append(contentsOf: buffer.unsafeBytes)
    if bytes.count >= flushByteCount { try flush() }
  }

  public func flush() throws(ShellFailure) {
    defer { bytes.removeAll(keepingCapacity: true) }
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(
          descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .outputClosed }
      done += count
    }
  }
}
