import CDuckDB
import Columnar

/// Which DuckDB type holds the values of an Arrow type.
///
/// A type that would change values has none, and is refused with a sentence. Some values of a type
/// may still be refused when they come: a decimal of 256 bits that needs more than 38 digits, a
/// nanosecond in a type that counts microseconds.
enum DuckDBTypes {
  static let maxDecimalPrecision = 38
  static let maxArraySize = 100_000
  static let maxUnionMemberCount = 256

  /// Refuses a schema that DuckDB cannot hold.
  static func check(_ schema: Schema) throws(DuckDBError) {
    var names: Set<String> = []
    for field in schema.fields {
      guard names.insert(field.name.lowercased()).inserted else {
        throw refusal(field.name, "the name appears twice, which DuckDB does not allow")
      }
      _ = try type(for: plainType(field.type), column: field.name)
    }
    if schema.fields.isEmpty {
      throw DuckDBError(kind: .invalidInput, message: "a table has at least one column")
    }
  }

  static func refusal(_ column: String, _ reason: String) -> DuckDBError {
    DuckDBError(kind: .invalidInput, message: "column \(column): \(reason)")
  }

  /// The DuckDB type for a type without indirection (`plainType`).
  static func type(
    for type: DataType, column: String
  ) throws(DuckDBError) -> LogicalType {
    if let id = simpleType(type) { return LogicalType(id) }
    switch type {
    case .decimal(_, let precision, let scale):
      let (width, places) = try decimal(precision: precision, scale: scale, column: column)
      return try unsafe made(
        duckdb_create_decimal_type(
          UInt8(truncatingIfNeeded: width), UInt8(truncatingIfNeeded: places)), column)
    case .list(let item), .largeList(let item):
      let element = try self.type(for: item.type, column: column)
      return try unsafe made(duckdb_create_list_type(element.handle), column)
    case .fixedSizeList(let item, let size):
      guard size >= 1 && size <= maxArraySize else {
        throw refusal(column, "DuckDB has no arrays of \(size) elements")
      }
      let element = try self.type(for: item.type, column: column)
      return try unsafe made(duckdb_create_array_type(element.handle, UInt64(size)), column)
    case .map(let entries, _):
      guard case .structure(let fields) = entries.type, fields.count == 2 else {
        throw refusal(column, "a map has entries of a key and a value")
      }
      let key = try self.type(for: fields[0].type, column: column)
      let value = try self.type(for: fields[1].type, column: column)
      return try unsafe made(duckdb_create_map_type(key.handle, value.handle), column)
    case .structure(let fields): return try members(fields, isUnion: false, column)
    case .union(_, let fields, _): return try members(fields, isUnion: true, column)
    default: throw refusal(column, "DuckDB has no type for \(type)")
    }
  }

  private static func made(
    _ handle: duckdb_logical_type?, _ column: String
  ) throws(DuckDBError) -> LogicalType {
    guard let handle = unsafe handle else { throw refusal(column, "DuckDB has no such type") }
    return unsafe LogicalType(handle)
  }

  private static func members(
    _ fields: [Field], isUnion: Bool, _ column: String
  ) throws(DuckDBError) -> LogicalType {
    let kind = isUnion ? "union" : "struct"
    guard !fields.isEmpty else { throw refusal(column, "DuckDB has no empty \(kind)") }
    guard !isUnion || fields.count <= maxUnionMemberCount else {
      throw refusal(column, "DuckDB's unions have at most \(maxUnionMemberCount) members")
    }
    var seen: Set<String> = []
    var names: [[CChar]] = []
    var handles: [duckdb_logical_type?] = unsafe []
    defer { unsafe destroy(&handles) }
    for field in fields {
      guard !field.name.isEmpty, !field.name.utf8.contains(0),
        seen.insert(field.name.lowercased()).inserted
      else {
        let name = field.name.isEmpty ? "an empty one" : "'\(field.name)' twice"
        throw refusal(column, "a \(kind) in DuckDB has members of different names, not \(name)")
      }
      let member = try type(for: field.type, column: column)
      unsafe handles.append(member.take())
      names.append(Array(field.name.utf8CString))
    }
    let made = unsafe withCStrings(names) { texts in
      unsafe handles.withUnsafeMutableBufferPointer { types in
        let count = UInt64(types.count)
        return unsafe isUnion
          ? duckdb_create_union_type(types.baseAddress, texts, count)
          : duckdb_create_struct_type(types.baseAddress, texts, count)
      }
    }
    return try unsafe self.made(made, column)
  }

  @unsafe
  private static func destroy(_ handles: inout [duckdb_logical_type?]) {
    for index in unsafe handles.indices { unsafe duckdb_destroy_logical_type(&handles[index]) }
  }

  /// Precision and scale in DuckDB: a scale is not negative, nor larger than the precision.
  static func decimal(
    precision: Int, scale: Int, column: String
  ) throws(DuckDBError) -> (precision: Int, scale: Int) {
    let digits = scale < 0 ? precision - scale : max(precision, scale)
    guard scale >= -maxDecimalPrecision && scale <= maxDecimalPrecision else {
      throw refusal(column, "DuckDB's decimals have at most 38 digits, not scale \(scale)")
    }
    // More digits than DuckDB has are accepted as long as the values do not need them.
    return (min(max(digits, 1), maxDecimalPrecision), max(scale, 0))
  }

  static func simpleType(_ type: DataType) -> duckdb_type? {
    switch type {
    case .null: DUCKDB_TYPE_SQLNULL
    case .bool: DUCKDB_TYPE_BOOLEAN
    case .int8: DUCKDB_TYPE_TINYINT
    case .int16: DUCKDB_TYPE_SMALLINT
    case .int32: DUCKDB_TYPE_INTEGER
    case .int64: DUCKDB_TYPE_BIGINT
    case .uint8: DUCKDB_TYPE_UTINYINT
    case .uint16: DUCKDB_TYPE_USMALLINT
    case .uint32: DUCKDB_TYPE_UINTEGER
    case .uint64: DUCKDB_TYPE_UBIGINT
    case .float16, .float32: DUCKDB_TYPE_FLOAT
    case .float64: DUCKDB_TYPE_DOUBLE
    case .date32, .date64: DUCKDB_TYPE_DATE
    case .time32, .time64(.second), .time64(.millisecond), .time64(.microsecond):
      DUCKDB_TYPE_TIME
    case .time64(.nanosecond): DUCKDB_TYPE_TIME_NS
    case .timestamp(.second, nil): DUCKDB_TYPE_TIMESTAMP_S
    case .timestamp(.millisecond, nil): DUCKDB_TYPE_TIMESTAMP_MS
    case .timestamp(.microsecond, nil): DUCKDB_TYPE_TIMESTAMP
    case .timestamp(.nanosecond, nil): DUCKDB_TYPE_TIMESTAMP_NS
    case .timestamp: DUCKDB_TYPE_TIMESTAMP_TZ
    case .duration, .interval: DUCKDB_TYPE_INTERVAL
    case .utf8, .largeUTF8, .utf8View: DUCKDB_TYPE_VARCHAR
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: DUCKDB_TYPE_BLOB
    default: nil
    }
  }
}

extension LogicalType {
  /// Gives the handle away; the caller destroys it.
  @unsafe
  consuming func take() -> duckdb_logical_type {
    let handle = unsafe self.handle
    discard self
    return unsafe handle
  }
}

/// Calls `body` with the addresses of zero-terminated texts.
@unsafe
func withCStrings<Result>(
  _ texts: [[CChar]], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
  let bytes = texts.flatMap(\.self)
  return unsafe bytes.withUnsafeBufferPointer { all in
    var position = 0
    var addresses: [UnsafePointer<CChar>?] = unsafe []
    for text in texts {
      unsafe addresses.append(all.baseAddress.map { unsafe $0 + position })
      position += text.count
    }
    return unsafe addresses.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress) }
  }
}
