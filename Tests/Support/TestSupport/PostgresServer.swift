import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A PostgreSQL server of a test: in a folder of its own, on a free port of this machine and a socket, stopped and
/// removed when the object, or the test process, is gone.
public final class PostgresServer: @unchecked Sendable {
  // Sendable: tests start and stop it one after the other.
  public enum Failure: Error, CustomStringConvertible {
    case noPrograms
    case failed(command: String, output: String)

    public var description: String {
      switch self {
      case .noPrograms:
        "no PostgreSQL server programs were found; install the package postgresql (scripts/setup), "
          + "or set HYPRSTREAM_POSTGRES_BIN to the folder of initdb and pg_ctl"
      case .failed(let command, let output): "\(command) failed: \(output)"
      }
    }
  }

  /// Of the user `postgres`. Needs encoding in a URI, and quotes elsewhere.
  public static let password = "s3cret p@ss/w%rd'?"

  public let port: Int
  /// Where the socket is.
  public let folder: String
  private let programs: String
  private var watch: FileHandle?

  /// Makes a cluster and starts the server.
  public init() throws {
    programs = try Self.programFolder()
    var template = Array("/tmp/hspg-XXXXXX".utf8CString)
    guard let made = unsafe mkdtemp(&template) else {
      throw Failure.failed(command: "mkdtemp", output: "errno \(errno)")
    }
    folder = unsafe String(cString: made)
    port = try Self.freePort()
    try watchOver()
    try "\(Self.password)\n".write(toFile: "\(folder)/password", atomically: false, encoding: .utf8)
    if getuid() == 0 { try Self.run("chown", ["-R", "postgres", folder]) }
    try runAsOwner(
      "initdb",
      [
        "--pgdata", "\(folder)/data", "--username", "postgres", "--pwfile", "\(folder)/password",
        "--auth-host", "scram-sha-256", "--auth-local", "trust", "--encoding", "UTF8", "--locale",
        "C.UTF-8",
        "--no-sync", "--no-instructions",
      ])
    try start()
  }

  deinit {
    // The watcher stops the server and removes the folder when its input ends.
    try? watch?.close()
  }

  /// Starts a server that was stopped; returns when it takes connections.
  public func start() throws {
    let options =
      "-c listen_addresses=127.0.0.1 -c port=\(port) -c unix_socket_directories=\(folder) "
      + "-c fsync=off -c shared_buffers=64MB -c max_connections=40"
    try runAsOwner(
      "pg_ctl",
      [
        "--pgdata", "\(folder)/data", "--log", "\(folder)/log", "--wait", "--options", options,
        "start",
      ])
  }

  /// Stops the server as a crash would: no connection is asked.
  public func kill() throws {
    try runAsOwner(
      "pg_ctl", ["--pgdata", "\(folder)/data", "--mode", "immediate", "--wait", "stop"])
  }

  /// A connection string over TCP, with credentials.
  public func uri(database: String = "postgres", password: String = PostgresServer.password)
    -> String
  {
    "postgresql://postgres:\(Self.encode(password))@127.0.0.1:\(port)/\(database)"
  }

  /// A connection string over TCP, without credentials.
  public func bareURI(database: String = "postgres") -> String {
    "postgresql://127.0.0.1:\(port)/\(database)"
  }

  /// A connection string over the socket, which needs no password.
  public func socketURI(database: String = "postgres") -> String {
    "postgresql://postgres@/\(database)?host=\(Self.encode(folder))&port=\(port)"
  }

  private static func encode(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
  }

  // MARK: - Processes

  private func runAsOwner(_ program: String, _ arguments: [String]) throws {
    let path = "\(programs)/\(program)"
    if getuid() == 0 {
      // The server refuses to run as root.
      try Self.run("runuser", ["-u", "postgres", "--", path] + arguments)
    } else {
      try Self.run(path, arguments)
    }
  }

  /// Sees to it that nothing is left behind, also when the tests crash.
  private func watchOver() throws {
    let stop = "\(programs)/pg_ctl --pgdata \(folder)/data --mode immediate --wait stop"
    let stopAsOwner = getuid() == 0 ? "runuser -u postgres -- \(stop)" : stop
    let command =
      "trap '' INT; cat >/dev/null 2>&1; cd /; \(stopAsOwner) >/dev/null 2>&1; rm -rf \(folder)"
    let pipe = Pipe()
    let end = pipe.fileHandleForWriting
    // Servers that are started later must not hold it.
    _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
    _ = try Self.spawn(["/bin/sh", "-c", command], input: pipe.fileHandleForReading.fileDescriptor)
    watch = end
  }

  /// Runs a program to its end. A daemon that it leaves behind is not waited for.
  private static func run(_ program: String, _ arguments: [String]) throws {
    let output = "/tmp/hspg-output-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: output) }
    let id = try spawn(["/usr/bin/env", program] + arguments, output: output)
    var status: Int32 = 0
    while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
    guard status == 0 else {
      throw Failure.failed(
        command: ([program] + arguments).joined(separator: " "),
        output: (try? String(contentsOfFile: output, encoding: .utf8)) ?? "status \(status)")
    }
  }

  /// Foundation's `Process` waits for all who have its files open, such as a daemon.
  private static func spawn(
    _ words: [String], input: Int32? = nil, output: String = "/dev/null"
  ) throws -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if let input {
      unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    defer { unsafe arguments.forEach { unsafe free($0) } }
    var id = pid_t()
    let code = unsafe posix_spawn(&id, words[0], &actions, nil, &arguments, unsafe environ)
    guard code == 0 else {
      throw Failure.failed(command: words.joined(separator: " "), output: "errno \(code)")
    }
    return id
  }

  private static func programFolder() throws -> String {
    if let chosen = ProcessInfo.processInfo.environment["HYPRSTREAM_POSTGRES_BIN"] { return chosen }
    let root = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let folders = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
    let others = ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"]
    for folder in folders + others
    where FileManager.default.isExecutableFile(atPath: "\(folder)/initdb") {
      return folder
    }
    throw Failure.noPrograms
  }

  private static func freePort() throws -> Int {
    let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(handle) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe bind(handle, generic, length) == 0 && getsockname(handle, generic, &length) == 0
      }
    }
    guard isBound else { throw Failure.failed(command: "bind", output: "errno \(errno)") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
