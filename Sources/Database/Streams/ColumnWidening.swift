internal import Columnar

extension Column {
  /// A column of nulls, or of zeros where a type has no nulls.
  static func placeholder(_ type: DataType, _ count: Int) -> Column {
    if type == .null { return .nulls(count: count) }
    if let width = type.fixedByteWidth, type.hasValidity {
      let zeros = Buffer(copying: [UInt8](repeating: 0, count: count * width))
      let none = Buffer(copying: [UInt8](repeating: 0, count: (count + 7) / 8))
      var dictionary: Column?
      if case .dictionary(_, let value, _) = type { dictionary = .placeholder(value, 1) }
      return Column(
        type: type, count: count, nullCount: count, buffers: [none, zeros], dictionary: dictionary)
    }
    return .nullsByConcatenation(type, count)
  }

  private static func nullsByConcatenation(_ type: DataType, _ count: Int) -> Column {
    let none = Buffer(copying: [UInt8](repeating: 0, count: (count + 7) / 8))
    switch type {
    case .bool:
      return Column(type: type, count: count, nullCount: count, buffers: [none, none])
    case .utf8, .binary, .list, .map:
      let offsets = Buffer(copying: [Int32](repeating: 0, count: count + 1))
      let rest: [Buffer] = type == .utf8 || type == .binary ? [.empty] : []
      return Column(
        type: type, count: count, nullCount: count, buffers: [none, offsets] + rest,
        children: type.children.map { .empty($0.type) })
    case .largeUTF8, .largeBinary, .largeList:
      let offsets = Buffer(copying: [Int64](repeating: 0, count: count + 1))
      let rest: [Buffer] = type == .largeUTF8 || type == .largeBinary ? [.empty] : []
      return Column(
        type: type, count: count, nullCount: count, buffers: [none, offsets] + rest,
        children: type.children.map { .empty($0.type) })
    case .utf8View, .binaryView:
      let views = Buffer(copying: [UInt64](repeating: 0, count: count * 2))
      return Column(type: type, count: count, nullCount: count, buffers: [none, views])
    case .listView, .largeListView:
      let width = type.isLargeListView ? 8 : 4
      let zeros = Buffer(copying: [UInt8](repeating: 0, count: count * width))
      return Column(
        type: type, count: count, nullCount: count, buffers: [none, zeros, zeros],
        children: type.children.map { .empty($0.type) })
    case .fixedSizeList(let item, let size):
      return Column(
        type: type, count: count, nullCount: count, buffers: [none],
        children: [.placeholder(item.type, count * size)])
    case .structure(let fields):
      return Column(
        type: type, count: count, nullCount: count, buffers: [none],
        children: fields.map { .placeholder($0.type, count) })
    default: return .nulls(count: count)
    }
  }

  static func int64Sequence(from start: Int64, count: Int) -> Column {
    let values = (0..<Int64(count)).map { start + $0 }
    return Column(type: .int64, count: count, buffers: [.empty, Buffer(copying: values)])
  }

  static func repeating(_ type: DataType, _ value: Int64, count: Int) -> Column {
    Column(
      type: type, count: count,
      buffers: [.empty, Buffer(copying: [Int64](repeating: value, count: count))])
  }

  /// The same values in a wider type; nil if the type is not wider.
  ///
  /// Integers become larger integers of the same sign or DOUBLE, FLOAT becomes DOUBLE, everything
  /// becomes text.
  func widened(to type: DataType) -> Column? {
    guard buffers.count >= 2 else { return type == .utf8 ? asText() : nil }
    switch (self.type, type) {
    case (.int8, .int16): return map(Int8.self, type) { Int16($0) }
    case (.int8, .int32): return map(Int8.self, type) { Int32($0) }
    case (.int8, .int64): return map(Int8.self, type) { Int64($0) }
    case (.int16, .int32): return map(Int16.self, type) { Int32($0) }
    case (.int16, .int64): return map(Int16.self, type) { Int64($0) }
    case (.int32, .int64): return map(Int32.self, type) { Int64($0) }
    case (.uint8, .uint16): return map(UInt8.self, type) { UInt16($0) }
    case (.uint8, .uint32): return map(UInt8.self, type) { UInt32($0) }
    case (.uint16, .uint32): return map(UInt16.self, type) { UInt32($0) }
    case (.uint8, .int32): return map(UInt8.self, type) { Int32($0) }
    case (.uint8, .int64): return map(UInt8.self, type) { Int64($0) }
    case (.uint16, .int64): return map(UInt16.self, type) { Int64($0) }
    case (.uint32, .int64): return map(UInt32.self, type) { Int64($0) }
    case (.uint32, .uint64): return map(UInt32.self, type) { UInt64($0) }
    case (.int8, .float64): return map(Int8.self, type) { Double($0) }
    case (.int16, .float64): return map(Int16.self, type) { Double($0) }
    case (.int32, .float64): return map(Int32.self, type) { Double($0) }
    case (.int64, .float64): return map(Int64.self, type) { Double($0) }
    case (.float32, .float64): return map(Float.self, type) { Double($0) }
    case (_, .utf8): return asText()
    default: return nil
    }
  }

  private func map<From: BitwiseCopyable, To: BitwiseCopyable>(
    _ from: From.Type, _ type: DataType, _ convert: (From) -> To
  ) -> Column {
    let buffer = buffers[1]
    let values = buffer.values(as: from)
    var converted: [To] = []
    converted.reserveCapacity(count)
    for index in 0..<min(count, values.count) { converted.append(convert(values[index])) }
    return Column(
      type: type, count: count, nullCount: nullCount,
      buffers: [buffers[0], Buffer(copying: converted)])
  }

  private func asText() -> Column { .strings((0..<count).map { string(at: $0) }) }

  /// Whether every value of one type is a value of the other: what ALTER may do, and rows that come
  /// in a narrower type.
  static func widens(_ type: DataType, to wider: DataType) -> Bool {
    Column.empty(type).widened(to: wider) != nil
  }
}

extension DataType {
  fileprivate var isLargeListView: Bool {
    if case .largeListView = self { return true }
    return false
  }
}
