import CDuckDB
import Columnar

/// Fills DuckDB's vectors from plain Arrow columns. One call handles up to 2,048 rows; the loops are
/// over raw memory. Text is not copied: an entry longer than 12 bytes points into the column, which
/// the scan keeps alive.
struct VectorFiller {
  /// The column's name, for refusals.
  let name: String

  /// Copies rows `start ..< start + count` of `column` to the places from `target` on.
  @unsafe
  func fill(
    _ vector: duckdb_vector?, at target: Int, with column: Column, from start: Int, count: Int
  ) throws(DuckDBError) {
    guard count > 0, let vector = unsafe vector else { return }
    let rows = unsafe ColumnRows(column, from: start, count: count)
    unsafe fillValidity(vector, at: target, rows)
    switch column.type {
    case .null: break
    case .bool: unsafe fillBools(vector, target, rows)
    case .utf8, .binary: unsafe fillText(vector, target, rows, Int32.self)
    case .largeUTF8, .largeBinary: unsafe fillText(vector, target, rows, Int64.self)
    case .utf8View, .binaryView: unsafe fillViews(vector, target, rows)
    case .fixedSizeBinary(let width): unsafe fillFixedBytes(vector, target, rows, width)
    case .list, .map: try unsafe fillLists(vector, target, rows, Int32.self)
    case .largeList: try unsafe fillLists(vector, target, rows, Int64.self)
    case .fixedSizeList(_, let size):
      let child = unsafe duckdb_array_vector_get_child(vector)
      try unsafe fill(
        child, at: target * size, with: column.children[0], from: start * size,
        count: count * size)
      unsafe clear(child, at: target * size, under: rows, times: size, column.children[0].type)
    case .structure: try unsafe fillStruct(vector, target, rows)
    case .union: try unsafe fillUnion(vector, target, rows)
    default: try unsafe fillFixed(vector, target, rows)
    }
  }

  /// Marks what is null. A vector that comes fresh from DuckDB has no nulls.
  @unsafe
  private func fillValidity(_ vector: duckdb_vector, at target: Int, _ rows: ColumnRows) {
    let hasOnlyNulls = unsafe rows.column.type == .null
    guard unsafe hasOnlyNulls || rows.hasNulls else { return }
    unsafe duckdb_vector_ensure_validity_writable(vector)
    guard let words = unsafe duckdb_vector_get_validity(vector) else { return }
    var row = 0
    while unsafe row < rows.count {
      let place = target + row
      let offset = place & 63
      let part = unsafe min(rows.count - row, 64 - offset)
      let valid = unsafe hasOnlyNulls ? 0 : rows.validBits(row, part)
      let mask = part == 64 ? UInt64.max : ((1 &<< UInt64(part)) &- 1) &<< UInt64(offset)
      unsafe words[place >> 6] = words[place >> 6] & ~mask | (valid &<< UInt64(offset)) & mask
      row += part
    }
  }

  /// Makes null what lies under a null parent: DuckDB reads a member without looking at the struct.
  @unsafe
  func clear(
    _ vector: duckdb_vector?, at target: Int, under parent: ColumnRows, times: Int, _ type: DataType
  ) {
    guard unsafe parent.hasNulls else { return }
    for row in unsafe 0..<parent.count where unsafe !parent.isValid(row) {
      for element in 0..<times {
        unsafe clear(vector, at: target + row * times + element, type)
      }
    }
  }

  /// Makes one place null, and what lies under it.
  @unsafe
  func clear(_ vector: duckdb_vector?, at place: Int, _ type: DataType) {
    guard let vector = unsafe vector else { return }
    unsafe duckdb_vector_ensure_validity_writable(vector)
    guard let words = unsafe duckdb_vector_get_validity(vector) else { return }
    unsafe words[place >> 6] &= ~(1 &<< UInt64(place & 63))
    switch type {
    case .structure(let fields):
      for (index, field) in fields.enumerated() {
        unsafe clear(duckdb_struct_vector_get_child(vector, UInt64(index)), at: place, field.type)
      }
    case .fixedSizeList(let item, let size):
      let child = unsafe duckdb_array_vector_get_child(vector)
      for element in 0..<size { unsafe clear(child, at: place * size + element, item.type) }
    default: break
    }
  }

  @unsafe
  private func fillBools(_ vector: duckdb_vector, _ target: Int, _ rows: ColumnRows) {
    guard let data = unsafe duckdb_vector_get_data(vector) else { return }
    let place = unsafe data.assumingMemoryBound(to: UInt8.self) + target
    let bits = unsafe ArrowBits(rows.column.buffers[1])
    for row in unsafe 0..<rows.count {
      unsafe place[row] = UInt8(truncatingIfNeeded: bits.load(rows.start + row, 1) & 1)
    }
  }

  @unsafe
  private func fillStruct(
    _ vector: duckdb_vector, _ target: Int, _ rows: ColumnRows
  ) throws(DuckDBError) {
    for (index, member) in unsafe rows.column.children.enumerated() {
      let child = unsafe duckdb_struct_vector_get_child(vector, UInt64(index))
      try unsafe fill(child, at: target, with: member, from: rows.start, count: rows.count)
      unsafe clear(child, at: target, under: rows, times: 1, member.type)
    }
  }

  /// A union is a struct of the tag and all members, of which one is not null.
  @unsafe
  private func fillUnion(
    _ vector: duckdb_vector, _ target: Int, _ rows: ColumnRows
  ) throws(DuckDBError) {
    guard case .union(_, _, let typeIDs) = unsafe rows.column.type,
      let tags = unsafe duckdb_vector_get_data(duckdb_struct_vector_get_child(vector, 0))
    else { return }
    var tagOfID = [UInt8](repeating: 0, count: 256)
    for (tag, id) in typeIDs.enumerated() {
      tagOfID[Int(UInt8(bitPattern: id))] = UInt8(truncatingIfNeeded: tag)
    }
    let ids = unsafe rows.column.buffers[0]
    for row in unsafe 0..<rows.count {
      let id = unsafe ids.integer(at: rows.start + row, .uint8)
      unsafe tags.storeBytes(
        of: tagOfID[id & 0xFF], toByteOffset: target + row, as: UInt8.self)
    }
    for (index, member) in unsafe rows.column.children.enumerated() {
      let child = unsafe duckdb_struct_vector_get_child(vector, UInt64(index + 1))
      try unsafe fill(child, at: target, with: member, from: rows.start, count: rows.count)
      for row in unsafe 0..<rows.count {
        let tag = unsafe tags.load(fromByteOffset: target + row, as: UInt8.self)
        if Int(tag) != index { unsafe clear(child, at: target + row, member.type) }
      }
    }
  }

  @unsafe
  private func fillLists<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ vector: duckdb_vector, _ target: Int, _ rows: ColumnRows, _ offset: Offset.Type
  ) throws(DuckDBError) {
    guard let data = unsafe duckdb_vector_get_data(vector),
      let source = unsafe rows.column.buffers[1].unsafeBytes.baseAddress
    else { return }
    let (start, count) = unsafe (rows.start, rows.count)
    func offset(_ index: Int) -> Int {
      unsafe Int(
        truncatingIfNeeded: source.loadUnaligned(
          fromByteOffset: (start + index) * MemoryLayout<Offset>.size, as: Offset.self))
    }
    let first = offset(0)
    let total = offset(count) - first
    let base = unsafe Int(duckdb_list_vector_get_size(vector))
    let entries = unsafe data.assumingMemoryBound(to: duckdb_list_entry.self) + target
    for row in 0..<count {
      let (begin, end) = (offset(row), offset(row + 1))
      let length = unsafe rows.isValid(row) ? end - begin : 0
      unsafe entries[row] = duckdb_list_entry(
        offset: UInt64(base + begin - first), length: UInt64(length))
    }
    guard total > 0 else { return }
    unsafe _ = duckdb_list_vector_reserve(vector, UInt64(base + total))
    unsafe _ = duckdb_list_vector_set_size(vector, UInt64(base + total))
    try unsafe fill(
      duckdb_list_vector_get_child(vector), at: base, with: rows.column.children[0], from: first,
      count: total)
  }
}

/// Some rows of a column.
@unsafe
struct ColumnRows {
  let column: Column
  let start: Int
  let count: Int
  private let validity: ArrowBits?
  /// Whether one of these rows is null by the bitmap.
  let hasNulls: Bool

  init(_ column: Column, from start: Int, count: Int) {
    unsafe self.column = column
    unsafe self.start = start
    unsafe self.count = count
    guard column.nullCount > 0, column.type != .null, let bitmap = column.buffers.first,
      !bitmap.isEmpty
    else {
      unsafe validity = nil
      unsafe hasNulls = false
      return
    }
    let bits = unsafe ArrowBits(bitmap)
    unsafe validity = unsafe bits
    var position = 0
    var found = false
    while position < count, !found {
      let part = min(count - position, 64)
      let mask = part == 64 ? UInt64.max : (1 &<< UInt64(part)) &- 1
      found = unsafe bits.load(start + position, part) & mask != mask
      position += part
    }
    unsafe hasNulls = found
  }

  @inline(__always)
  func isValid(_ row: Int) -> Bool {
    guard unsafe hasNulls, let validity = unsafe validity else { return true }
    return unsafe validity.load(start + row, 1) & 1 == 1
  }

  /// The validity of `bitCount` rows from `row` on; the bits above are undefined.
  func validBits(_ row: Int, _ bitCount: Int) -> UInt64 {
    guard let validity = unsafe validity else { return .max }
    return unsafe validity.load(start + row, bitCount)
  }

  /// The values, of a fixed width.
  func values<Value: BitwiseCopyable>(as type: Value.Type) -> UnsafePointer<Value>? {
    guard let base = unsafe column.buffers[1].unsafeBytes.baseAddress else { return nil }
    return unsafe base.assumingMemoryBound(to: Value.self) + start
  }
}

/// Bits of a buffer that need neither be aligned nor end with a whole word.
@unsafe
struct ArrowBits {
  private let bytes: UnsafeRawBufferPointer

  init(_ buffer: Buffer) { unsafe bytes = buffer.unsafeBytes }

  /// `bitCount` (1 to 64) bits from bit `start` on; the bits above are undefined.
  @inline(__always)
  func load(_ start: Int, _ bitCount: Int) -> UInt64 {
    let (byte, offset) = (start >> 3, start & 7)
    var value: UInt64 = 0
    if unsafe byte + 8 <= bytes.count {
      value = unsafe bytes.loadUnaligned(fromByteOffset: byte, as: UInt64.self)
    } else {
      for index in unsafe byte..<max(bytes.count, byte) {
        value |= unsafe UInt64(bytes[index]) &<< UInt64(8 * (index - byte))
      }
    }
    value &>>= UInt64(offset)
    if offset + bitCount > 64, unsafe byte + 8 < bytes.count {
      value |= unsafe UInt64(bytes[byte + 8]) &<< UInt64(64 - offset)
    }
    return value
  }
}
