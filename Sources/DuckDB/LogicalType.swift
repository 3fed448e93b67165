import CDuckDB
import Columnar

/// A DuckDB type, owned.
@safe
struct LogicalType: ~Copyable {
  @unsafe let handle: duckdb_logical_type

  init(_ handle: duckdb_logical_type) { unsafe self.handle = handle }

  init(_ type: duckdb_type) {
    // Null only when DuckDB is out of memory.
    guard let handle = unsafe duckdb_create_logical_type(type) else {
      preconditionFailure("DuckDB made no type")
    }
    unsafe self.handle = handle
  }

  deinit {
    var gone: duckdb_logical_type? = unsafe handle
    unsafe duckdb_destroy_logical_type(&gone)
  }

  var id: duckdb_type { unsafe duckdb_get_type_id(handle) }

  /// The element type of a list or an array.
  var element: LogicalType {
    let isArray = id == DUCKDB_TYPE_ARRAY
    let child =
      unsafe isArray ? duckdb_array_type_child_type(handle) : duckdb_list_type_child_type(handle)
    return unsafe LogicalType(orInvalid: child)
  }

  var arraySize: Int { unsafe Int(duckdb_array_type_array_size(handle)) }
  var mapKey: LogicalType { unsafe LogicalType(orInvalid: duckdb_map_type_key_type(handle)) }
  var mapValue: LogicalType { unsafe LogicalType(orInvalid: duckdb_map_type_value_type(handle)) }

  /// Number of fields of a struct, or members of a union.
  var memberCount: Int {
    unsafe id == DUCKDB_TYPE_UNION
      ? Int(duckdb_union_type_member_count(handle)) : Int(duckdb_struct_type_child_count(handle))
  }

  func member(_ index: Int) -> LogicalType {
    let isUnion = id == DUCKDB_TYPE_UNION
    let child =
      unsafe isUnion
      ? duckdb_union_type_member_type(handle, UInt64(index))
      : duckdb_struct_type_child_type(handle, UInt64(index))
    return unsafe LogicalType(orInvalid: child)
  }

  func memberName(_ index: Int) -> String {
    let isUnion = id == DUCKDB_TYPE_UNION
    let text =
      unsafe isUnion
      ? duckdb_union_type_member_name(handle, UInt64(index))
      : duckdb_struct_type_child_name(handle, UInt64(index))
    return unsafe takeText(text)
  }

  /// The values of an enum, in order of their codes.
  var enumValues: [String] {
    let count = unsafe duckdb_enum_dictionary_size(handle)
    return (0..<count).map { code in
      unsafe takeText(duckdb_enum_dictionary_value(handle, UInt64(code)))
    }
  }

  private init(orInvalid handle: duckdb_logical_type?) {
    if let handle = unsafe handle {
      unsafe self.init(handle)
    } else {
      self.init(DUCKDB_TYPE_INVALID)
    }
  }
}

/// Copies text that DuckDB allocated, and frees it.
@unsafe
func takeText(_ text: UnsafeMutablePointer<CChar>?) -> String {
  guard let text = unsafe text else { return "" }
  defer { unsafe duckdb_free(text) }
  return unsafe String(cString: text)
}

extension LogicalType {
  /// The Arrow type in which results of this type are sent.
  ///
  /// Those that Arrow lacks: HUGEINT and UHUGEINT are decimal(38, 0); TIMETZ is the time of day
  /// without its offset, as DuckDB itself exports it; UUID, BIT and BIGNUM are text; GEOMETRY is its
  /// WKB; what DuckDB could not resolve is null.
  func arrowType(timeZone: () -> String) throws(DuckDBError) -> DataType {
    if let type = Self.plainType(id) { return type }
    switch id {
    case DUCKDB_TYPE_TIMESTAMP_TZ: return .timestamp(.microsecond, timeZone: timeZone())
    case DUCKDB_TYPE_DECIMAL:
      let (width, scale) = unsafe (duckdb_decimal_width(handle), duckdb_decimal_scale(handle))
      return .decimal(width: .bits128, precision: Int(width), scale: Int(scale))
    case DUCKDB_TYPE_ENUM:
      let index: IndexType =
        switch unsafe duckdb_enum_internal_type(handle) {
        case DUCKDB_TYPE_UTINYINT: .uint8
        case DUCKDB_TYPE_USMALLINT: .uint16
        default: .uint32
        }
      return .dictionary(index: index, value: .utf8, isOrdered: false)
    case DUCKDB_TYPE_LIST:
      return .list(Field("item", try element.arrowType(timeZone: timeZone)))
    case DUCKDB_TYPE_ARRAY:
      return .fixedSizeList(
        Field("item", try element.arrowType(timeZone: timeZone)), count: arraySize)
    case DUCKDB_TYPE_MAP:
      let key = Field("key", try mapKey.arrowType(timeZone: timeZone), isNullable: false)
      let value = Field("value", try mapValue.arrowType(timeZone: timeZone))
      return .map(
        entries: Field("entries", .structure([key, value]), isNullable: false), keysSorted: false)
    case DUCKDB_TYPE_STRUCT: return .structure(try members(timeZone: timeZone))
    case DUCKDB_TYPE_UNION:
      let fields = try members(timeZone: timeZone)
      return .union(.sparse, fields, typeIDs: fields.indices.map { Int8(truncatingIfNeeded: $0) })
    default:
      let name = id == DUCKDB_TYPE_VARIANT ? "VARIANT" : "number \(id.rawValue)"
      throw DuckDBError(
        kind: .invalidInput,
        message: "a value of DuckDB's type \(name) has no Arrow form; cast it to VARCHAR or JSON")
    }
  }

  private func members(timeZone: () -> String) throws(DuckDBError) -> [Field] {
    var fields: [Field] = []
    for index in 0..<memberCount {
      fields.append(Field(memberName(index), try member(index).arrowType(timeZone: timeZone)))
    }
    return fields
  }

  /// The Arrow type of a type without parameters.
  static func plainType(_ id: duckdb_type) -> DataType? {
    switch id {
    case DUCKDB_TYPE_BOOLEAN: .bool
    case DUCKDB_TYPE_TINYINT: .int8
    case DUCKDB_TYPE_SMALLINT: .int16
    case DUCKDB_TYPE_INTEGER: .int32
    case DUCKDB_TYPE_BIGINT: .int64
    case DUCKDB_TYPE_UTINYINT: .uint8
    case DUCKDB_TYPE_USMALLINT: .uint16
    case DUCKDB_TYPE_UINTEGER: .uint32
    case DUCKDB_TYPE_UBIGINT: .uint64
    case DUCKDB_TYPE_FLOAT: .float32
    case DUCKDB_TYPE_DOUBLE: .float64
    case DUCKDB_TYPE_TIMESTAMP: .timestamp(.microsecond, timeZone: nil)
    case DUCKDB_TYPE_TIMESTAMP_S: .timestamp(.second, timeZone: nil)
    case DUCKDB_TYPE_TIMESTAMP_MS: .timestamp(.millisecond, timeZone: nil)
    case DUCKDB_TYPE_TIMESTAMP_NS: .timestamp(.nanosecond, timeZone: nil)
    case DUCKDB_TYPE_DATE: .date32
    case DUCKDB_TYPE_TIME, DUCKDB_TYPE_TIME_TZ: .time64(.microsecond)
    case DUCKDB_TYPE_TIME_NS: .time64(.nanosecond)
    case DUCKDB_TYPE_INTERVAL: .interval(.monthDayNano)
    case DUCKDB_TYPE_HUGEINT, DUCKDB_TYPE_UHUGEINT:
      .decimal(width: .bits128, precision: 38, scale: 0)
    case DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_UUID, DUCKDB_TYPE_BIT, DUCKDB_TYPE_BIGNUM,
      DUCKDB_TYPE_STRING_LITERAL:
      .utf8
    case DUCKDB_TYPE_BLOB, DUCKDB_TYPE_GEOMETRY: .binary
    case DUCKDB_TYPE_SQLNULL, DUCKDB_TYPE_INVALID, DUCKDB_TYPE_ANY: .null
    case DUCKDB_TYPE_INTEGER_LITERAL: .int32
    default: nil
    }
  }
}
