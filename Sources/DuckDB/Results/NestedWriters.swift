import CDuckDB
import Columnar

/// LIST and MAP: offsets, and the elements of all rows one after the other.
final class ListWriter: ColumnWriter {
  private let offsets = GrowingBuffer()
  private let element: ColumnWriter

  init(_ type: DataType, element: ColumnWriter) {
    self.element = element
    super.init(type)
  }

  override var hasVariableSize: Bool { true }
  override var variableByteCount: Int { element.count * 8 + element.variableByteCount }

  override func measure(_ vector: duckdb_vector?, from start: Int, count: Int) -> Int {
    var total = 0
    guard let vector = unsafe vector, let data = unsafe duckdb_vector_get_data(vector) else {
      return 0
    }
    let rows = unsafe VectorRows(
      vector: vector, data: data, validity: duckdb_vector_get_validity(vector), start: start,
      count: count)
    let child = unsafe duckdb_list_vector_get_child(vector)
    unsafe forEachRun(of: rows) { first, count in
      total += count * 8 + (unsafe element.measure(child, from: first, count: count))
    }
    return total
  }

  override func prepare(expectedCount: Int) {
    offsets.begin(byteCount: (expectedCount + 1) * 4, allocator: allocator)
    offsets.reserve(4)
    unsafe offsets.base.storeBytes(of: 0, as: Int32.self)
    offsets.count = 4
    element.begin(expectedCount: 0, allocator: allocator)
  }

  override func write(_ rows: VectorRows) throws(DuckDBError) {
    let child = unsafe duckdb_list_vector_get_child(rows.vector)
    var failure: DuckDBError?
    var end = element.count
    offsets.reserve(unsafe offsets.count + rows.count * 4)
    let limit = unsafe Int(duckdb_list_vector_get_size(rows.vector))
    for index in unsafe 0..<rows.count {
      end += unsafe Self.length(of: rows, index, limit)
      unsafe offsets.base.storeBytes(
        of: Int32(truncatingIfNeeded: end), toByteOffset: offsets.count, as: Int32.self)
      offsets.count += 4
    }
    unsafe forEachRun(of: rows) { first, count in
      guard failure == nil else { return }
      do throws(DuckDBError) {
        try unsafe element.append(child, from: first, count: count)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  /// How many elements a row has: none if it is null.
  @unsafe
  private static func length(of rows: VectorRows, _ index: Int, _ limit: Int) -> Int {
    guard unsafe rows.isValid(index), let data = unsafe rows.data else { return 0 }
    let entry = unsafe data.load(
      fromByteOffset: (rows.start + index) * 16, as: duckdb_list_entry.self)
    // What lies under a null parent may be anything.
    guard entry.length <= UInt64(limit), entry.offset <= UInt64(limit) - entry.length else {
      return 0
    }
    return Int(entry.length)
  }

  /// Calls `body` with ranges of elements, as few as possible, in the order of rows.
  @unsafe
  private func forEachRun(of rows: VectorRows, _ body: (_ first: Int, _ count: Int) -> Void) {
    let limit = unsafe Int(duckdb_list_vector_get_size(rows.vector))
    var (first, end) = (0, 0)
    for index in unsafe 0..<rows.count {
      let length = unsafe Self.length(of: rows, index, limit)
      guard length > 0, let data = unsafe rows.data else { continue }
      let offset = unsafe Int(data.load(fromByteOffset: (rows.start + index) * 16, as: UInt64.self))
      if offset == end, end > first {
        end += length
      } else {
        if end > first { body(first, end - first) }
        (first, end) = (offset, offset + length)
      }
    }
    if end > first { body(first, end - first) }
  }

  override func finishBuffers() -> [Buffer] { [offsets.finish()] }
  override func finishChildren() -> [Column] { [element.finish()] }
}

/// ARRAY: as many elements in each row.
final class ArrayWriter: ColumnWriter {
  private let size: Int
  private let element: ColumnWriter

  init(_ type: DataType, size: Int, element: ColumnWriter) {
    self.size = size
    self.element = element
    super.init(type)
  }

  override var hasVariableSize: Bool { true }
  override var variableByteCount: Int { element.count * 8 + element.variableByteCount }

  override func measure(_ vector: duckdb_vector?, from start: Int, count: Int) -> Int {
    let child = unsafe duckdb_array_vector_get_child(vector)
    let elements = count * size
    return unsafe elements * 8 + element.measure(child, from: start * size, count: elements)
  }

  override func prepare(expectedCount: Int) {
    element.begin(expectedCount: 0, allocator: allocator)
  }

  override func write(_ rows: VectorRows) throws(DuckDBError) {
    let child = unsafe duckdb_array_vector_get_child(rows.vector)
    try unsafe element.append(child, from: rows.start * size, count: rows.count * size)
  }

  override func finishChildren() -> [Column] { [element.finish()] }
}

/// STRUCT.
class StructWriter: ColumnWriter {
  fileprivate let members: [ColumnWriter]
  /// Where the first member is among the children of DuckDB's vector.
  fileprivate var firstMember: Int { 0 }

  init(_ type: DataType, members: [ColumnWriter]) {
    self.members = members
    super.init(type)
  }

  final override var hasVariableSize: Bool { members.contains { $0.hasVariableSize } }
  final override var variableByteCount: Int {
    members.reduce(0) { $0 + $1.variableByteCount }
  }

  final override func measure(_ vector: duckdb_vector?, from start: Int, count: Int) -> Int {
    var total = 0
    for (index, member) in members.enumerated() where member.hasVariableSize {
      let child = unsafe duckdb_struct_vector_get_child(vector, UInt64(firstMember + index))
      total += unsafe member.measure(child, from: start, count: count)
    }
    return total
  }

  override func prepare(expectedCount: Int) {
    for member in members { member.begin(expectedCount: expectedCount, allocator: allocator) }
  }

  override func write(_ rows: VectorRows) throws(DuckDBError) {
    for (index, member) in members.enumerated() {
      let child = unsafe duckdb_struct_vector_get_child(
        rows.vector, UInt64(firstMember + index))
      try unsafe member.append(child, from: rows.start, count: rows.count)
    }
  }

  final override func finishChildren() -> [Column] { members.map { $0.finish() } }
}

/// UNION as a sparse union. DuckDB keeps it as a struct of the tag and all members.
final class UnionWriter: StructWriter {
  private let tags = GrowingBuffer()

  override var firstMember: Int { 1 }
  override var hasBuffersOfValidity: Bool { false }

  override func prepare(expectedCount: Int) {
    tags.begin(byteCount: expectedCount, allocator: allocator)
    super.prepare(expectedCount: expectedCount)
  }

  override func write(_ rows: VectorRows) throws(DuckDBError) {
    try unsafe super.write(rows)
    guard let vector = unsafe duckdb_struct_vector_get_child(rows.vector, 0),
      let data = unsafe duckdb_vector_get_data(vector)
    else { return }
    let tagRows = unsafe VectorRows(
      vector: vector, data: data, validity: duckdb_vector_get_validity(vector),
      start: rows.start, count: rows.count)
    tags.reserve(unsafe tags.count + rows.count)
    for index in unsafe 0..<rows.count {
      let isValid = unsafe rows.isValid(index) && tagRows.isValid(index)
      let tag = isValid ? unsafe data.load(fromByteOffset: rows.start + index, as: UInt8.self) : 0
      unsafe tags.base.storeBytes(of: tag, toByteOffset: tags.count, as: UInt8.self)
      tags.count += 1
    }
  }

  override func finishBuffers() -> [Buffer] { [tags.finish()] }
}
