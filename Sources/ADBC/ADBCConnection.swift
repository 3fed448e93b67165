import CADBC
internal import Synchronization

/// A session with a database.
///
/// Calls block until the database has answered. One thread at a time is inside a connection and all that comes
/// from it, another one waits; `cancel()` alone does not. Many drivers allow one open result per connection: read it to its end, or close it, before
/// the next statement. The connection is closed when the last statement and result that came from it are gone.
@safe
public final class ADBCConnection: @unchecked Sendable {
  // Sendable: `handle` is written by init and deinit only; calls on it take `lock`, except for cancel, which
  // ADBC allows at any time.
  let handle: UnsafeMutablePointer<AdbcConnection>
  let call: Call
  let lock = SerialLock()
  public let database: ADBCDatabase
  private let autocommit = Atomic(true)
  private var openResults: [ObjectIdentifier: WeakResult] = [:]
  private let openResultCount = Atomic(0)

  private struct WeakResult { weak var result: ADBCResult? }
  /// Statements that are executed, or whose result is open.
  private let running = Mutex<[ObjectIdentifier: WeakStatement]>([:])

  private struct WeakStatement: Sendable { weak let statement: ADBCStatement? }

  init(
    of database: ADBCDatabase, _ parent: UnsafeMutablePointer<AdbcDatabase>, _ call: Call,
    options: [String: OptionValue]
  ) throws(ADBCError) {
    self.database = database
    self.call = call
    unsafe handle = .allocate(capacity: 1)
    unsafe handle.initialize(to: AdbcConnection())
    // From here on `deinit` releases the handle, also when this throws.
    try unsafe call.check { error in unsafe AdbcConnectionNew(handle, error) }
    for (name, value) in options.sorted(by: { $0.key < $1.key }) {
      try unsafe OptionFunctions.connection.set(name, value, of: handle, call)
    }
    try unsafe call.check { error in unsafe AdbcConnectionInit(handle, parent, error) }
  }

  deinit {
    database.lock { unsafe call.attempt { error in unsafe AdbcConnectionRelease(handle, error) } }
    unsafe handle.deallocate()
  }

  // MARK: - Statements

  /// A new statement.
  public func statement() throws(ADBCError) -> ADBCStatement {
    try lock { () throws(ADBCError) in try ADBCStatement(on: self) }
  }

  /// A new statement with a text.
  public func statement(_ sql: String) throws(ADBCError) -> ADBCStatement {
    let statement = try statement()
    try statement.setSQL(sql)
    return statement
  }

  /// Runs a query.
  public func query(_ sql: String) throws(ADBCError) -> ADBCResult {
    try statement(sql).executeQuery()
  }

  /// Runs a statement and drops its rows.
  ///
  /// - Returns: How many rows were changed; `nil` if the driver does not know.
  @discardableResult
  public func execute(_ sql: String) throws(ADBCError) -> Int? {
    try statement(sql).executeUpdate()
  }

  /// Ends what runs on this connection, soon, with the status `cancelled`: executions and open results. From any thread.
  ///
  /// Not every driver can: then the status of the error is `notImplemented`.
  public func cancel() throws(ADBCError) {
    // Some drivers cancel statements only, some connections only.
    let statements = running.withLock { running in running.values.compactMap(\.statement) }
    var isCancelled = false
    for statement in statements { isCancelled = (try? statement.cancel()) != nil || isCancelled }
    guard !isCancelled else { return }
    try unsafe call.check { error in unsafe AdbcConnectionCancel(handle, error) }
  }

  // MARK: - Transactions

  /// Off: a transaction is open from now on, until `commit()` or `rollback()`, which begin the next one. On, as at the beginning: each statement
  /// is its own; switching it on commits.
  public func setAutocommit(_ isOn: Bool) throws(ADBCError) {
    try lock { () throws(ADBCError) in
      try setOption("adbc.connection.autocommit", .text(isOn ? "true" : "false"))
      autocommit.store(isOn, ordering: .relaxed)
    }
  }

  /// Whether each statement is a transaction of its own.
  public var isAutocommit: Bool { autocommit.load(ordering: .relaxed) }

  public func commit() throws(ADBCError) {
    try lock { () throws(ADBCError) in
      try unsafe call.check { error in unsafe AdbcConnectionCommit(handle, error) }
    }
  }

  public func rollback() throws(ADBCError) {
    try lock { () throws(ADBCError) in
      try unsafe call.check { error in unsafe AdbcConnectionRollback(handle, error) }
    }
  }

  // MARK: - Use by others

  /// Whether no transaction and no result is open. Does not block.
  public var isClean: Bool { isAutocommit && openResultCount.load(ordering: .relaxed) == 0 }

  /// Closes open results, rolls an open transaction back and switches autocommit on.
  ///
  /// Settings of the session that were changed by statements stay as they are.
  public func reset() throws(ADBCError) {
    try lock { () throws(ADBCError) in
      for open in openResults.values { open.result?.close() }
      guard !isAutocommit else { return }
      try rollback()
      try setAutocommit(true)
    }
  }

  func began(_ statement: ADBCStatement) {
    running.withLock { $0[ObjectIdentifier(statement)] = WeakStatement(statement: statement) }
  }

  func ended(_ statement: ADBCStatement) {
    running.withLock { $0[ObjectIdentifier(statement)] = nil }
  }

  /// Called with the lock.
  func opened(_ result: ADBCResult) {
    openResults[ObjectIdentifier(result)] = WeakResult(result: result)
    openResultCount.store(openResults.count, ordering: .relaxed)
  }

  /// Called with the lock.
  func closed(_ result: ADBCResult) {
    openResults[ObjectIdentifier(result)] = nil
    openResultCount.store(openResults.count, ordering: .relaxed)
  }

  // MARK: - Options

  public func setOption(_ name: String, _ value: OptionValue) throws(ADBCError) {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.connection.set(name, value, of: handle, call)
    }
  }

  public func option(_ name: String) throws(ADBCError) -> String {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.connection.text(name, of: handle, call)
    }
  }

  public func bytesOption(_ name: String) throws(ADBCError) -> [UInt8] {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.connection.bytes(name, of: handle, call)
    }
  }

  public func intOption(_ name: String) throws(ADBCError) -> Int64 {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.connection.int(name, of: handle, call)
    }
  }

  public func doubleOption(_ name: String) throws(ADBCError) -> Double {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.connection.double(name, of: handle, call)
    }
  }

  /// The catalog in which names without one are looked up.
  public var currentCatalog: String {
    get throws(ADBCError) { try option("adbc.connection.catalog") }
  }

  public func setCurrentCatalog(_ name: String) throws(ADBCError) {
    try setOption("adbc.connection.catalog", .text(name))
  }

  /// The schema in which names without one are looked up.
  public var currentSchema: String {
    get throws(ADBCError) { try option("adbc.connection.db_schema") }
  }

  public func setCurrentSchema(_ name: String) throws(ADBCError) {
    try setOption("adbc.connection.db_schema", .text(name))
  }
}
