import CDuckDB
import Synchronization

/// A session with a database: settings, temporary tables and one transaction at a time.
///
/// Calls block. One thread uses a connection, and all that comes from it, at a time, except for
/// `interrupt()` and `progress`. A new statement ends an open result of the same connection.
@safe
public final class Connection: @unchecked Sendable {
  // Sendable: callers see to it that one thread at a time uses the connection; `handle` is
  // written by init and deinit only, and interrupt and progress are thread-safe in DuckDB.
  private let handle: duckdb_connection
  private var context: duckdb_client_context?
  public let database: Database
  /// Whether a transaction that was begun by a statement is open.
  public internal(set) var isInTransaction = false

  init(_ handle: duckdb_connection, of database: Database) {
    unsafe self.handle = handle
    self.database = database
  }

  deinit {
    database.liveExecutions.forget(number)
    if unsafe context != nil { unsafe duckdb_destroy_client_context(&context) }
    var closing: duckdb_connection? = unsafe handle
    unsafe duckdb_disconnect(&closing)
  }

  /// Runs all statements of `sql`, one after the other, and drops their results. Stops at the
  /// first that fails.
  public func execute(_ sql: String) throws(DuckDBError) {
    let statements = try extract(sql)
    for index in 0..<statements.count {
      let result = try statements.prepare(index).execute()
      while try result.skipChunk() {}
    }
  }

  /// Prepares the only statement of `sql`.
  public func prepare(_ sql: String) throws(DuckDBError) -> PreparedStatement {
    var statement: duckdb_prepared_statement?
    let state = unsafe duckdb_prepare(handle, sql, &statement)
    return try unsafe PreparedStatement(statement, state, on: self, sql: sql, index: 0)
  }

  /// Parses several statements, which are then prepared one by one, each after the one before it
  /// has run.
  public func extract(_ sql: String) throws(DuckDBError) -> ExtractedStatements {
    var statements: duckdb_extracted_statements?
    let count = unsafe duckdb_extract_statements(handle, sql, &statements)
    let extracted = unsafe ExtractedStatements(statements, count: Int(count), of: self, sql: sql)
    if count == 0, let reason = unsafe duckdb_extract_statements_error(statements) {
      throw failure(unsafe String(cString: reason), sql: sql)
    }
    return extracted
  }

  /// Ends what runs on this connection, soon, with an error of kind `interrupted`. From any thread.
  public func interrupt() {
    unsafe duckdb_interrupt(handle)
    let number = knownNumber.load(ordering: .acquiring)
    if number > 0 { database.liveExecutions.interrupt(number) }
  }

  /// How far the running statement is, if DuckDB can tell: `fraction` is from 0 to 1. From any
  /// thread. DuckDB keeps count only while its setting `enable_progress_bar` is on.
  public var progress: Progress? {
    let progress = unsafe duckdb_query_progress(handle)
    guard progress.percentage >= 0, progress.total_rows_to_process > 0 else { return nil }
    return Progress(
      fraction: min(progress.percentage / 100, 1), rowsDone: progress.rows_processed,
      rowsTotal: progress.total_rows_to_process)
  }

  /// What DuckDB calls the connection in its own callbacks; 0 if it does not say.
  private(set) lazy var number: UInt64 = {
    if unsafe context == nil { unsafe duckdb_connection_get_client_context(handle, &context) }
    guard let context = unsafe context else { return 0 }
    let number = unsafe duckdb_client_context_get_connection_id(context)
    knownNumber.store(number, ordering: .releasing)
    return number
  }()
  /// The same for other threads; 0 before the first statement.
  private let knownNumber = Atomic<UInt64>(0)

  /// How far a statement is.
  public struct Progress: Hashable, Sendable {
    /// From 0 to 1.
    public var fraction: Double
    public var rowsDone: UInt64
    public var rowsTotal: UInt64
  }

  /// The current value of a setting, as text. Runs no statement, so an open result stays open.
  public func setting(_ name: String) -> String? {
    if unsafe context == nil { unsafe duckdb_connection_get_client_context(handle, &context) }
    guard let context = unsafe context,
      let value = unsafe duckdb_client_context_get_config_option(context, name, nil)
    else { return nil }
    let text = unsafe duckdb_get_varchar(value)
    defer {
      unsafe duckdb_free(text)
      var gone: duckdb_value? = unsafe value
      unsafe duckdb_destroy_value(&gone)
    }
    return unsafe text.map { unsafe String(cString: $0) }
  }

  /// Changes a setting of the whole instance.
  func setGlobally(_ name: String, _ value: String) throws(DuckDBError) {
    let quotedName = "\"" + name.split(separator: "\"").joined() + "\""
    let quotedValue =
      "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
      + "'"
    do throws(DuckDBError) {
      try execute("SET GLOBAL \(quotedName) = \(quotedValue)")
    } catch {
      throw DuckDBError(kind: .invalidInput, message: "setting \(name): \(error.message)")
    }
  }

  /// The session's time zone, which results of type TIMESTAMPTZ carry.
  var timeZone: String { setting("TimeZone") ?? "UTC" }

  /// An error with DuckDB's `message`; the database learns of it.
  func failure(_ message: String, sql: String?) -> DuckDBError {
    let error = DuckDBError(duckDB: message, sql: sql)
    database.note(error)
    return error
  }

  @unsafe var unsafeHandle: duckdb_connection { unsafe handle }
}

/// Statements that were parsed together.
@safe
public final class ExtractedStatements: @unchecked Sendable {
  // Sendable: used by one thread at a time, as its connection is.
  private var handle: duckdb_extracted_statements?
  private let connection: Connection
  private let sql: String
  public let count: Int
  /// Where the statements are in `sql`; empty if DuckDB and `StatementHeads` count differently.
  private let ranges: [Range<Int>]

  init(_ handle: duckdb_extracted_statements?, count: Int, of connection: Connection, sql: String) {
    unsafe self.handle = handle
    self.count = count
    self.connection = connection
    self.sql = sql
    let found = count > 1 ? StatementHeads(of: sql).ranges : []
    ranges = found.count == count ? found : []
  }

  deinit { unsafe duckdb_destroy_extracted(&handle) }

  /// Prepares the statement at `index`, from 0.
  public func prepare(_ index: Int) throws(DuckDBError) -> PreparedStatement {
    precondition(index >= 0 && index < count, "there is no statement \(index) of \(count)")
    if index < ranges.count { return try prepareText(ranges[index]) }
    var statement: duckdb_prepared_statement?
    let state = unsafe duckdb_prepare_extracted_statement(
      connection.unsafeHandle, handle, UInt64(index), &statement)
    return try unsafe PreparedStatement(statement, state, on: connection, sql: sql, index: index)
  }

  /// Prepares a part of the text by itself: DuckDB's errors say where the mistake is in the text
  /// only if the statement is alone in it.
  private func prepareText(_ range: Range<Int>) throws(DuckDBError) -> PreparedStatement {
    let text = String(decoding: Array(sql.utf8)[range], as: UTF8.self)
    do throws(DuckDBError) {
      return try connection.prepare(text)
    } catch {
      var placed = error
      placed.sql = sql
      placed.position = error.position.map { $0 + range.lowerBound }
      throw placed
    }
  }
}
