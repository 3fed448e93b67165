import CDuckDB
import Synchronization

/// One DuckDB instance: a file or memory, its settings and its threads.
///
/// It is closed when the last connection, statement and result that came from it are gone.
@safe
public final class Database: @unchecked Sendable {
  // Sendable: `handle` is written by init and deinit only, `helpers` before others know the
  // database, and DuckDB's database is thread-safe.
  private var handle: duckdb_database
  public let library: DuckDBLibrary
  /// The file, or nil for memory.
  public let path: String?
  private let invalidated = Atomic(false)
  private let closeAction = Mutex<(@Sendable () -> Void)?>(nil)
  /// Who helps with long statements; `nil` while DuckDB has its own threads for that.
  private(set) var helpers: HelperThreads?
  /// Those of the live tables that were registered.
  var liveExecutions = LiveExecutions()

  /// Opens or creates a database.
  ///
  /// - Parameters:
  ///   - path: A file; `nil` keeps everything in memory.
  ///   - settings: DuckDB's configuration, by name; they apply before anything is read. `threads`,
  ///     `memory_limit` and `enable_external_access` hold for the whole instance.
  public init(
    _ library: DuckDBLibrary, path: String? = nil, settings: [String: String] = [:]
  ) throws(DuckDBError) {
    var config: duckdb_config?
    guard unsafe duckdb_create_config(&config) == DuckDBSuccess else {
      throw DuckDBError(kind: .outOfMemory, message: "DuckDB has no memory for its configuration")
    }
    defer { unsafe duckdb_destroy_config(&config) }
    var later: [(name: String, value: String)] = []
    for (name, value) in settings.sorted(by: { Self.rank($0.key) < Self.rank($1.key) }) {
      if Self.rank(name).0 > 0 {
        later.append((name, value))
      } else if unsafe duckdb_set_config(config, name, value) != DuckDBSuccess {
        // Unknown, a value that makes no sense, or one that needs an open database.
        later.append((name, value))
      }
    }
    var opened: duckdb_database?
    var reason: UnsafeMutablePointer<CChar>?
    let state = unsafe duckdb_open_ext(path ?? ":memory:", &opened, config, &reason)
    guard state == DuckDBSuccess, let opened = unsafe opened else {
      let message = unsafe reason.map { unsafe String(cString: $0) } ?? "cannot be opened"
      unsafe duckdb_free(reason)
      throw DuckDBError(duckDB: message)
    }
    unsafe handle = opened
    self.library = library
    self.path = path
    guard !later.isEmpty else { return }
    let connection = try connect()
    for (name, value) in later { try connection.setGlobally(name, value) }
  }

  /// DuckDB takes settings one by one, and these two forbid others. They come last.
  private static func rank(_ setting: String) -> (Int, String) {
    switch setting {
    case "enable_external_access": (1, setting)
    case "lock_configuration": (2, setting)
    default: (0, setting)
    }
  }

  deinit {
    helpers?.stop()
    var closing: duckdb_database? = unsafe handle
    unsafe duckdb_close(&closing)
    closeAction.withLock { $0 }?()
  }

  /// Calls `action` when the instance is closed: only then may its file be opened again, since one
  /// process can open a file twice, and damage it.
  public func onClose(_ action: @escaping @Sendable () -> Void) {
    closeAction.withLock { $0 = action }
  }

  /// Takes DuckDB's threads away, so that small statements run on the thread of their caller alone, and
  /// gives it threads of our own, as many, that come when a statement takes long.
  ///
  /// To be called before others use the database. The number of threads cannot be made smaller later.
  public func callThreadsOnDemand() throws(DuckDBError) {
    let connection = try connect()
    guard helpers == nil, let count = connection.setting("threads").flatMap({ Int($0) }), count > 0
    else { return }
    try connection.setGlobally("external_threads", String(count))
    helpers = unsafe HelperThreads(handle, threadCount: count - 1)
  }

  /// Whether an internal or fatal error has made the instance unusable. Close it (let go of all
  /// that came from it) and open it again; the data of a file survives.
  public var isInvalidated: Bool { invalidated.load(ordering: .relaxed) }

  /// A new connection. Cheap: 40 µs.
  public func connect() throws(DuckDBError) -> Connection {
    var connection: duckdb_connection?
    guard unsafe duckdb_connect(handle, &connection) == DuckDBSuccess,
      let connection = unsafe connection
    else {
      throw DuckDBError(kind: .other, message: "DuckDB refused a new connection")
    }
    return unsafe Connection(connection, of: self)
  }

  /// Keeps in mind what `error` says about the instance.
  func note(_ error: DuckDBError) {
    if error.invalidatesDatabase { invalidated.store(true, ordering: .relaxed) }
  }

  /// For the registration of replacement scans.
  @unsafe var unsafeHandle: duckdb_database { unsafe handle }
}
