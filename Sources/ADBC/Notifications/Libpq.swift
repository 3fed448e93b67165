internal import Libraries

#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif

/// The few functions of PostgreSQL's own client library that receive notifications, which ADBC has no calls for.
///
/// **Sendable.** `@unchecked`: addresses of functions, which do not change. The library is never closed.
@safe
struct Libpq: @unchecked Sendable {
  typealias Handle = UnsafeMutableRawPointer

  private let connect: @convention(c) (UnsafePointer<CChar>) -> Handle?
  private let status: @convention(c) (Handle) -> Int32
  private let socket: @convention(c) (Handle) -> Int32
  private let execute: @convention(c) (Handle, UnsafePointer<CChar>) -> Handle?
  private let resultStatus: @convention(c) (Handle) -> Int32
  private let clear: @convention(c) (Handle) -> Void
  private let consume: @convention(c) (Handle) -> Int32
  private let notifies: @convention(c) (Handle) -> Handle?
  private let free: @convention(c) (Handle) -> Void
  private let finish: @convention(c) (Handle) -> Void

  /// - Returns: Nil if the library is not on the machine.
  init?() {
    let names = ["libpq.so.5", "libpq.5.dylib"]
    let folders = LibrarySearch.folders() + LibrarySearch.systemFolders
    let paths = names + folders.flatMap { folder in names.map { "\(folder)/\($0)" } }
    var library: Handle?
    for path in paths where unsafe library == nil { unsafe library = dlopen(path, RTLD_NOW) }
    guard let library = unsafe library else { return nil }
    guard let connect = unsafe dlsym(library, "PQconnectdb"),
      let status = unsafe dlsym(library, "PQstatus"),
      let socket = unsafe dlsym(library, "PQsocket"),
      let execute = unsafe dlsym(library, "PQexec"),
      let resultStatus = unsafe dlsym(library, "PQresultStatus"),
      let clear = unsafe dlsym(library, "PQclear"),
      let consume = unsafe dlsym(library, "PQconsumeInput"),
      let notifies = unsafe dlsym(library, "PQnotifies"),
      let free = unsafe dlsym(library, "PQfreemem"),
      let finish = unsafe dlsym(library, "PQfinish")
    else { return nil }
    unsafe self.connect = unsafeBitCast(connect, to: type(of: self.connect))
    unsafe self.status = unsafeBitCast(status, to: type(of: self.status))
    unsafe self.socket = unsafeBitCast(socket, to: type(of: self.socket))
    unsafe self.execute = unsafeBitCast(execute, to: type(of: self.execute))
    unsafe self.resultStatus = unsafeBitCast(resultStatus, to: type(of: self.resultStatus))
    unsafe self.clear = unsafeBitCast(clear, to: type(of: self.clear))
    unsafe self.consume = unsafeBitCast(consume, to: type(of: self.consume))
    unsafe self.notifies = unsafeBitCast(notifies, to: type(of: self.notifies))
    unsafe self.free = unsafeBitCast(free, to: type(of: self.free))
    unsafe self.finish = unsafeBitCast(finish, to: type(of: self.finish))
  }

  /// A connection that listens; closed with the value. Used by one thread.
  @safe
  struct Connection: ~Copyable {
    private let library: Libpq
    private let handle: Handle

    /// Connects and listens. Blocks.
    ///
    /// - Returns: Nil if that fails.
    init?(_ library: Libpq, uri: String, channel: String) {
      guard let handle = unsafe library.connect(uri) else { return nil }
      let quoted = "\"" + channel.flatMap { $0 == "\"" ? ["\"", "\""] : [$0] } + "\""
      var isListening = false
      if unsafe library.status(handle) == 0,
        let result = unsafe library.execute(handle, "LISTEN \(quoted)")
      {
        // PGRES_COMMAND_OK
        isListening = unsafe library.resultStatus(result) == 1
        unsafe library.clear(result)
      }
      guard isListening else {
        unsafe library.finish(handle)
        return nil
      }
      self.library = library
      unsafe self.handle = handle
    }

    deinit { unsafe library.finish(handle) }

    /// Waits for notifications.
    ///
    /// - Returns: What they say; nil if the connection is lost.
    func receive(atMost milliseconds: Int32) -> [String]? {
      var descriptor = unsafe pollfd(
        fd: library.socket(handle), events: Int16(POLLIN), revents: 0)
      guard descriptor.fd >= 0 else { return nil }
      _ = unsafe poll(&descriptor, 1, milliseconds)
      guard unsafe library.consume(handle) == 1, unsafe library.status(handle) == 0 else {
        return nil
      }
      var payloads: [String] = []
      while let notification = unsafe library.notifies(handle) {
        // char *relname; int be_pid; char *extra;
        let place = 2 * MemoryLayout<Int>.stride
        let text = unsafe notification.load(
          fromByteOffset: place, as: UnsafePointer<CChar>?.self)
        payloads.append(unsafe (text.map { unsafe String(cString: $0) }) ?? "")
        unsafe library.free(notification)
      }
      return payloads
    }
  }
}
