import CDuckDB
import Columnar

#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif

/// The columns of a result: their schema, and what it was made from, so that the next result of
/// the same statement is recognised without making it again.
final class ResultColumns {
  let schema: Schema
  private let ids: [duckdb_type]
  /// Names with a zero byte at the end.
  private let names: [ContiguousArray<CChar>]
  /// Whether the types say all there is: no parameters, no members, no time zone.
  private let arePlain: Bool

  /// Those of a prepared statement.
  init(of statement: duckdb_prepared_statement?, _ connection: Connection) throws(DuckDBError) {
    let count = unsafe Int(duckdb_prepared_statement_column_count(statement))
    var builder = Builder(connection)
    for index in 0..<UInt64(count) {
      let name = unsafe duckdb_prepared_statement_column_name(statement, index)
      let id = unsafe duckdb_prepared_statement_column_type(statement, index)
      try unsafe builder.add(freeing: name, id) {
        unsafe duckdb_prepared_statement_column_logical_type(statement, index)
      }
    }
    (schema, ids, names, arePlain) = builder.columns
  }

  /// Those that a statement will probably have; no result is recognised by them.
  init(guessed schema: Schema) {
    self.schema = schema
    (ids, names, arePlain) = ([], [], false)
  }

  /// Whether DuckDB does not know them yet.
  var areUnresolved: Bool { ids.count == 1 && ids[0] == DUCKDB_TYPE_INVALID }

  /// Those of a result.
  init(of result: inout duckdb_result, _ connection: Connection) throws(DuckDBError) {
    let count = unsafe Int(duckdb_column_count(&result))
    var builder = Builder(connection)
    for index in 0..<UInt64(count) {
      let name = unsafe duckdb_column_name(&result, index)
      let id = unsafe duckdb_column_type(&result, index)
      try unsafe builder.add(name, id) { unsafe duckdb_column_logical_type(&result, index) }
    }
    (schema, ids, names, arePlain) = builder.columns
  }

  /// Whether `result` has these columns for sure.
  func describe(_ result: inout duckdb_result) -> Bool {
    guard arePlain, unsafe duckdb_column_count(&result) == UInt64(ids.count) else { return false }
    for index in ids.indices {
      guard unsafe duckdb_column_type(&result, UInt64(index)) == ids[index],
        let name = unsafe duckdb_column_name(&result, UInt64(index))
      else { return false }
      let isSame = unsafe names[index].withUnsafeBufferPointer { known in
        unsafe known.baseAddress.map { unsafe strcmp($0, name) == 0 } ?? false
      }
      guard isSame else { return false }
    }
    return true
  }

  private struct Builder {
    private var fields: [Field] = []
    private var ids: [duckdb_type] = []
    private var names: [ContiguousArray<CChar>] = []
    private var arePlain = true
    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    var columns: (Schema, [duckdb_type], [ContiguousArray<CChar>], Bool) {
      (Schema(fields), ids, names, arePlain)
    }

    mutating func add(
      freeing name: UnsafePointer<CChar>?, _ id: duckdb_type,
      type: () -> duckdb_logical_type?
    ) throws(DuckDBError) {
      defer { unsafe duckdb_free(UnsafeMutableRawPointer(mutating: name)) }
      try unsafe add(name, id, type: type)
    }

    mutating func add(
      _ name: UnsafePointer<CChar>?, _ id: duckdb_type, type: () -> duckdb_logical_type?
    ) throws(DuckDBError) {
      let text = unsafe name.map { unsafe String(cString: $0) } ?? ""
      names.append(ContiguousArray(text.utf8CString))
      ids.append(id)
      if let plain = LogicalType.plainType(id), id != DUCKDB_TYPE_ANY, id != DUCKDB_TYPE_INVALID {
        return fields.append(Field(text, plain))
      }
      arePlain = false
      guard let handle = unsafe type() else { return fields.append(Field(text, .null)) }
      let connection = connection
      let arrow = try unsafe LogicalType(handle).arrowType(timeZone: { connection.timeZone })
      fields.append(Field(text, arrow))
    }
  }
}
