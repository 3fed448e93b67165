extension Column {
  /// The values of all `parts` behind each other, copied.
  ///
  /// Dictionaries that differ are put behind each other, too.
  ///
  /// - Precondition: at least one part; all have the same type.
  public static func concatenate(_ parts: [Column]) throws(ColumnError) -> Column {
    guard parts.count > 1 else { return parts[0] }
    let type = parts[0].type
    switch type {
    case .null: return .nulls(count: parts.reduce(0) { $0 + $1.count })
    case .bool:
      var bits = BitmapBuilder()
      for part in parts { bits.append(bitsOf: part.buffers[1], count: part.count) }
      return join(parts, [bits.buffer])
    case .utf8, .binary: return try joinStrings(parts, Int32.self)
    case .largeUTF8, .largeBinary: return try joinStrings(parts, Int64.self)
    case .utf8View, .binaryView: return try joinViews(parts)
    case .list, .map: return try joinLists(parts, Int32.self)
    case .largeList: return try joinLists(parts, Int64.self)
    case .listView: return try joinListViews(parts, Int32.self)
    case .largeListView: return try joinListViews(parts, Int64.self)
    case .fixedSizeList(_, let size):
      return join(
        parts, [], children: [try concatenate(parts.map { $0.children[0].prefix($0.count * size) })]
      )
    case .structure: return join(parts, [], children: try joinChildren(parts))
    case .union(.sparse, _, _):
      return join(parts, [.joined(parts.map { $0.buffers[0] })], children: try joinChildren(parts))
    case .union(.dense, _, let typeIDs): return try joinDenseUnions(parts, typeIDs)
    case .dictionary(let index, _, _): return try joinDictionaries(parts, index)
    case .runEndEncoded: return try joinRuns(parts)
    default: return join(parts, [.joined(parts.map { $0.buffers[1] })])
    }
  }

  /// A column of all values, given its buffers behind the validity.
  private static func join(
    _ parts: [Column], _ buffers: [Buffer], children: [Column] = [], dictionary: Column? = nil
  ) -> Column {
    let type = parts[0].type
    let count = parts.reduce(0) { $0 + $1.count }
    let nullCount = parts.reduce(0) { $0 + $1.nullCount }
    var all = buffers
    if type.hasValidity {
      var validity = BitmapBuilder()
      if nullCount > 0 {
        for part in parts {
          let bits = part.nullCount == 0 ? .empty : part.buffers[0]
          validity.append(validity: bits, count: part.count)
        }
      }
      all.insert(nullCount > 0 ? validity.buffer : .empty, at: 0)
    }
    return Column(
      type: type, count: count, nullCount: nullCount, buffers: all, children: children,
      dictionary: dictionary)
  }

  private static func joinChildren(_ parts: [Column]) throws(ColumnError) -> [Column] {
    var children: [Column] = []
    for index in parts[0].children.indices {
      children.append(try concatenate(parts.map { $0.children[index].prefix($0.count) }))
    }
    return children
  }

  // MARK: - Offsets

  /// The offsets of all parts as if their values lay behind each other, and the range that each
  /// part uses of its own.
  private static func joinOffsets<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ parts: [Column], _ type: Offset.Type
  ) throws(ColumnError) -> (Buffer, ranges: [Range<Int>]) {
    var joined: [Offset] = [0]
    joined.reserveCapacity(parts.reduce(1) { $0 + $1.count })
    var ranges: [Range<Int>] = []
    var base = 0
    for part in parts {
      let buffer = part.buffers[1]
      let offsets = buffer.values(as: Offset.self)
      let (first, last) = (Int(offsets[0]), Int(offsets[part.count]))
      ranges.append(first..<last)
      guard base + (last - first) <= Int(Offset.max) else {
        throw .tooLarge("its offsets exceed \(Offset.max)")
      }
      let shift = Offset(base) &- offsets[0]
      for row in 0..<part.count { joined.append(offsets[row + 1] &+ shift) }
      base += last - first
    }
    return (Buffer(copying: joined), ranges)
  }

  private static func joinStrings<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ parts: [Column], _ type: Offset.Type
  ) throws(ColumnError) -> Column {
    let (offsets, ranges) = try joinOffsets(parts, type)
    let data = zip(parts, ranges).map { part, range in
      part.buffers[2].slice(from: range.lowerBound, byteCount: range.count)
    }
    return join(parts, [offsets, .joined(data)])
  }

  private static func joinLists<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ parts: [Column], _ type: Offset.Type
  ) throws(ColumnError) -> Column {
    let (offsets, ranges) = try joinOffsets(parts, type)
    let items = zip(parts, ranges).map { part, range in
      part.children[0].slice(from: range.lowerBound, count: range.count)
    }
    return join(parts, [offsets], children: [try concatenate(items)])
  }

  private static func joinListViews<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ parts: [Column], _ type: Offset.Type
  ) throws(ColumnError) -> Column {
    var joined: [Offset] = []
    var base = 0
    for part in parts {
      let buffer = part.buffers[1]
      let offsets = buffer.values(as: Offset.self)
      guard base + part.children[0].count <= Int(Offset.max) else {
        throw .tooLarge("its offsets exceed \(Offset.max)")
      }
      for row in 0..<part.count { joined.append(offsets[row] + Offset(base)) }
      base += part.children[0].count
    }
    return join(
      parts, [Buffer(copying: joined), .joined(parts.map { $0.buffers[2] })],
      children: [try concatenate(parts.map { $0.children[0] })])
  }

  private static func joinViews(_ parts: [Column]) throws(ColumnError) -> Column {
    var words: [Int32] = []
    var data: [Buffer] = []
    for part in parts {
      let buffer = part.buffers[1]
      let views = buffer.values(as: Int32.self)
      guard let base = Int32(exactly: data.count) else { throw .tooLarge("too many data buffers") }
      for row in 0..<part.count {
        let start = row * 4
        let isLong = views[start] > 12
        words.append(views[start])
        words.append(views[start + 1])
        words.append(isLong ? views[start + 2] &+ base : views[start + 2])
        words.append(views[start + 3])
      }
      data += part.buffers.dropFirst(2)
    }
    return join(parts, [Buffer(copying: words)] + data)
  }

  // MARK: - Encoded types

  private static func joinDenseUnions(
    _ parts: [Column], _ typeIDs: [Int8]
  ) throws(ColumnError) -> Column {
    var bases = Array(repeating: 0, count: 128)
    var joined: [Int32] = []
    for part in parts {
      let (idBuffer, offsetBuffer) = (part.buffers[0], part.buffers[1])
      let (ids, offsets) = (idBuffer.values(as: Int8.self), offsetBuffer.values(as: Int32.self))
      for row in 0..<part.count {
        guard let offset = Int32(exactly: bases[Int(ids[row])] + Int(offsets[row])) else {
          throw .tooLarge("its offsets exceed \(Int32.max)")
        }
        joined.append(offset)
      }
      for (id, child) in zip(typeIDs, part.children) { bases[Int(id)] += child.count }
    }
    var children: [Column] = []
    for index in parts[0].children.indices {
      children.append(try concatenate(parts.map { $0.children[index] }))
    }
    return join(
      parts, [.joined(parts.map { $0.buffers[0] }), Buffer(copying: joined)], children: children)
  }

  private static func joinDictionaries(
    _ parts: [Column], _ index: IndexType
  ) throws(ColumnError) -> Column {
    let dictionaries = parts.compactMap(\.dictionary)
    guard let first = dictionaries.first, dictionaries.count == parts.count else {
      throw .typesDiffer("a dictionary is missing")
    }
    if dictionaries.allSatisfy({ $0.hasSameBytes(as: first) }) {
      return join(parts, [.joined(parts.map { $0.buffers[1] })], dictionary: first)
    }
    var base = 0
    var indices: [Buffer] = []
    for (part, dictionary) in zip(parts, dictionaries) {
      guard base + max(dictionary.count - 1, 0) <= index.maxIndex else {
        throw .tooLarge("its dictionary has more values than its indices can select")
      }
      indices.append(part.indices(index, shiftedBy: base))
      base += dictionary.count
    }
    return join(parts, [.joined(indices)], dictionary: try concatenate(dictionaries))
  }

  private func indices(_ type: IndexType, shiftedBy base: Int) -> Buffer {
    func shifted<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Buffer {
      let buffer = buffers[1]
      let values = buffer.values(as: Value.self)
      let shift = Value(truncatingIfNeeded: base)
      return Buffer(copying: (0..<count).map { isValid(at: $0) ? values[$0] &+ shift : 0 })
    }
    if base == 0 { return buffers[1] }
    return switch type {
    case .int8, .uint8: shifted(UInt8.self)
    case .int16, .uint16: shifted(UInt16.self)
    case .int32, .uint32: shifted(UInt32.self)
    case .int64, .uint64: shifted(UInt64.self)
    }
  }

  private static func joinRuns(_ parts: [Column]) throws(ColumnError) -> Column {
    var ends: [Int] = []
    var values: [Column] = []
    var base = 0
    for part in parts where part.count > 0 {
      let runCount = part.runIndex(at: part.count - 1) + 1
      for run in 0..<runCount { ends.append(base + min(part.runEnd(run), part.count)) }
      values.append(part.children[1].prefix(runCount))
      base += part.count
    }
    let type = parts[0].children[0].type
    let limit = type == .int16 ? Int(Int16.max) : type == .int32 ? Int(Int32.max) : .max
    guard base <= limit else { throw .tooLarge("its run ends exceed \(limit)") }
    guard !values.isEmpty else { return parts[0] }
    return Column(
      type: parts[0].type, count: base, buffers: [],
      children: [.runEnds(ends, type: type), try concatenate(values)])
  }
}

extension BitmapBuilder {
  /// Appends the first `bitCount` bits of `buffer`, the values of a boolean column.
  mutating func append(bitsOf buffer: Buffer, count bitCount: Int) {
    guard !buffer.isEmpty else { return append(repeating: false, count: bitCount) }
    append(validity: buffer, count: bitCount)
  }
}
