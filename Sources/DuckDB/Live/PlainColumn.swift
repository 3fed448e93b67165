import Columnar

/// The type of a column once nothing in it is indirect: dictionaries and runs are decoded, list views
/// are lists, dense unions are sparse ones. DuckDB gives wrong values for some nested dictionaries
/// and breaks on others, so it never sees one.
func plainType(_ type: DataType) -> DataType {
  switch type {
  case .dictionary(_, let value, _): plainType(value)
  case .runEndEncoded(_, let values): plainType(values.type)
  case .list(let item), .listView(let item): .list(plainField(item))
  case .largeList(let item), .largeListView(let item): .largeList(plainField(item))
  case .fixedSizeList(let item, let count):
    // DuckDB has no arrays without elements, nor very long ones.
    count >= 1 && count <= DuckDBTypes.maxArraySize
      ? .fixedSizeList(plainField(item), count: count) : .list(plainField(item))
  case .structure(let fields): .structure(fields.map(plainField))
  case .map(let entries, let keysSorted): .map(entries: plainField(entries), keysSorted: keysSorted)
  case .union(_, let fields, let ids): .union(.sparse, fields.map(plainField), typeIDs: ids)
  default: type
  }
}

private func plainField(_ field: Field) -> Field {
  Field(field.name, plainType(field.type), isNullable: field.isNullable)
}

extension Column {
  /// The same values without indirection, of type `plainType(type)`. Itself if there is none.
  func plain() -> Column {
    switch type {
    case .dictionary: return decodedDictionary()
    case .runEndEncoded: return decodedRuns()
    case .listView, .largeListView: return listFromView()
    case .union(.dense, _, _): return sparseUnion()
    case .fixedSizeList(_, let size) where size < 1 || size > DuckDBTypes.maxArraySize:
      return listFromArray(size: size)
    case .list, .largeList, .fixedSizeList, .structure, .map, .union:
      let wanted = plainType(type)
      guard wanted != type else { return self }
      return Column(
        type: wanted, count: count, nullCount: nullCount, buffers: buffers,
        children: children.map { $0.plain() })
    default: return self
    }
  }

  /// Whether `row` is not null, as far as the bitmap says.
  func isValid(_ row: Int) -> Bool {
    guard nullCount > 0, let bitmap = buffers.first, row >> 3 < bitmap.count else {
      return type != .null
    }
    let span = bitmap.span
    return span.unsafeLoadByte(row >> 3) >> UInt8(row & 7) & 1 == 1
  }

  private func decodedDictionary() -> Column {
    guard let dictionary, case .dictionary(let index, _, _) = type, buffers.count > 1 else {
      return self
    }
    let codes = buffers[1]
    var rows: [Int] = []
    rows.reserveCapacity(count)
    for row in 0..<count {
      rows.append(isValid(row) ? codes.integer(at: row, index.dataType) : -1)
    }
    return dictionary.plain().taking(rows)
  }

  private func decodedRuns() -> Column {
    guard children.count == 2, children[0].buffers.count > 1 else { return self }
    let ends = children[0].buffers[1]
    var rows: [Int] = []
    rows.reserveCapacity(count)
    for run in 0..<children[0].count where rows.count < count {
      let end = min(ends.integer(at: run, children[0].type), count)
      while rows.count < end { rows.append(run) }
    }
    return children[1].plain().taking(rows)
  }

  private func listFromView() -> Column {
    guard buffers.count > 2, children.count == 1 else { return self }
    let isLarge = if case .largeListView = type { true } else { false }
    let width: DataType = isLarge ? .int64 : .int32
    var rows: [Int] = []
    var lengths: [Int] = []
    for row in 0..<count {
      let length = isValid(row) ? buffers[2].integer(at: row, width) : 0
      let offset = buffers[1].integer(at: row, width)
      lengths.append(length)
      for element in 0..<length { rows.append(offset + element) }
    }
    return Column(
      type: plainType(type), count: count, nullCount: nullCount,
      buffers: [buffers[0], offsets(ofLengths: lengths, isLarge: isLarge)],
      children: [children[0].plain().taking(rows)])
  }

  private func listFromArray(size: Int) -> Column {
    guard children.count == 1 else { return self }
    let lengths = Array(repeating: size, count: count)
    return Column(
      type: plainType(type), count: count, nullCount: nullCount,
      buffers: [buffers.first ?? .empty, offsets(ofLengths: lengths, isLarge: false)],
      children: [children[0].plain()])
  }

  private func sparseUnion() -> Column {
    guard case .union(_, _, let typeIDs) = type, buffers.count > 1 else { return self }
    var members: [Column] = []
    for (member, child) in children.enumerated() {
      var rows: [Int] = []
      rows.reserveCapacity(count)
      for row in 0..<count {
        let isSelected = buffers[0].integer(at: row, .int8) == Int(typeIDs[member])
        rows.append(isSelected ? buffers[1].integer(at: row, .int32) : -1)
      }
      members.append(child.plain().taking(rows))
    }
    return Column(
      type: plainType(type), count: count, buffers: [buffers[0]], children: members)
  }
}

extension RawSpan {
  fileprivate func unsafeLoadByte(_ index: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self)
  }
}

extension Buffer {
  /// The integer at `index`, of one of the integer types; -1 behind the end.
  func integer(at index: Int, _ type: DataType) -> Int {
    func load<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value.Type) -> Int {
      let width = MemoryLayout<Value>.size
      guard index >= 0, (index + 1) * width <= count else { return -1 }
      return unsafe Int(
        truncatingIfNeeded: unsafeBytes.loadUnaligned(
          fromByteOffset: index * width, as: Value.self))
    }
    return switch type {
    case .int8: load(Int8.self)
    case .int16: load(Int16.self)
    case .int32: load(Int32.self)
    case .int64: load(Int64.self)
    case .uint8: load(UInt8.self)
    case .uint16: load(UInt16.self)
    case .uint32: load(UInt32.self)
    default: load(UInt64.self)
    }
  }
}

/// The offsets of lists that have these lengths.
func offsets(ofLengths lengths: [Int], isLarge: Bool) -> Buffer {
  var end = 0
  var ends = [0]
  ends.reserveCapacity(lengths.count + 1)
  for length in lengths {
    end += length
    ends.append(end)
  }
  return isLarge
    ? Buffer(copying: ends.map { Int64($0) })
    : Buffer(copying: ends.map { Int32(truncatingIfNeeded: $0) })
}
