extension Column {
  /// A range of values. Shares the buffers; only bitmaps that do not start on a byte, and run ends,
  /// are copied. The range is clamped to the column.
  public func slice(from start: Int, count: Int) -> Column {
    let start = min(max(start, 0), self.count)
    let count = min(max(count, 0), self.count - start)
    if start == 0, count == self.count { return self }
    let (validity, nullCount) = slicedValidity(from: start, count: count)
    func column(_ values: [Buffer], children: [Column]? = nil) -> Column {
      Column(
        type: type, count: count, nullCount: nullCount,
        buffers: type.hasValidity ? [validity] + values : values,
        children: children ?? self.children, dictionary: dictionary)
    }
    func values(_ index: Int, width: Int, extra: Int = 0) -> Buffer {
      buffers[index].slice(from: start * width, byteCount: (count + extra) * width)
    }
    switch type {
    case .null: return .nulls(count: count)
    case .bool: return column([Bitmap.slice(buffers[1], from: start, bitCount: count)])
    case .utf8, .binary: return column([values(1, width: 4, extra: 1), buffers[2]])
    case .largeUTF8, .largeBinary: return column([values(1, width: 8, extra: 1), buffers[2]])
    case .utf8View, .binaryView: return column([values(1, width: 16)] + buffers.dropFirst(2))
    case .list, .map: return column([values(1, width: 4, extra: 1)])
    case .largeList: return column([values(1, width: 8, extra: 1)])
    case .listView: return column([values(1, width: 4), values(2, width: 4)])
    case .largeListView: return column([values(1, width: 8), values(2, width: 8)])
    case .fixedSizeList(_, let size):
      return column([], children: [children[0].slice(from: start * size, count: count * size)])
    case .structure:
      return column([], children: children.map { $0.slice(from: start, count: count) })
    case .union(.sparse, _, _):
      return column(
        [values(0, width: 1)], children: children.map { $0.slice(from: start, count: count) })
    case .union(.dense, _, _): return column([values(0, width: 1), values(1, width: 4)])
    case .runEndEncoded: return slicedRuns(from: start, count: count)
    default: return column([values(1, width: type.fixedByteWidth ?? 0)])
    }
  }

  /// The first `count` values.
  public func prefix(_ count: Int) -> Column { slice(from: 0, count: count) }

  private func slicedValidity(from start: Int, count: Int) -> (Buffer, nullCount: Int) {
    guard nullCount > 0, type.hasValidity, let validity = buffers.first, !validity.isEmpty else {
      return (.empty, type == .null ? count : 0)
    }
    let bits = Bitmap.slice(validity, from: start, bitCount: count)
    let nullCount = count - Bitmap.setBitCount(in: bits, bitCount: count)
    return (nullCount == 0 ? .empty : bits, nullCount)
  }

  private func slicedRuns(from start: Int, count: Int) -> Column {
    let first = runIndex(at: start)
    let end = count == 0 ? first : runIndex(at: start + count - 1) + 1
    let ends = (first..<end).map { min(runEnd($0) - start, count) }
    return Column(
      type: type, count: count, buffers: [],
      children: [
        .runEnds(ends, type: children[0].type),
        children[1].slice(from: first, count: end - first),
      ])
  }

  /// Where run `index` of a run-end encoded column ends.
  func runEnd(_ index: Int) -> Int {
    let buffer = children[0].buffers[1]
    switch children[0].type {
    case .int16: return Int(buffer.number(at: index * 2, as: Int16.self) ?? 0)
    case .int32: return Int(buffer.number(at: index * 4, as: Int32.self) ?? 0)
    default: return Int(buffer.number(at: index * 8, as: Int64.self) ?? 0)
    }
  }

  /// The run of a run-end encoded column that holds `row`, found by bisection.
  public func runIndex(at row: Int) -> Int {
    var (low, high) = (0, children[0].count)
    while low < high {
      let middle = low + (high - low) / 2
      if runEnd(middle) <= row { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// A column of run ends, all of which fit the type.
  static func runEnds(_ ends: [Int], type: DataType) -> Column {
    switch type {
    case .int16: .fixedWidth(type, ends.map { Int16(truncatingIfNeeded: $0) })
    case .int32: .fixedWidth(type, ends.map { Int32(truncatingIfNeeded: $0) })
    default: .fixedWidth(type, ends.map { Int64($0) })
    }
  }

  /// A column of no values.
  public static func empty(_ type: DataType) -> Column {
    var dictionary: Column?
    if case .dictionary(_, let value, _) = type { dictionary = .empty(value) }
    let buffers: [Buffer] =
      switch type {
      case .null, .runEndEncoded: []
      case .utf8, .binary: [.empty, Buffer(copying: [Int32(0)]), .empty]
      case .largeUTF8, .largeBinary: [.empty, Buffer(copying: [Int64(0)]), .empty]
      case .list, .map: [.empty, Buffer(copying: [Int32(0)])]
      case .largeList: [.empty, Buffer(copying: [Int64(0)])]
      case .listView, .largeListView: [.empty, .empty, .empty]
      case .structure, .fixedSizeList: [.empty]
      case .union(.sparse, _, _): [.empty]
      default: [.empty, .empty]
      }
    return Column(
      type: type, count: 0, buffers: buffers, children: type.children.map { .empty($0.type) },
      dictionary: dictionary)
  }

  /// Whether both hold the same bytes. Equal values in another layout count as different.
  func hasSameBytes(as other: Column) -> Bool {
    if self === other { return true }
    guard count == other.count, nullCount == other.nullCount, type == other.type,
      buffers.count == other.buffers.count, children.count == other.children.count
    else { return false }
    let sameDictionary =
      switch (dictionary, other.dictionary) {
      case (let mine?, let others?): mine.hasSameBytes(as: others)
      case (nil, nil): true
      default: false
      }
    return sameDictionary
      && zip(buffers, other.buffers).allSatisfy { $0.hasSameBytes(as: $1) }
      && zip(children, other.children).allSatisfy { $0.hasSameBytes(as: $1) }
  }
}

extension Buffer {
  func hasSameBytes(as other: Buffer) -> Bool {
    guard count == other.count else { return false }
    let (mine, others) = unsafe (unsafeBytes, other.unsafeBytes)
    if unsafe mine.baseAddress == others.baseAddress { return true }
    let words = count / 8
    for word in 0..<words {
      let (a, b) = unsafe (
        mine.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self),
        others.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)
      )
      if a != b { return false }
    }
    for index in (words * 8)..<count where unsafe mine[index] != others[index] { return false }
    return true
  }

  /// The bytes of all `parts` behind each other.
  static func joined(_ parts: [Buffer]) -> Buffer {
    let byteCount = parts.reduce(0) { $0 + $1.count }
    let writable = WritableBuffer(byteCount: byteCount)
    var position = 0
    for part in parts where !part.isEmpty {
      unsafe UnsafeMutableRawBufferPointer(rebasing: writable.bytes[position...])
        .copyMemory(from: part.unsafeBytes)
      position += part.count
    }
    return writable.finish(byteCount: byteCount)
  }
}

extension Batch {
  /// A range of rows. Shares the buffers; only bitmaps that do not start on a byte, and run ends,
  /// are copied. The range is clamped to the batch.
  public func slice(from start: Int, count: Int) -> Batch {
    let start = min(max(start, 0), rowCount)
    let count = min(max(count, 0), rowCount - start)
    return Batch(
      schema: schema, columns: columns.map { $0.slice(from: start, count: count) },
      rowCount: count, metadata: metadata)
  }
}
