internal import Columnar
internal import SQL

/// Which types come back from Parquet as they were, and how.
enum ColdTypes {
  /// The type as which DuckDB reads a column back; nil if its values would not be the same.
  static func sqlType(_ type: DataType) -> String? {
    if let plain = plainTypes[type] { return plain }
    switch type {
    case .timestamp(.microsecond, .some): return "TIMESTAMPTZ"
    case .fixedSizeBinary: return "BLOB"
    case .decimal(.bits128, let precision, let scale)
    where (1...38).contains(precision) && (0...precision).contains(scale):
      return "DECIMAL(\(precision), \(scale))"
    case .list(let item): return sqlType(item.type).map { $0 + "[]" }
    case .fixedSizeList(let item, let count) where count > 0:
      return sqlType(item.type).map { "\($0)[\(count)]" }
    case .structure(let fields):
      let members = fields.compactMap { field in
        sqlType(field.type).map { quotedName(field.name) + " " + $0 }
      }
      guard !fields.isEmpty, members.count == fields.count else { return nil }
      return "STRUCT(\(members.joined(separator: ", ")))"
    case .map(let entries, _):
      let types = entries.type.children.compactMap { sqlType($0.type) }
      return types.count == 2 ? "MAP(\(types[0]), \(types[1]))" : nil
    default: return nil
    }
  }

  private static let plainTypes: [DataType: String] = [
    .bool: "BOOLEAN", .int8: "TINYINT", .int16: "SMALLINT", .int32: "INTEGER", .int64: "BIGINT",
    .uint8: "UTINYINT", .uint16: "USMALLINT", .uint32: "UINTEGER", .uint64: "UBIGINT",
    .float32: "FLOAT", .float64: "DOUBLE", .date32: "DATE", .time64(.microsecond): "TIME",
    .timestamp(.second, timeZone: nil): "TIMESTAMP_S",
    .timestamp(.millisecond, timeZone: nil): "TIMESTAMP_MS",
    .timestamp(.microsecond, timeZone: nil): "TIMESTAMP",
    .timestamp(.nanosecond, timeZone: nil): "TIMESTAMP_NS", .utf8: "VARCHAR",
    .largeUTF8: "VARCHAR", .binary: "BLOB", .largeBinary: "BLOB",
  ]

  /// Refuses columns that would not come back.
  static func check(_ definition: StreamDefinition) throws(DatabaseError) {
    for column in definition.current.columns where sqlType(column.field.type) == nil {
      throw DatabaseError(
        .invalidArgument,
        "old rows of \(definition.qualifiedName) cannot be kept as Parquet: column "
          + "'\(column.field.name)' is \(column.sqlType.isEmpty ? "\(column.field.type)" : column.sqlType), "
          + "which would not come back as it was")
    }
  }
}

extension Column {
  /// The same values as another type that holds them alike; nil if that is not so.
  func restored(as type: DataType) -> Column? {
    if self.type == type { return self }
    switch (self.type, type) {
    case (.timestamp(let unit, _), .timestamp(let wanted, _)) where unit == wanted:
      return retyped(type, children)
    case (.utf8, .largeUTF8), (.binary, .largeBinary): return withLargeOffsets(type)
    case (.binary, .fixedSizeBinary(let width)): return withFixedWidth(type, width)
    case (.list, .list), (.map, .map), (.structure, .structure), (.fixedSizeList, .fixedSizeList):
      let wanted = type.children
      guard wanted.count == children.count else { return nil }
      var restored: [Column] = []
      for (child, field) in zip(children, wanted) {
        guard let column = child.restored(as: field.type) else { return nil }
        restored.append(column)
      }
      return retyped(type, restored)
    default: return nil
    }
  }

  private func retyped(_ type: DataType, _ children: [Column]) -> Column {
    Column(
      type: type, count: count, nullCount: nullCount, buffers: buffers, children: children,
      dictionary: dictionary)
  }

  private func withLargeOffsets(_ type: DataType) -> Column? {
    guard buffers.count == 3 else { return nil }
    let buffer = buffers[1]
    let offsets = buffer.values(as: Int32.self)
    var wide: [Int64] = []
    wide.reserveCapacity(count + 1)
    for index in 0..<min(count + 1, offsets.count) { wide.append(Int64(offsets[index])) }
    return Column(
      type: type, count: count, nullCount: nullCount,
      buffers: [buffers[0], Buffer(copying: wide), buffers[2]])
  }

  private func withFixedWidth(_ type: DataType, _ width: Int) -> Column? {
    var values: [UInt8] = []
    values.reserveCapacity(count * width)
    for row in 0..<count {
      if isNull(at: row) {
        values.append(contentsOf: repeatElement(0, count: width))
        continue
      }
      let value = bytes(at: row)
      guard value.count == width else { return nil }
      unsafe values.append(contentsOf: value.unsafeBytes)
    }
    return Column(
      type: type, count: count, nullCount: nullCount,
      buffers: [buffers[0], Buffer(copying: values)])
  }

  // MARK: Comparing

  /// Whether all values are the same bit by bit. What stands in the place of nulls does not count.
  func hasSameValues(as other: Column) -> Bool {
    guard type == other.type, count == other.count else { return false }
    if nullCount == 0, other.nullCount == 0, let width = type.fixedByteWidth {
      let byteCount = count * width
      return unsafe buffers[1].slice(from: 0, byteCount: byteCount).unsafeBytes.elementsEqual(
        other.buffers[1].slice(from: 0, byteCount: byteCount).unsafeBytes)
    }
    return (0..<count).allSatisfy { hasSameValue(at: $0, as: other, at: $0) }
  }

  private func hasSameValue(at row: Int, as other: Column, at otherRow: Int) -> Bool {
    let isNull = isNull(at: row)
    guard isNull == other.isNull(at: otherRow) else { return false }
    if isNull { return true }
    switch type {
    case .bool: return Bitmap.isSet(buffers[1], row) == Bitmap.isSet(other.buffers[1], otherRow)
    case .structure:
      return zip(children, other.children).allSatisfy {
        $0.hasSameValue(at: row, as: $1, at: otherRow)
      }
    case .list, .map, .fixedSizeList:
      let (mine, others) = (elements(at: row), other.elements(at: otherRow))
      guard mine.count == others.count else { return false }
      return zip(mine, others).allSatisfy {
        children[0].hasSameValue(at: $0, as: other.children[0], at: $1)
      }
    default:
      guard let width = type.fixedByteWidth else {
        return unsafe bytes(at: row).unsafeBytes.elementsEqual(
          other.bytes(at: otherRow).unsafeBytes)
      }
      let mine = buffers[1].slice(from: row * width, byteCount: width)
      let others = other.buffers[1].slice(from: otherRow * width, byteCount: width)
      return unsafe mine.unsafeBytes.elementsEqual(others.unsafeBytes)
    }
  }

  /// Which values of the child belong to a list.
  private func elements(at row: Int) -> Range<Int> {
    if case .fixedSizeList(_, let size) = type { return (row * size)..<((row + 1) * size) }
    let buffer = buffers[1]
    let offsets = buffer.values(as: Int32.self)
    return Int(offsets[row])..<Int(offsets[row + 1])
  }
}
