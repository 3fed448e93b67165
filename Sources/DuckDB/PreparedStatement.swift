import CDuckDB
public import Columnar

/// A parameter of a prepared statement.
public struct Parameter: Hashable, Sendable {
  /// `1` for the first of `?` or `$1`; `$name` for a named one.
  public var name: String
  /// From 1, as `bind` counts.
  public var index: Int
  /// The Arrow type that DuckDB expects, or nil if any will do.
  public var type: DataType?
}

/// A statement that was parsed and planned, to be run any number of times.
///
/// A plan is kept between runs only if the statement has no parameters. Used by one thread at a
/// time, as its connection is.
@safe
public final class PreparedStatement: @unchecked Sendable {
  // Sendable: used by one thread at a time.
  private var handle: duckdb_prepared_statement?
  public let connection: Connection
  /// The text it came from, which may hold other statements too.
  public let sql: String
  public let statementType: StatementType
  public let parameterCount: Int
  private let index: Int
  private var columns: ResultColumns?

  init(
    _ handle: duckdb_prepared_statement?, _ state: duckdb_state, on connection: Connection,
    sql: String, index: Int
  ) throws(DuckDBError) {
    unsafe self.handle = handle
    self.connection = connection
    self.sql = sql
    self.index = index
    guard state == DuckDBSuccess else {
      statementType = .invalid
      parameterCount = 0
      let reason = unsafe duckdb_prepare_error(handle)
      let message = unsafe reason.map { unsafe String(cString: $0) } ?? "cannot be prepared"
      unsafe duckdb_destroy_prepare(&self.handle)
      throw connection.failure(message, sql: sql)
    }
    statementType = unsafe StatementType(code: duckdb_prepared_statement_type(handle))
    parameterCount = unsafe Int(duckdb_nparams(handle))
  }

  deinit { unsafe duckdb_destroy_prepare(&handle) }

  /// Its parameters, in order of their index.
  public var parameters: [Parameter] {
    guard parameterCount > 0 else { return [] }
    return (1...parameterCount).map { index in
      let text = unsafe duckdb_parameter_name(handle, UInt64(index))
      defer { unsafe duckdb_free(UnsafeMutableRawPointer(mutating: text)) }
      let name = unsafe text.map { unsafe String(cString: $0) } ?? "\(index)"
      let isNumber = name.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      return Parameter(
        name: isNumber ? name : "$" + name, index: index, type: parameterType(index))
    }
  }

  private func parameterType(_ index: Int) -> DataType? {
    guard let type = unsafe duckdb_param_logical_type(handle, UInt64(index)) else { return nil }
    let logical = unsafe LogicalType(type)
    switch logical.id {
    case DUCKDB_TYPE_INVALID, DUCKDB_TYPE_ANY, DUCKDB_TYPE_SQLNULL: return nil
    default: return try? logical.arrowType(timeZone: { self.connection.timeZone })
    }
  }

  /// The schema that results will have. Columns whose type depends on parameters that DuckDB
  /// cannot resolve yet are of type null.
  public var resultSchema: Schema {
    get throws(DuckDBError) { try resultColumns().schema }
  }

  func resultColumns() throws(DuckDBError) -> ResultColumns {
    if let columns { return columns }
    var made = try unsafe ResultColumns(of: handle, connection)
    if parameterCount > 0, made.areUnresolved, let guess = schemaWithoutParameters() {
      made = ResultColumns(guessed: guess)
    }
    columns = made
    return made
  }

  /// DuckDB tells no columns while a parameter's type is open. Text in place of the parameters, and
  /// NULL in their place, tell them; a column that differs depends on a parameter.
  private func schemaWithoutParameters() -> Schema? {
    let bytes = Array(sql.utf8)
    let schemas = ["NULL::VARCHAR", "NULL"].compactMap { stand -> Schema? in
      var text: [UInt8] = []
      var end = 0
      for parameter in StatementHeads(of: sql).parameters {
        text += bytes[end..<parameter.lowerBound] + Array(stand.utf8)
        end = parameter.upperBound
      }
      text += bytes[end...]
      return try? connection.prepare(String(decoding: text, as: UTF8.self)).resultSchema
    }
    guard var schema = schemas.first else { return nil }
    if let other = schemas.last, other.fields.count == schema.fields.count {
      for (index, field) in other.fields.enumerated() where field.type != schema.fields[index].type
      {
        schema.fields[index].type = .null
      }
    }
    return schema
  }

  /// Forgets all bound values.
  public func clearBindings() { unsafe _ = duckdb_clear_bindings(handle) }

  /// Binds parameters 1, 2, … to row `row` of the columns of `batch`, in order.
  public func bind(row: Int, of batch: Batch) throws(DuckDBError) {
    for (position, column) in batch.columns.enumerated() {
      try bind(position + 1, to: column, row: row, name: batch.schema.fields[position].name)
    }
  }

  /// Binds parameter `index` (from 1) to one value.
  public func bind(
    _ index: Int, to column: Column, row: Int, name: String? = nil
  ) throws(DuckDBError) {
    precondition(row >= 0 && row < column.count, "row \(row) of \(column.count)")
    let binding = ParameterBinding(name: name ?? "parameter \(index)")
    let state = try unsafe binding.bind(handle, UInt64(index), column, row)
    guard state == DuckDBSuccess else {
      let reason = unsafe duckdb_prepare_error(handle)
      let message =
        unsafe reason.map { unsafe String(cString: $0) }
        ?? "the statement has no parameter \(index)"
      throw DuckDBError(kind: .invalidInput, message: message, sql: sql)
    }
  }

  /// Starts the statement. For one that returns rows, they are computed as they are pulled; any
  /// other has done its work when this returns.
  ///
  /// - Parameter onLong: Called once, during this call or a later one of the result's, if the statement
  ///   turns out not to be a small one.
  public func execute(onLong: (() -> Void)? = nil) throws(DuckDBError) -> ResultStream {
    connection.database.liveExecutions.begin(on: connection.number)
    var pending: duckdb_pending_result?
    let started = unsafe duckdb_pending_prepared_streaming(handle, &pending)
    defer { unsafe duckdb_destroy_pending(&pending) }
    guard started == DuckDBSuccess else {
      let reason = unsafe duckdb_pending_error(pending)
      let message = unsafe reason.map { unsafe String(cString: $0) } ?? "cannot be started"
      throw failed(message)
    }
    var help = Help(from: connection.database.helpers, onCall: onLong)
    guard unsafe work(on: pending, calling: &help) else {
      let reason = unsafe duckdb_pending_error(pending)
      throw failed(unsafe reason.map { unsafe String(cString: $0) } ?? "failed")
    }
    var result = unsafe duckdb_result()
    guard unsafe duckdb_execute_pending(pending, &result) == DuckDBSuccess else {
      let reason = unsafe duckdb_result_error(&result)
      let message = unsafe reason.map { unsafe String(cString: $0) } ?? "failed"
      unsafe duckdb_destroy_result(&result)
      throw failed(message)
    }
    if statementType == .transaction { noteTransaction(succeeded: true) }
    return try unsafe ResultStream(result, of: self, help)
  }

  /// Works until the statement has its first rows, or until it has called for help.
  ///
  /// - Returns: `false` if it has failed.
  private func work(on pending: duckdb_pending_result?, calling help: inout Help) -> Bool {
    let effort = Effort()
    while true {
      switch unsafe duckdb_pending_execute_task(pending) {
      case DUCKDB_PENDING_RESULT_READY: return true
      case DUCKDB_PENDING_ERROR: return false
      case DUCKDB_PENDING_RESULT_NOT_READY where !effort.isLarge: continue
      default:
        help.call()
        return true
      }
    }
  }

  private func failed(_ message: String) -> DuckDBError {
    if statementType == .transaction { noteTransaction(succeeded: false) }
    return connection.failure(message, sql: sql)
  }

  private func noteTransaction(succeeded: Bool) {
    switch StatementHeads(of: sql).keyword(index) {
    case "BEGIN", "START": if succeeded { connection.isInTransaction = true }
    // A COMMIT that fails has rolled back.
    case "COMMIT", "END", "ROLLBACK", "ABORT": connection.isInTransaction = false
    default: break
    }
  }
}
