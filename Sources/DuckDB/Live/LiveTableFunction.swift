import CDuckDB
import Columnar

extension Database {
  /// Makes `tables` readable in SQL as `<function>(<number>)` and, those that have one, by name.
  public func registerLiveTables(
    _ tables: LiveTables, function name: String = "live"
  ) throws(DuckDBError) {
    liveExecutions = tables.executions
    var function = unsafe duckdb_create_table_function()
    defer { unsafe duckdb_destroy_table_function(&function) }
    guard let made = unsafe function else {
      throw DuckDBError(kind: .outOfMemory, message: "DuckDB made no table function")
    }
    let number = LogicalType(DUCKDB_TYPE_BIGINT)
    unsafe duckdb_table_function_set_name(made, name)
    unsafe duckdb_table_function_add_parameter(made, number.handle)
    for name in LiveBounds.names {
      unsafe duckdb_table_function_add_named_parameter(made, name, number.handle)
    }
    let text = LogicalType(DUCKDB_TYPE_VARCHAR)
    unsafe duckdb_table_function_add_named_parameter(made, LiveBounds.filterName, text.handle)
    unsafe duckdb_table_function_set_extra_info(made, retain(tables), releaseObject)
    unsafe duckdb_table_function_set_bind(made, bindLiveTable)
    unsafe duckdb_table_function_set_init(made, beginLiveScan)
    unsafe duckdb_table_function_set_local_init(made, beginLiveCursor)
    unsafe duckdb_table_function_set_function(made, readLiveTable)
    unsafe duckdb_table_function_supports_projection_pushdown(made, true)
    let connection = try connect()
    let state = unsafe duckdb_register_table_function(connection.unsafeHandle, made)
    guard state == DuckDBSuccess else {
      throw DuckDBError(kind: .catalog, message: "DuckDB has a function \(name) already")
    }
    let names = LiveNames(tables, function: name)
    unsafe duckdb_add_replacement_scan(
      unsafeHandle, replaceWithLiveTable, retain(names), releaseObject)
  }
}

/// What the replacement scan knows.
private final class LiveNames: Sendable {
  let tables: LiveTables
  let function: String

  init(_ tables: LiveTables, function: String) {
    self.tables = tables
    self.function = function
  }
}

/// A table that a statement has bound.
private final class LiveBinding: Sendable {
  let table: any LiveTable
  let executions: LiveExecutions
  let connection: UInt64
  let bounds: LiveBounds

  init(
    _ table: any LiveTable, _ executions: LiveExecutions, connection: UInt64, bounds: LiveBounds
  ) {
    self.table = table
    self.executions = executions
    self.connection = connection
    self.bounds = bounds
  }

  func scan(columns: [Int]) throws -> any BatchSource {
    if !bounds.isEmpty, let table = table as? any BoundedTable {
      let execution = connection > 0 ? executions.current(on: connection) : nil
      return try table.scan(columns: columns, in: execution, within: bounds)
    }
    guard let table = table as? any SnapshotTable, connection > 0 else {
      return try table.scan(columns: columns)
    }
    return try table.scan(columns: columns, in: executions.current(on: connection))
  }
}

/// One scan of a table by one execution, shared by its threads.
private final class LiveScan: Sendable {
  let source: any BatchSource
  let schema: Schema
  /// For each output vector the column that it shows, or nil if it is not read.
  let columns: [Int?]
  private let binding: LiveBinding

  init(_ source: any BatchSource, of binding: LiveBinding, columns: [Int?]) {
    self.source = source
    self.binding = binding
    schema = binding.table.schema
    self.columns = columns
    if let source = source as? any InterruptibleSource {
      binding.executions.add(source, on: binding.connection)
    }
  }

  deinit {
    if let source = source as? any InterruptibleSource {
      binding.executions.remove(source, on: binding.connection)
    }
  }
}

/// One thread's place in a scan.
private final class LiveCursor {
  private var columns: [Column?] = []
  private var rowCount = 0
  private var row = 0
  /// Keeps alive what vectors point into: those of the batch, and of the one before it.
  private var kept: (current: [Column?], previous: [Column?]) = ([], [])

  private static let chunkCount = 2_048

  /// Fills `chunk` with the next rows; with none at the end.
  @unsafe
  func read(_ scan: LiveScan, into chunk: duckdb_data_chunk?) throws {
    while row >= rowCount {
      guard let batch = try scan.source.next() else {
        unsafe duckdb_data_chunk_set_size(chunk, 0)
        return
      }
      columns = try scan.columns.map { index in
        guard let index else { return nil }
        guard index < batch.columns.count,
          batch.columns[index].type == scan.schema.fields[index].type
        else {
          let name = scan.schema.fields[index].name
          throw DuckDBTypes.refusal(name, "a batch comes with another type than the table has")
        }
        return batch.columns[index].plain()
      }
      kept = (columns, kept.current)
      rowCount = batch.rowCount
      row = 0
    }
    let count = min(rowCount - row, Self.chunkCount)
    for (output, column) in columns.enumerated() {
      guard let column, let index = scan.columns[output] else { continue }
      let filler = VectorFiller(name: scan.schema.fields[index].name)
      try unsafe filler.fill(
        duckdb_data_chunk_get_vector(chunk, UInt64(output)), at: 0, with: column, from: row,
        count: count)
    }
    row += count
    unsafe duckdb_data_chunk_set_size(chunk, UInt64(count))
  }
}

// MARK: - Callbacks. DuckDB calls them from its own threads; errors go back as text.

@unsafe
private func retain(_ object: AnyObject) -> UnsafeMutableRawPointer {
  unsafe Unmanaged.passRetained(object).toOpaque()
}

@unsafe
private func object<Object: AnyObject>(
  _ address: UnsafeMutableRawPointer?, _ type: Object.Type
) -> Object? {
  unsafe address.map { unsafe Unmanaged<Object>.fromOpaque($0).takeUnretainedValue() }
}

private let releaseObject: duckdb_delete_callback_t = { address in
  if let address = unsafe address { unsafe Unmanaged<AnyObject>.fromOpaque(address).release() }
}

private let bindLiveTable: duckdb_table_function_bind_t = { info in
  guard let tables = unsafe object(duckdb_bind_get_extra_info(info), LiveTables.self) else {
    return
  }
  var value = unsafe duckdb_bind_get_parameter(info, 0)
  let id = unsafe duckdb_get_int64(value)
  unsafe duckdb_destroy_value(&value)
  guard let table = tables.table(id) else {
    return unsafe duckdb_bind_set_error(info, "there is no live table \(id)")
  }
  do throws(DuckDBError) {
    for field in table.schema.fields {
      let type = try DuckDBTypes.type(for: plainType(field.type), column: field.name)
      unsafe duckdb_bind_add_result_column(info, field.name, type.handle)
    }
  } catch {
    return unsafe duckdb_bind_set_error(info, error.message)
  }
  if let rowCount = table.rowCount {
    unsafe duckdb_bind_set_cardinality(info, UInt64(max(rowCount, 0)), true)
  }
  var context: duckdb_client_context?
  unsafe duckdb_table_function_get_client_context(info, &context)
  let connection =
    unsafe context.map { unsafe duckdb_client_context_get_connection_id($0) } ?? 0
  if unsafe context != nil { unsafe duckdb_destroy_client_context(&context) }
  let binding = unsafe LiveBinding(
    table, tables.executions, connection: connection, bounds: bounds(of: info))
  unsafe duckdb_bind_set_bind_data(info, retain(binding), releaseObject)
}

@unsafe
private func bounds(of info: duckdb_bind_info?) -> LiveBounds {
  var bounds = LiveBounds()
  for name in LiveBounds.names {
    var value = unsafe duckdb_bind_get_named_parameter(info, name)
    guard unsafe value != nil else { continue }
    if unsafe !duckdb_is_null_value(value) {
      bounds.values[name] = unsafe duckdb_get_int64(value)
    }
    unsafe duckdb_destroy_value(&value)
  }
  var filter = unsafe duckdb_bind_get_named_parameter(info, LiveBounds.filterName)
  if unsafe filter != nil {
    if unsafe !duckdb_is_null_value(filter), let text = unsafe duckdb_get_varchar(filter) {
      bounds.filter = unsafe String(cString: text)
      unsafe duckdb_free(text)
    }
    unsafe duckdb_destroy_value(&filter)
  }
  return bounds
}

private let beginLiveScan: duckdb_table_function_init_t = { info in
  guard let binding = unsafe object(duckdb_init_get_bind_data(info), LiveBinding.self) else {
    return
  }
  let schema = binding.table.schema
  let columns = unsafe (0..<duckdb_init_get_column_count(info)).map { output -> Int? in
    let index = unsafe duckdb_init_get_column_index(info, output)
    return index < UInt64(schema.fields.count) ? Int(index) : nil
  }
  do {
    let source = try binding.scan(columns: columns.compactMap(\.self))
    unsafe duckdb_init_set_max_threads(info, UInt64(max(source.maxThreads, 1)))
    let scan = LiveScan(source, of: binding, columns: columns)
    unsafe duckdb_init_set_init_data(info, retain(scan), releaseObject)
  } catch {
    unsafe duckdb_init_set_error(info, "\(error)")
  }
}

private let beginLiveCursor: duckdb_table_function_init_t = { info in
  unsafe duckdb_init_set_init_data(info, retain(LiveCursor()), releaseObject)
}

private let readLiveTable: duckdb_table_function_t = { info, chunk in
  guard let scan = unsafe object(duckdb_function_get_init_data(info), LiveScan.self),
    let cursor = unsafe object(duckdb_function_get_local_init_data(info), LiveCursor.self)
  else { return }
  do {
    try unsafe cursor.read(scan, into: chunk)
  } catch {
    unsafe duckdb_function_set_error(info, "\(error)")
  }
}

private let replaceWithLiveTable: duckdb_replacement_callback_t = { info, name, data in
  guard let names = unsafe object(data, LiveNames.self), let name = unsafe name,
    let id = unsafe names.tables.id(named: String(cString: name))
  else { return }
  unsafe duckdb_replacement_scan_set_function_name(info, names.function)
  var value = unsafe duckdb_create_int64(id)
  unsafe duckdb_replacement_scan_add_parameter(info, value)
  unsafe duckdb_destroy_value(&value)
}
