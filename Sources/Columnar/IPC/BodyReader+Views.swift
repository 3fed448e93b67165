extension BodyReader {
  /// Strings of up to 12 bytes lie in their view; a longer one has its first 4 bytes there, and
  /// the number of a data buffer and a place in it.
  mutating func views(_ type: DataType, _ node: Node) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let views = try nextBuffer(count: node.count, width: 16, alignment: 8, of: "views")
    var data: [Buffer] = []
    for _ in 0..<(try nextVariadicCount()) { data.append(try nextBuffer(alignment: 1)) }
    var column = Column(
      type: type, count: node.count, nullCount: nullCount, buffers: [validity, views] + data)
    let isText = type == .utf8View
    var needsClearing = false
    let dataBytes = unsafe data.map { unsafe $0.unsafeBytes }
    for row in 0..<node.count {
      if unsafe isSound(views.unsafeBytes, row, dataBytes, isText: isText) { continue }
      let reason = problem(in: views, row, data, isText: isText)
      // What lies in the slot of a null is nobody's value; it is cleared, so that all views hold.
      guard !column.isValid(at: row) else { throw bad("value \(row) \(reason)") }
      needsClearing = true
    }
    if needsClearing {
      column = Column(
        type: type, count: node.count, nullCount: nullCount,
        buffers: [validity, column.clearingNulls(in: views, width: 16)] + data)
    }
    return column
  }

  /// Whether nothing is wrong with the view at `row`.
  @inline(__always)
  private func isSound(
    _ views: UnsafeRawBufferPointer, _ row: Int, _ data: [UnsafeRawBufferPointer], isText: Bool
  ) -> Bool {
    let view = unsafe views.loadUnaligned(fromByteOffset: row * 16, as: SIMD4<Int32>.self)
    let length = Int(view[0])
    if length <= 12 {
      guard length >= 0 else { return false }
      if !isText { return true }
      let inline = unsafe UnsafeRawBufferPointer(rebasing: views[(row * 16 + 4)...].prefix(length))
      return unsafe UTF8Check.isValid(inline)
    }
    let (index, offset) = (Int(view[2]), Int(view[3]))
    guard index >= 0, unsafe index < data.count else { return false }
    let bytes = unsafe data[index]
    guard offset >= 0, offset + length <= bytes.count,
      unsafe bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self) == view[1]
    else { return false }
    if !isText { return true }
    let value = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])
    return unsafe UTF8Check.isValid(value)
  }

  /// What is wrong with the view at `row`, which is not sound.
  private func problem(
    in views: Buffer, _ row: Int, _ data: [Buffer], isText: Bool
  ) -> String {
    let words = views.values(as: Int32.self)
    let length = Int(words[row * 4])
    guard length >= 0 else { return "has a length of \(length)" }
    if length <= 12 { return "is not UTF-8" }
    let (index, offset) = (Int(words[row * 4 + 2]), Int(words[row * 4 + 3]))
    guard index >= 0, index < data.count else { return "lies in data buffer \(index)" }
    guard offset >= 0, offset + length <= data[index].count else {
      return "has \(length) bytes at \(offset) of \(data[index].count)"
    }
    let value = data[index].slice(from: offset, byteCount: length)
    guard value.number(at: 0, as: Int32.self) == words[row * 4 + 1] else {
      return "does not start with the bytes that its view repeats"
    }
    return "is not UTF-8"
  }
}

extension Column {
  /// A copy of one of the column's buffers of fixed width with zeros in the slots of nulls.
  func clearingNulls(in buffer: Buffer, width: Int) -> Buffer {
    let writable = WritableBuffer(byteCount: buffer.count)
    unsafe writable.bytes.copyMemory(from: buffer.unsafeBytes)
    for row in 0..<min(count, buffer.count / max(width, 1)) where !isValid(at: row) {
      for byte in 0..<width { unsafe writable.bytes[row * width + byte] = 0 }
    }
    return writable.finish(byteCount: buffer.count)
  }
}
