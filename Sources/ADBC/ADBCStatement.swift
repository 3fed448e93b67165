import CADBC
internal import Synchronization
public import Columnar

/// One statement of a connection: its text, its parameters, its options.
///
/// It may be executed again and again; each execution ends the result of the one before. Calls block and take turns with
/// all others of the connection, except for `cancel()`.
@safe
public final class ADBCStatement: @unchecked Sendable {
  // Sendable: `handle` is written by init and deinit only; calls on it take the connection's lock.
  let handle: UnsafeMutablePointer<AdbcStatement>
  public let connection: ADBCConnection
  private weak var openResult: ADBCResult?
  /// The rows that the next execution pulls.
  private var source: BoundSource?

  var call: Call { connection.call }
  var lock: SerialLock { connection.lock }

  /// Called with the connection's lock.
  init(on connection: ADBCConnection) throws(ADBCError) {
    self.connection = connection
    unsafe handle = .allocate(capacity: 1)
    unsafe handle.initialize(to: AdbcStatement())
    // From here on `deinit` releases the handle, also when this throws.
    try unsafe connection.call.check { error in
      unsafe AdbcStatementNew(connection.handle, handle, error)
    }
  }

  deinit {
    lock { unsafe call.attempt { error in unsafe AdbcStatementRelease(handle, error) } }
    unsafe handle.deallocate()
  }

  public func setSQL(_ sql: String) throws(ADBCError) {
    try refuseZero(in: [sql])
    try unsafe check { handle, error in unsafe AdbcStatementSetSqlQuery(handle, sql, error) }
  }

  /// Has the database parse and plan the statement, so that parameters can be described and executions are cheaper.
  public func prepare() throws(ADBCError) {
    try unsafe check { handle, error in unsafe AdbcStatementPrepare(handle, error) }
  }

  /// The parameters of the prepared statement; those of unknown type are `null`.
  public func parameterSchema() throws(ADBCError) -> Schema {
    try lock { () throws(ADBCError) in
      try unsafe connection.importSchema { target, error in
        unsafe AdbcStatementGetParameterSchema(handle, target, error)
      }
    }
  }

  /// The columns that the query would return. Runs nothing; some drivers cannot.
  public func executeSchema() throws(ADBCError) -> Schema {
    try lock { () throws(ADBCError) in
      openResult?.close()
      return try unsafe connection.importSchema { target, error in
        unsafe AdbcStatementExecuteSchema(handle, target, error)
      }
    }
  }

  // MARK: - Parameters

  /// Binds the rows of a batch: the statement is executed once for each of them. Shared, not copied.
  public func bind(_ batch: Batch) throws(ADBCError) {
    let room = CStructs()
    try lock { () throws(ADBCError) in
      source = nil
      unsafe CData.exportBatch(batch, to: room.array)
      unsafe CData.exportSchema(batch.schema, to: room.schema)
      try unsafe call.check { error in
        unsafe AdbcStatementBind(handle, room.array, room.schema, error)
      }
    }
  }

  /// Binds a stream of batches, which the next execution pulls, on its own thread.
  ///
  /// - Parameter next: The next batch; nil ends the stream. An error ends the execution.
  public func bind(
    schema: Schema, next: @escaping @Sendable () throws -> Batch?
  ) throws(ADBCError) {
    let room = CStructs()
    try lock { () throws(ADBCError) in
      let source = BoundSource(next)
      self.source = source
      unsafe CData.exportStream(schema: schema, to: room.stream) { try source.pull() }
      try unsafe call.check { error in unsafe AdbcStatementBindStream(handle, room.stream, error) }
    }
  }

  // MARK: - Execution

  /// Runs the statement. Returns as soon as the columns are known; rows are computed, or fetched, as they are pulled.
  public func executeQuery() throws(ADBCError) -> ADBCResult {
    try lock { () throws(ADBCError) in
      openResult?.close()
      var rowCount: Int64 = -1
      let result = try explained { () throws(ADBCError) in
        let result = try unsafe ADBCResult(from: connection, keeping: self) { stream, error in
          unsafe AdbcStatementExecuteQuery(handle, stream, &rowCount, error)
        }
        openResult = result
        return result
      }
      result.rowsAffected = rowCount < 0 ? nil : Int(rowCount)
      return result
    }
  }

  /// Runs the statement to its end and drops its rows.
  ///
  /// - Returns: How many rows were changed; `nil` if the driver does not know.
  @discardableResult
  public func executeUpdate() throws(ADBCError) -> Int? {
    try lock { () throws(ADBCError) in
      openResult?.close()
      var rowCount: Int64 = -1
      try explained { () throws(ADBCError) in
        try unsafe call.check { error in
          unsafe AdbcStatementExecuteQuery(handle, nil, &rowCount, error)
        }
      }
      return rowCount < 0 ? nil : Int(rowCount)
    }
  }

  /// Runs the statement and returns its result in parts that any connection can read, at the same time.
  public func executePartitions() throws(ADBCError) -> ADBCPartitions {
    try lock { () throws(ADBCError) in
      openResult?.close()
      var parts = unsafe AdbcPartitions()
      var rowCount: Int64 = -1
      let schema = try unsafe connection.importSchema(isOptional: true) { target, error in
        unsafe AdbcStatementExecutePartitions(handle, target, &parts, &rowCount, error)
      }
      defer { if let release = unsafe parts.release { unsafe release(&parts) } }
      var made: [[UInt8]] = []
      for index in 0..<(unsafe parts.num_partitions) {
        let length = unsafe parts.partition_lengths?[index] ?? 0
        let bytes = unsafe UnsafeBufferPointer(start: parts.partitions?[index], count: length)
        unsafe made.append(Array(bytes))
      }
      return ADBCPartitions(
        schema: schema, partitions: made, rowsAffected: rowCount < 0 ? nil : Int(rowCount))
    }
  }

  /// Ends the execution, soon, with the status `cancelled`. From any thread.
  ///
  /// Not every driver can: then the status of the error is `notImplemented`.
  public func cancel() throws(ADBCError) {
    try unsafe call.check { error in unsafe AdbcStatementCancel(handle, error) }
  }

  // MARK: - Options

  public func setOption(_ name: String, _ value: OptionValue) throws(ADBCError) {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.statement.set(name, value, of: handle, call)
    }
  }

  public func option(_ name: String) throws(ADBCError) -> String {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.statement.text(name, of: handle, call)
    }
  }

  public func bytesOption(_ name: String) throws(ADBCError) -> [UInt8] {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.statement.bytes(name, of: handle, call)
    }
  }

  public func intOption(_ name: String) throws(ADBCError) -> Int64 {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.statement.int(name, of: handle, call)
    }
  }

  public func doubleOption(_ name: String) throws(ADBCError) -> Double {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.statement.double(name, of: handle, call)
    }
  }

  /// Sees to it that an error of the bound rows is told: some drivers take it for the end of the rows, others hide its words.
  private func explained<Value>(
    _ execute: () throws(ADBCError) -> Value
  ) throws(ADBCError) -> Value {
    let value: Value
    connection.began(self)
    // An open result goes on until it is closed.
    defer { if openResult == nil { connection.ended(self) } }
    do throws(ADBCError) {
      value = try execute()
    } catch {
      guard let failure = source?.failure, !error.message.contains(failure) else { throw error }
      var explained = error
      explained.message += ": \(failure)"
      throw explained
    }
    if let failure = source?.failure { throw ADBCError(.invalidData, failure) }
    return value
  }

  /// Why the bound rows ended early.
  var sourceFailure: String? { source?.failure }

  private func check(
    _ function: (UnsafeMutablePointer<AdbcStatement>, UnsafeMutablePointer<AdbcError>) ->
      AdbcStatusCode
  ) throws(ADBCError) {
    try lock { () throws(ADBCError) in
      try unsafe call.check { error in unsafe function(handle, error) }
    }
  }
}

/// A result in parts.
public struct ADBCPartitions: Hashable, Sendable {
  /// `nil` if the driver does not tell before the parts are read.
  public var schema: Schema?
  /// Each for `ADBCConnection.readPartition`.
  public var partitions: [[UInt8]]
  public var rowsAffected: Int?
}

/// Rows that are bound, and why they ended.
private final class BoundSource: Sendable {
  private let next: @Sendable () throws -> Batch?
  private let error = Mutex<String?>(nil)

  init(_ next: @escaping @Sendable () throws -> Batch?) { self.next = next }

  var failure: String? { error.withLock { $0 } }

  func pull() throws -> Batch? {
    do {
      return try next()
    } catch {
      let text = "\(error)"
      self.error.withLock { $0 = text }
      throw error
    }
  }
}
