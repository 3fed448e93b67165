import CDuckDB
import Columnar

/// Copies DuckDB's vectors into the buffers of an Arrow column.
///
/// One writer per column lives as long as the result and makes a column per batch. Vectors come
/// flat: DuckDB copies what it streams. The loops of the subclasses run over raw memory; nothing in
/// them is called or retained per row.
class ColumnWriter {
  let type: DataType
  /// Rows that are written.
  private(set) var count = 0
  private(set) var nullCount = 0
  private let validity = BitWriter()
  private var hasValidity = false
  private var expectedCount = 0
  private(set) var allocator: any BufferAllocator = HeapAllocator()

  init(_ type: DataType) { self.type = type }

  /// Whether bytes per row vary, so that `measure` says something.
  var hasVariableSize: Bool { false }
  /// Bytes written whose number varies per row.
  var variableByteCount: Int { 0 }
  /// The variable bytes that appending these rows would add.
  func measure(_ vector: duckdb_vector?, from start: Int, count: Int) -> Int { 0 }

  /// Starts a batch of about `expectedCount` rows.
  func begin(expectedCount: Int, allocator: any BufferAllocator) {
    self.allocator = allocator
    self.expectedCount = expectedCount
    count = 0
    nullCount = 0
    hasValidity = false
    prepare(expectedCount: expectedCount)
  }

  /// Appends rows `start ..< start + count` of `vector`.
  final func append(
    _ vector: duckdb_vector?, from start: Int, count added: Int
  ) throws(DuckDBError) {
    guard added > 0, let vector = unsafe vector else { return }
    let words = unsafe duckdb_vector_get_validity(vector)
    var nulls = unsafe words.map { unsafe zeroCount(in: $0, from: start, added) } ?? 0
    if type == .null { nulls = added }
    let rows = unsafe VectorRows(
      vector: vector, data: duckdb_vector_get_data(vector), validity: nulls > 0 ? words : nil,
      start: start, count: added)
    if let words = unsafe words, nulls > 0 {
      if !hasValidity {
        validity.begin(expectedCount: max(expectedCount, count + added), allocator: allocator)
        validity.appendOnes(count)
        hasValidity = true
      }
      unsafe validity.append(words, from: start, added)
      nullCount += nulls
    } else if hasValidity {
      validity.appendOnes(added)
    }
    try unsafe write(rows)
    count += added
  }

  /// What was appended, as a column.
  final func finish() -> Column {
    var buffers = hasBuffersOfValidity ? [hasValidity ? validity.finish() : .empty] : []
    buffers += finishBuffers()
    return Column(
      type: type, count: count, nullCount: type == .null ? count : nullCount, buffers: buffers,
      children: finishChildren(), dictionary: dictionary)
  }

  // What subclasses say.

  /// Whether the type has a validity bitmap.
  var hasBuffersOfValidity: Bool { true }
  var dictionary: Column? { nil }
  func prepare(expectedCount: Int) {}
  func write(_ rows: VectorRows) throws(DuckDBError) {}
  func finishBuffers() -> [Buffer] { [] }
  func finishChildren() -> [Column] { [] }
}

/// Some rows of a flat vector of DuckDB's, valid during one call.
@unsafe
struct VectorRows {
  let vector: duckdb_vector
  let data: UnsafeMutableRawPointer?
  /// Null if none of the rows is null.
  let validity: UnsafeMutablePointer<UInt64>?
  let start: Int
  let count: Int

  /// Whether the row at `start + index` is not null.
  @unsafe
  @inline(__always)
  func isValid(_ index: Int) -> Bool {
    guard let validity = unsafe validity else { return true }
    let row = unsafe start + index
    return unsafe validity[row >> 6] &>> UInt64(row & 63) & 1 == 1
  }
}

extension ColumnWriter {
  /// The writer for values of `type`, which are sent as `arrow`.
  static func make(for type: borrowing LogicalType, _ arrow: DataType) -> ColumnWriter {
    switch type.id {
    case DUCKDB_TYPE_BOOLEAN: return BoolWriter(arrow)
    case DUCKDB_TYPE_TINYINT, DUCKDB_TYPE_UTINYINT: return FixedWriter(arrow, byteWidth: 1)
    case DUCKDB_TYPE_SMALLINT, DUCKDB_TYPE_USMALLINT: return FixedWriter(arrow, byteWidth: 2)
    case DUCKDB_TYPE_INTEGER, DUCKDB_TYPE_UINTEGER, DUCKDB_TYPE_FLOAT, DUCKDB_TYPE_DATE,
      DUCKDB_TYPE_INTEGER_LITERAL:
      return FixedWriter(arrow, byteWidth: 4)
    case DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_TIMESTAMP,
      DUCKDB_TYPE_TIMESTAMP_S, DUCKDB_TYPE_TIMESTAMP_MS, DUCKDB_TYPE_TIMESTAMP_NS,
      DUCKDB_TYPE_TIMESTAMP_TZ, DUCKDB_TYPE_TIME, DUCKDB_TYPE_TIME_NS:
      return FixedWriter(arrow, byteWidth: 8)
    case DUCKDB_TYPE_HUGEINT: return FixedWriter(arrow, byteWidth: 16)
    case DUCKDB_TYPE_UHUGEINT: return UnsignedHugeWriter(arrow, byteWidth: 16)
    case DUCKDB_TYPE_TIME_TZ: return TimeWithZoneWriter(arrow, byteWidth: 8)
    case DUCKDB_TYPE_INTERVAL: return IntervalWriter(arrow, byteWidth: 16)
    case DUCKDB_TYPE_DECIMAL: return makeDecimal(type, arrow)
    case DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_GEOMETRY, DUCKDB_TYPE_STRING_LITERAL:
      return TextWriter(arrow)
    case DUCKDB_TYPE_UUID: return UUIDWriter(arrow)
    case DUCKDB_TYPE_BIT: return BitTextWriter(arrow)
    case DUCKDB_TYPE_BIGNUM: return BigNumberWriter(arrow)
    case DUCKDB_TYPE_ENUM: return makeEnum(type, arrow)
    case DUCKDB_TYPE_LIST, DUCKDB_TYPE_MAP: return makeList(type, arrow)
    case DUCKDB_TYPE_ARRAY:
      guard case .fixedSizeList(let item, let size) = arrow else { return NullWriter(.null) }
      return ArrayWriter(arrow, size: size, element: make(for: type.element, item.type))
    case DUCKDB_TYPE_STRUCT: return StructWriter(arrow, members: makeMembers(type, arrow))
    case DUCKDB_TYPE_UNION: return UnionWriter(arrow, members: makeMembers(type, arrow))
    default: return NullWriter(.null)
    }
  }

  private static func makeDecimal(
    _ type: borrowing LogicalType, _ arrow: DataType
  ) -> ColumnWriter {
    switch unsafe duckdb_decimal_internal_type(type.handle) {
    case DUCKDB_TYPE_SMALLINT: DecimalWriter<Int16>(arrow, byteWidth: 16)
    case DUCKDB_TYPE_INTEGER: DecimalWriter<Int32>(arrow, byteWidth: 16)
    case DUCKDB_TYPE_BIGINT: DecimalWriter<Int64>(arrow, byteWidth: 16)
    default: FixedWriter(arrow, byteWidth: 16)
    }
  }

  private static func makeEnum(_ type: borrowing LogicalType, _ arrow: DataType) -> ColumnWriter {
    let byteWidth =
      switch arrow {
      case .dictionary(.uint8, _, _): 1
      case .dictionary(.uint16, _, _): 2
      default: 4
      }
    return EnumWriter(arrow, byteWidth: byteWidth, values: type.enumValues)
  }

  private static func makeList(_ type: borrowing LogicalType, _ arrow: DataType) -> ColumnWriter {
    switch arrow {
    case .list(let item): return ListWriter(arrow, element: make(for: type.element, item.type))
    case .map(let entries, _):
      guard case .structure(let fields) = entries.type, fields.count == 2 else { break }
      let members = [
        make(for: type.mapKey, fields[0].type), make(for: type.mapValue, fields[1].type),
      ]
      return ListWriter(arrow, element: StructWriter(entries.type, members: members))
    default: break
    }
    return NullWriter(.null)
  }

  private static func makeMembers(
    _ type: borrowing LogicalType, _ arrow: DataType
  ) -> [ColumnWriter] {
    let fields: [Field] =
      switch arrow {
      case .structure(let fields): fields
      case .union(_, let fields, _): fields
      default: []
      }
    var members: [ColumnWriter] = []
    for (index, field) in fields.enumerated() {
      members.append(make(for: type.member(index), field.type))
    }
    return members
  }
}
