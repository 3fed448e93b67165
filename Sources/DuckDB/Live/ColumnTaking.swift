import Columnar

/// Choosing rows of a plain column, for decoding. Not on the way of plain data.
extension Column {
  /// The values of `rows`, in that order; null where a row is not in `0 ..< count`.
  func taking(_ rows: [Int]) -> Column {
    let isChosen = rows.map { $0 >= 0 && $0 < count && isValid($0) }
    let nulls = isChosen.reduce(0) { $0 + ($1 ? 0 : 1) }
    switch type {
    case .null: return Column(type: type, count: rows.count, nullCount: rows.count, buffers: [])
    case .union: return takingUnion(rows)
    default: break
    }
    var taken: [Buffer] = [nulls == 0 ? .empty : bitmap(isChosen)]
    var members: [Column] = []
    switch type {
    case .bool:
      let values = buffers[1]
      taken.append(
        bitmap(
          zip(rows, isChosen).map { row, isChosen in
            isChosen && values.integer(at: row >> 3, .uint8) >> (row & 7) & 1 == 1
          }))
    case .utf8, .binary: taken += takingBytes(rows, isChosen, isLarge: false)
    case .largeUTF8, .largeBinary: taken += takingBytes(rows, isChosen, isLarge: true)
    case .utf8View, .binaryView:
      taken.append(takingFixed(rows, isChosen, byteWidth: 16))
      taken += buffers.dropFirst(2)
    case .list, .map, .largeList:
      let isLarge = if case .largeList = type { true } else { false }
      let (ends, elements) = takingLists(rows, isChosen, isLarge: isLarge)
      taken.append(ends)
      members = [children[0].taking(elements)]
    case .fixedSizeList(_, let size):
      members = [
        children[0].taking(
          rows.flatMap { row in (0..<size).map { row < 0 ? -1 : row * size + $0 } })
      ]
    case .structure:
      members = children.map { $0.taking(rows) }
    default: taken.append(takingFixed(rows, isChosen, byteWidth: type.plainByteWidth))
    }
    return Column(
      type: type, count: rows.count, nullCount: nulls, buffers: taken, children: members)
  }

  private func takingUnion(_ rows: [Int]) -> Column {
    guard case .union(_, _, let typeIDs) = type else { return self }
    let ids = rows.map { row in
      row >= 0 && row < count
        ? Int8(truncatingIfNeeded: buffers[0].integer(at: row, .int8)) : typeIDs.first ?? 0
    }
    return Column(
      type: type, count: rows.count, buffers: [Buffer(copying: ids)],
      children: children.map { $0.taking(rows) })
  }

  private func takingFixed(_ rows: [Int], _ isChosen: [Bool], byteWidth: Int) -> Buffer {
    let source = buffers[1]
    let made = WritableBuffer(byteCount: rows.count * byteWidth)
    for (place, row) in rows.enumerated() {
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: made.bytes[(place * byteWidth)..<((place + 1) * byteWidth)])
      if isChosen[place], (row + 1) * byteWidth <= source.count {
        unsafe target.copyMemory(
          from: UnsafeRawBufferPointer(
            rebasing: source.unsafeBytes[(row * byteWidth)..<((row + 1) * byteWidth)]))
      } else {
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
    return made.finish(byteCount: rows.count * byteWidth)
  }

  private func takingBytes(_ rows: [Int], _ isChosen: [Bool], isLarge: Bool) -> [Buffer] {
    let width: DataType = isLarge ? .int64 : .int32
    var text: [UInt8] = []
    var lengths: [Int] = []
    lengths.reserveCapacity(rows.count)
    for (place, row) in rows.enumerated() {
      guard isChosen[place] else {
        lengths.append(0)
        continue
      }
      let (start, end) = (
        buffers[1].integer(at: row, width), buffers[1].integer(at: row + 1, width)
      )
      lengths.append(end - start)
      unsafe text.append(contentsOf: buffers[2].unsafeBytes[start..<end])
    }
    return [offsets(ofLengths: lengths, isLarge: isLarge), Buffer(copying: text)]
  }

  private func takingLists(
    _ rows: [Int], _ isChosen: [Bool], isLarge: Bool
  ) -> (ends: Buffer, elements: [Int]) {
    let width: DataType = isLarge ? .int64 : .int32
    var elements: [Int] = []
    var lengths: [Int] = []
    for (place, row) in rows.enumerated() {
      guard isChosen[place] else {
        lengths.append(0)
        continue
      }
      let (start, end) = (
        buffers[1].integer(at: row, width), buffers[1].integer(at: row + 1, width)
      )
      lengths.append(end - start)
      elements.append(contentsOf: start..<end)
    }
    return (offsets(ofLengths: lengths, isLarge: isLarge), elements)
  }
}

/// The bits of `values`.
func bitmap(_ values: [Bool]) -> Buffer {
  var bytes = [UInt8](repeating: 0, count: (values.count + 7) / 8)
  for (row, value) in values.enumerated() where value { bytes[row >> 3] |= 1 << UInt8(row & 7) }
  return Buffer(copying: bytes)
}

extension DataType {
  /// Bytes per value of a type of fixed width; 0 for others.
  var plainByteWidth: Int {
    switch self {
    case .int8, .uint8: 1
    case .int16, .uint16, .float16: 2
    case .int32, .uint32, .float32, .date32, .time32, .interval(.yearMonth): 4
    case .int64, .uint64, .float64, .date64, .time64, .timestamp, .duration, .interval(.dayTime):
      8
    case .interval(.monthDayNano): 16
    case .decimal(let width, _, _): width.byteCount
    case .fixedSizeBinary(let byteWidth): byteWidth
    default: 0
    }
  }
}
