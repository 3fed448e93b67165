extension DataType {
  /// The fields of the child columns, in order. Those of a dictionary are in its value type.
  public var children: [Field] {
    switch self {
    case .list(let item), .largeList(let item), .listView(let item), .largeListView(let item),
      .fixedSizeList(let item, _):
      [item]
    case .map(let entries, _): [entries]
    case .structure(let fields), .union(_, let fields, _): fields
    case .runEndEncoded(let runEnds, let values): [runEnds, values]
    default: []
    }
  }

  /// Bytes of one value of the data buffer; nil for types whose values are not plain memory.
  /// Booleans are bits and have none; a dictionary has that of its indices.
  public var fixedByteWidth: Int? {
    switch self {
    case .int8, .uint8: 1
    case .int16, .uint16, .float16: 2
    case .int32, .uint32, .float32, .date32, .time32: 4
    case .int64, .uint64, .float64, .date64, .time64, .timestamp, .duration: 8
    case .decimal(let width, _, _): width.byteCount
    case .interval(.yearMonth): 4
    case .interval(.dayTime): 8
    case .interval(.monthDayNano): 16
    case .fixedSizeBinary(let byteWidth): byteWidth
    case .dictionary(let index, _, _): index.byteWidth
    default: nil
    }
  }

  /// Whether a column of this type starts with a validity buffer.
  @inlinable
  public var hasValidity: Bool {
    switch self {
    case .null, .union, .runEndEncoded: false
    default: true
    }
  }

  /// The alignment that readers of the type's buffers rely on, at most 8: wider values are read as
  /// words, since IPC aligns to 8 bytes only.
  var valueAlignment: Int {
    switch self {
    case .fixedSizeBinary: 1
    default: min(fixedByteWidth ?? 8, 8)
    }
  }
}

extension IndexType {
  /// Bytes of one index.
  public var byteWidth: Int {
    switch self {
    case .int8, .uint8: 1
    case .int16, .uint16: 2
    case .int32, .uint32: 4
    case .int64, .uint64: 8
    }
  }

  /// The largest index of this type, as far as it fits `Int`.
  public var maxIndex: Int {
    switch self {
    case .int8: Int(Int8.max)
    case .int16: Int(Int16.max)
    case .int32: Int(Int32.max)
    case .int64, .uint64: .max
    case .uint8: Int(UInt8.max)
    case .uint16: Int(UInt16.max)
    case .uint32: Int(UInt32.max)
    }
  }
}

extension DecimalWidth {
  /// The most decimal digits that values of this width hold.
  public var maxPrecision: Int {
    switch self {
    case .bits32: 9
    case .bits64: 18
    case .bits128: 38
    case .bits256: 76
    }
  }
}
