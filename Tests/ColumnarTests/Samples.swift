import Columnar

/// Columns of every type, made by hand.
enum Samples {
  static let rowCount = 11

  /// One column per type; some values are null where the type allows it.
  static func batch() -> Batch {
    let columns = plain() + variable() + nested() + encoded()
    let fields = columns.enumerated().map { index, column in
      Field("c\(index)", column.type, metadata: [KeyValue("index", "\(index)")])
    }
    return Batch(
      schema: Schema(fields, metadata: [KeyValue("made by", "hand")]), columns: columns,
      rowCount: rowCount, metadata: [KeyValue("batch", "1")])
  }

  static func cycle<Value>(_ values: [Value]) -> [Value] {
    (0..<rowCount).map { values[$0 % values.count] }
  }

  /// Values of `byteWidth` bytes each, every fourth null.
  static func patterned(_ type: DataType, byteWidth: Int) -> Column {
    var validity = BitmapBuilder()
    for row in 0..<rowCount { validity.append(row % 4 != 3) }
    let bytes = (0..<(rowCount * byteWidth)).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
    return Column(
      type: type, count: rowCount, nullCount: rowCount - validity.setCount,
      buffers: [validity.buffer, Buffer(copying: bytes)])
  }

  static func plain() -> [Column] {
    let types: [DataType] = [
      .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .float32,
      .float64, .date32, .date64, .time32(.second), .time32(.millisecond), .time64(.microsecond),
      .time64(.nanosecond), .timestamp(.second, timeZone: nil),
      .timestamp(.millisecond, timeZone: "UTC"), .timestamp(.microsecond, timeZone: "Asia/Tokyo"),
      .timestamp(.nanosecond, timeZone: nil), .duration(.second), .duration(.nanosecond),
      .interval(.yearMonth), .interval(.dayTime), .interval(.monthDayNano),
      .decimal(width: .bits32, precision: 9, scale: 2),
      .decimal(width: .bits64, precision: 18, scale: 0),
      .decimal(width: .bits128, precision: 38, scale: 10),
      .decimal(width: .bits256, precision: 76, scale: -2), .fixedSizeBinary(byteWidth: 5),
    ]
    return types.map { patterned($0, byteWidth: $0.fixedByteWidth ?? 0) }
      + [.nulls(count: rowCount), .bools(cycle([true, false, nil]))]
  }

  static let texts: [String?] = ["", "a", nil, "naïve", "longer than twelve bytes", "日本語🙂"]

  static func variable() -> [Column] {
    let strings = Column.strings(cycle(texts))
    let binaries = Column.binaries(cycle([[], [0, 255], nil, Array(repeating: 7, count: 30)]))
    return [
      strings, binaries, widened(strings, .largeUTF8), widened(binaries, .largeBinary),
      views(strings, .utf8View), views(binaries, .binaryView),
    ]
  }

  /// The same strings with 64-bit offsets.
  static func widened(_ column: Column, _ type: DataType) -> Column {
    let source = column.buffers[1]
    let offsets = source.values(as: Int32.self)
    let wide = (0..<offsets.count).map { Int64(offsets[$0]) }
    return Column(
      type: type, count: column.count, nullCount: column.nullCount,
      buffers: [column.buffers[0], Buffer(copying: wide)] + column.buffers.dropFirst(2),
      children: column.children)
  }

  /// The same strings as views, in one data buffer.
  static func views(_ column: Column, _ type: DataType) -> Column {
    var words: [Int32] = []
    for row in 0..<column.count {
      let value = column.bytes(at: row)
      var bytes = (0..<value.count).map { unsafe value.unsafeBytes[$0] }
      bytes += Array(repeating: 0, count: max(12 - bytes.count, 0))
      let view = [word(bytes, 0), word(bytes, 4), word(bytes, 8)]
      let sourceBuffer = column.buffers[1]
      let offset = sourceBuffer.values(as: Int32.self)[row]
      let isShort = value.count <= 12
      words += [Int32(value.count), view[0], isShort ? view[1] : 0, isShort ? view[2] : offset]
    }
    return Column(
      type: type, count: column.count, nullCount: column.nullCount,
      buffers: [column.buffers[0], Buffer(copying: words), column.buffers[2]])
  }

  private static func word(_ bytes: [UInt8], _ start: Int) -> Int32 {
    var word: UInt32 = 0
    for index in 0..<4 { word |= UInt32(bytes[start + index]) << UInt32(index * 8) }
    return Int32(bitPattern: word)
  }

  static func nested() -> [Column] {
    let item = Field("item", .int64)
    let numbers = Column.int64s([1, nil, 3, 4, 5, nil])
    let lists = Column.list(
      item, counts: [2, nil, 0, 1, 3] + Array(repeating: 0, count: rowCount - 5), items: numbers)
    let wide = widened(lists, .largeList(item))
    let offsets: [Int32] = cycle([3, 0, 1])
    let sizes: [Int32] = cycle([2, 3, 0])
    let pair = Column.int64s((0..<(2 * rowCount)).map { $0 % 5 == 0 ? nil : Int64($0) })
    let entryFields = [Field("key", .utf8, isNullable: false), Field("value", .int32)]
    let entries = Column.structure(
      entryFields, [.strings(["k", "l", "m"]), .int32s([1, nil, 3])], count: 3)
    let structFields = [Field("x", .int32), Field("y", .utf8)]
    let structure = Column.structure(
      structFields, [.int32s(cycle([1, nil])), .strings(cycle(texts))], count: rowCount,
      validity: cycle([true, true, false]))
    return [
      lists, wide, structure,
      Column(
        type: .listView(item), count: rowCount,
        buffers: [.empty, Buffer(copying: offsets), Buffer(copying: sizes)], children: [numbers]),
      Column(
        type: .largeListView(item), count: rowCount,
        buffers: [
          .empty, Buffer(copying: offsets.map { Int64($0) }),
          Buffer(copying: sizes.map { Int64($0) }),
        ], children: [numbers]),
      Column(
        type: .fixedSizeList(item, count: 2), count: rowCount, buffers: [.empty],
        children: [pair]),
      .map(
        Field("entries", .structure(entryFields), isNullable: false),
        counts: [1, nil, 2] + Array(repeating: 0, count: rowCount - 3), entries: entries),
    ]
  }

  static func encoded() -> [Column] {
    let fields = [Field("i", .int32), Field("s", .utf8)]
    let numbers = Column.int32s(cycle([1, nil, 3]))
    let strings = Column.strings(cycle(texts))
    let typeIDs: [Int8] = cycle([5, 9])
    let dictionary = Column.strings(["x", nil, "a longer value"])
    let inner = dictionaryColumn(.int8, Int8.self, [0, 2, 0], .strings(["in", "", "out"]))
    let listField = Field("item", inner.type)
    let nestedLists = Column.list(listField, counts: [2, 1], items: inner)
    return [
      .denseUnion(fields, selections: cycle([0, 1, 1]), children: [numbers, strings]),
      Column(
        type: .union(.sparse, fields, typeIDs: [5, 9]), count: rowCount,
        buffers: [Buffer(copying: typeIDs)], children: [numbers, strings]),
      dictionaryColumn(.int8, Int8.self, cycle([0, nil, 2]), dictionary),
      dictionaryColumn(.uint16, UInt16.self, cycle([0, 1, 2]), dictionary, isOrdered: true),
      dictionaryColumn(.int64, Int64.self, cycle([nil, 1]), .doubles([1.5, 2.5])),
      dictionaryColumn(.uint32, UInt32.self, cycle([1, 0]), nestedLists),
      runs([3, 4, Int32(rowCount)], .strings(["a", nil, "c"])),
    ]
  }

  static func dictionaryColumn<Index: FixedWidthInteger & BitwiseCopyable>(
    _ index: IndexType, _ type: Index.Type, _ indices: [Index?], _ dictionary: Column,
    isOrdered: Bool = false
  ) -> Column {
    let column = Column.fixedWidth(index.dataType, indices)
    return Column(
      type: .dictionary(index: index, value: dictionary.type, isOrdered: isOrdered),
      count: column.count, nullCount: column.nullCount, buffers: column.buffers,
      dictionary: dictionary)
  }

  static func runs(_ ends: [Int32], _ values: Column) -> Column {
    Column(
      type: .runEndEncoded(
        runEnds: Field("run_ends", .int32, isNullable: false),
        values: Field("values", values.type)),
      count: Int(ends.last ?? 0), buffers: [],
      children: [.fixedWidth(.int32, ends), values])
  }
}

extension Batch {
  /// All values as text, row by row.
  var texts: [[String]] {
    (0..<rowCount).map { row in columns.map { $0.string(at: row) ?? "null" } }
  }
}

extension Buffer {
  func hasOwner(of other: Buffer) -> Bool {
    guard let owner, let otherOwner = other.owner else { return false }
    return ObjectIdentifier(owner) == ObjectIdentifier(otherOwner)
  }

  /// One buffer with the bytes of all pieces, from `shift` bytes behind an aligned address on.
  static func joining(_ pieces: [Buffer], shift: Int = 0) -> Buffer {
    var bytes = Array(repeating: UInt8(0), count: shift)
    for piece in pieces { unsafe bytes.append(contentsOf: piece.unsafeBytes) }
    return Buffer(copying: bytes).slice(from: shift, byteCount: bytes.count - shift)
  }
}
