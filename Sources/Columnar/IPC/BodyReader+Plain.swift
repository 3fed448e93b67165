extension BodyReader {
  mutating func fixedWidth(_ type: DataType, _ node: Node) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let values = try nextBuffer(
      count: node.count, width: type.fixedByteWidth ?? 0, alignment: type.valueAlignment,
      of: "values")
    return Column(
      type: type, count: node.count, nullCount: nullCount, buffers: [validity, values])
  }

  mutating func bools(_ node: Node) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let values = try nextBuffer(
      count: Bitmap.byteCount(forBits: node.count), width: 1, alignment: 1, of: "values")
    return Column(
      type: .bool, count: node.count, nullCount: nullCount, buffers: [validity, values])
  }

  mutating func strings<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ type: DataType, _ node: Node, offset: Offset.Type
  ) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let (offsets, first, last) = try nextOffsets(node, Offset.self)
    let data = try nextBuffer(alignment: 1)
    guard last <= data.count else {
      throw bad("its last offset is \(last), beyond its \(data.count) bytes of data")
    }
    let column = Column(
      type: type, count: node.count, nullCount: nullCount,
      buffers: [validity, offsets, data.slice(from: 0, byteCount: last)])
    switch type {
    case .utf8, .largeUTF8: try checkUTF8(column, first: first, last: last, Offset.self)
    default: break
    }
    return column
  }

  /// `count + 1` offsets that do not descend, with the first and the last of them.
  mutating func nextOffsets<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ node: Node, _ type: Offset.Type
  ) throws(IPCError) -> (Buffer, first: Int, last: Int) {
    let width = MemoryLayout<Offset>.size
    let buffer = try nextBuffer(alignment: width)
    if node.count == 0, buffer.count < width { return (Buffer(copying: [Offset(0)]), 0, 0) }
    let needed = (node.count + 1) * width
    guard buffer.count >= needed else {
      throw bad("its offsets have \(buffer.count) bytes, too few for \(node.count) values")
    }
    let offsets = buffer.slice(from: 0, byteCount: needed)
    let values = offsets.values(as: Offset.self)
    // All signs at once: with no negative offset, no difference can overflow.
    var signs = values[0]
    for index in 0..<node.count {
      let next = unsafe values[unchecked: index + 1]
      unsafe signs |= next | (next &- values[unchecked: index])
    }
    guard signs >= 0 else { throw bad("its offsets descend or are negative") }
    return (offsets, Int(values[0]), Int(values[node.count]))
  }

  private func checkUTF8<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ column: Column, first: Int, last: Int, _ type: Offset.Type
  ) throws(IPCError) {
    let data = column.buffers[2]
    let all = data.slice(from: first, byteCount: last - first)
    let isASCII = unsafe UTF8Check.asciiEnd(all.unsafeBytes, from: 0) == all.count
    if isASCII { return }
    if unsafe UTF8Check.isValid(all.unsafeBytes), startsAreWhole(column, last: last, Offset.self) {
      return
    }
    // Some value is not UTF-8, or only what lies in the slots of nulls.
    let offsetBuffer = column.buffers[1]
    let offsets = offsetBuffer.values(as: Offset.self)
    for row in 0..<column.count where column.isValid(at: row) {
      let start = Int(offsets[row])
      let value = data.slice(from: start, byteCount: Int(offsets[row + 1]) - start)
      guard unsafe UTF8Check.isValid(value.unsafeBytes) else {
        throw bad("value \(row) is not UTF-8")
      }
    }
  }

  /// Whether no value starts within a character.
  private func startsAreWhole<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ column: Column, last: Int, _ type: Offset.Type
  ) -> Bool {
    let (offsetBuffer, data) = (column.buffers[1], column.buffers[2])
    let offsets = offsetBuffer.values(as: Offset.self)
    let bytes = unsafe data.unsafeBytes
    for row in 0..<column.count {
      let start = Int(offsets[row])
      if start < last, unsafe bytes[start] & 0xC0 == 0x80 { return false }
    }
    return true
  }
}

extension Column {
  /// Whether the validity bitmap says that the value is not null.
  @inlinable
  public func isValid(at row: Int) -> Bool {
    guard nullCount > 0 else { return true }
    guard type.hasValidity, let validity = buffers.first, !validity.isEmpty else {
      return type != .null
    }
    return Bitmap.isSet(validity, row)
  }
}
