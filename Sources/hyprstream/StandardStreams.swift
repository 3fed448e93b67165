private import Glibc

/// Writing to the process's streams, whole texts at a time.
enum StandardStreams {
  /// Writes to standard output at once. A reader that has gone away is not an error of ours.
  static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// Writes a line of the log.
  static func log(_ line: String) { write(line, to: STDERR_FILENO) }

  /// Writes a sentence to standard error.
  static func complain(_ sentence: String) { write(sentence + "\n", to: STDERR_FILENO) }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}

/// The variables that the process was started with.
enum ProcessEnvironment {
  static func variables() -> [String: String] {
    var variables: [String: String] = [:]
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let pair = unsafe String(cString: text)
      if let equals = pair.firstIndex(of: "=") {
        variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
      }
      unsafe entry += 1
    }
    return variables
  }
}

/// What is set once for the whole process.
enum ThisProcess {
  /// Ignores SIGPIPE (a closed connection is an error code, not the end) and raises the number of files
  /// that may be open to what the system grants.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// Ends without waiting for anything.
  static func exitAtOnce(code: Int32) -> Never { _exit(code) }
}
