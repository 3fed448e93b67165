/// How values are written as text.
public struct TextOptions: Sendable, Hashable {
  /// What stands for null inside nested values.
  public var null: String
  /// Whether strings inside nested values are put in single quotes.
  public var quotesNestedStrings: Bool

  public init(null: String = "NULL", quotesNestedStrings: Bool = true) {
    self.null = null
    self.quotesNestedStrings = quotesNestedStrings
  }

  public static let `default` = TextOptions()
}

extension Column {
  /// Whether the value at `row` is null, also for unions, dictionaries and run-end encoding. A row
  /// beyond the column counts as null.
  public func isNull(at row: Int) -> Bool {
    guard row >= 0, row < count else { return true }
    let (column, row) = resolved(row)
    return column.type == .null || !column.isValid(at: row)
  }

  /// The value at `row` as text for people, any type: `2024-01-31 12:00:00+00`, `[1, NULL]`,
  /// `{'name': 'x'}`. Nil for null. Timestamps with a time zone are shown in UTC.
  public func string(at row: Int, options: TextOptions = .default) -> String? {
    guard !isNull(at: row) else { return nil }
    var writer = ValueWriter(options: options)
    writer.append(self, row)
    return writer.text
  }

  /// The column and row where the value lies, behind dictionaries, unions and runs.
  public func resolved(_ row: Int) -> (column: Column, row: Int) {
    switch type {
    case .dictionary(let index, _, _):
      guard isValid(at: row), let dictionary else { return (self, row) }
      return dictionary.resolved(dictionaryIndex(index, row))
    case .union(let mode, _, let typeIDs):
      let id = buffers[0].number(at: row, as: Int8.self) ?? 0
      guard let child = typeIDs.firstIndex(of: id) else { return (self, row) }
      let place = mode == .sparse ? row : integer(1, row, Int32.self)
      return children[child].resolved(place)
    case .runEndEncoded: return children[1].resolved(runIndex(at: row))
    default: return (self, row)
    }
  }

  /// The position in the dictionary of the value at `row`, which is not null.
  public func dictionaryIndex(_ type: IndexType, _ row: Int) -> Int {
    switch type {
    case .int8: integer(1, row, Int8.self)
    case .int16: integer(1, row, Int16.self)
    case .int32: integer(1, row, Int32.self)
    case .int64: integer(1, row, Int64.self)
    case .uint8: integer(1, row, UInt8.self)
    case .uint16: integer(1, row, UInt16.self)
    case .uint32: integer(1, row, UInt32.self)
    case .uint64: integer(1, row, UInt64.self)
    }
  }

  /// The number at `row` of one of the buffers; 0 beyond it.
  func integer<Value: FixedWidthInteger & BitwiseCopyable>(
    _ buffer: Int, _ row: Int, _ type: Value.Type
  ) -> Int {
    guard buffer < buffers.count else { return 0 }
    let width = MemoryLayout<Value>.size
    return Int(truncatingIfNeeded: buffers[buffer].number(at: row * width, as: type) ?? 0)
  }

  /// The bytes of the value at `row` of a string or binary column; empty for other types.
  public func bytes(at row: Int) -> Buffer {
    switch type {
    case .utf8, .binary:
      let start = integer(1, row, Int32.self)
      return buffers[2].slice(from: start, byteCount: integer(1, row + 1, Int32.self) - start)
    case .largeUTF8, .largeBinary:
      let start = integer(1, row, Int64.self)
      return buffers[2].slice(from: start, byteCount: integer(1, row + 1, Int64.self) - start)
    case .utf8View, .binaryView:
      let length = integer(1, row * 4, Int32.self)
      if length <= 12 { return buffers[1].slice(from: row * 16 + 4, byteCount: length) }
      let index = integer(1, row * 4 + 2, Int32.self) + 2
      guard index < buffers.count else { return .empty }
      return buffers[index].slice(from: integer(1, row * 4 + 3, Int32.self), byteCount: length)
    case .fixedSizeBinary(let width): return buffers[1].slice(from: row * width, byteCount: width)
    default: return .empty
    }
  }

  /// The items of the list or map at `row`, as a range of the child column.
  public func itemRange(at row: Int) -> Range<Int> {
    switch type {
    case .list, .map:
      let start = integer(1, row, Int32.self)
      return start..<max(start, integer(1, row + 1, Int32.self))
    case .largeList:
      let start = integer(1, row, Int64.self)
      return start..<max(start, integer(1, row + 1, Int64.self))
    case .listView:
      let start = integer(1, row, Int32.self)
      return start..<(start + integer(2, row, Int32.self))
    case .largeListView:
      let start = integer(1, row, Int64.self)
      return start..<(start + integer(2, row, Int64.self))
    case .fixedSizeList(_, let size): return (row * size)..<((row + 1) * size)
    default: return 0..<0
    }
  }
}
