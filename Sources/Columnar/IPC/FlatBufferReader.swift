/// A table of a flatbuffer from outside: every offset is checked before it is followed, so no
/// bytes can make a read leave the buffer.
///
/// The format in one paragraph: a table starts with a signed 32-bit distance back to its vtable; the
/// vtable holds its own size, the size of the table, and for each slot the distance of the field
/// from the start of the table, 0 when the field is absent. Strings, vectors and tables are reached
/// by an unsigned 32-bit distance forward. All numbers are little-endian.
struct FlatTable {
  private let buffer: Buffer
  private let position: Int
  private let vtable: Int
  private let slotCount: Int
  private let tableByteCount: Int

  /// The table that the buffer starts with.
  static func root(of buffer: Buffer) throws(IPCError) -> FlatTable {
    guard let offset = buffer.number(at: 0, as: UInt32.self) else {
      throw .malformedMetadata("it has fewer than 4 bytes")
    }
    return try FlatTable(buffer, at: Int(offset))
  }

  fileprivate init(_ buffer: Buffer, at position: Int) throws(IPCError) {
    guard let distance = buffer.number(at: position, as: Int32.self) else {
      throw .malformedMetadata("a table lies outside")
    }
    let vtable = position - Int(distance)
    guard let vtableByteCount = buffer.number(at: vtable, as: UInt16.self),
      let tableByteCount = buffer.number(at: vtable + 2, as: UInt16.self),
      vtableByteCount >= 4, vtableByteCount % 2 == 0,
      vtable + Int(vtableByteCount) <= buffer.count,
      position + Int(tableByteCount) <= buffer.count
    else { throw .malformedMetadata("the layout of a table lies outside") }
    self.buffer = buffer
    self.position = position
    self.vtable = vtable
    slotCount = (Int(vtableByteCount) - 4) / 2
    self.tableByteCount = Int(tableByteCount)
  }

  /// Where the field of `slot` lies; nil when it is absent.
  private func location(_ slot: Int, byteCount: Int) throws(IPCError) -> Int? {
    guard slot < slotCount,
      let offset = buffer.number(at: vtable + 4 + slot * 2, as: UInt16.self), offset != 0
    else { return nil }
    guard Int(offset) + byteCount <= tableByteCount else {
      throw .malformedMetadata("a field lies outside its table")
    }
    return position + Int(offset)
  }

  func number<Value: FixedWidthInteger & BitwiseCopyable>(
    _ slot: Int, default value: Value
  ) throws(IPCError) -> Value {
    guard let location = try location(slot, byteCount: MemoryLayout<Value>.size) else {
      return value
    }
    return buffer.number(at: location, as: Value.self) ?? value
  }

  func bool(_ slot: Int) throws(IPCError) -> Bool {
    try number(slot, default: UInt8(0)) != 0
  }

  /// Where the object that the field refers to starts.
  private func target(_ slot: Int) throws(IPCError) -> Int? {
    guard let location = try location(slot, byteCount: 4),
      let offset = buffer.number(at: location, as: UInt32.self)
    else { return nil }
    return location + Int(offset)
  }

  func table(_ slot: Int) throws(IPCError) -> FlatTable? {
    guard let target = try target(slot) else { return nil }
    return try FlatTable(buffer, at: target)
  }

  /// A vector of elements of `stride` bytes each, all inside the buffer.
  func vector(_ slot: Int, stride: Int) throws(IPCError) -> FlatVector? {
    guard let target = try target(slot) else { return nil }
    guard let count = buffer.number(at: target, as: UInt32.self) else {
      throw .malformedMetadata("a vector lies outside")
    }
    let (byteCount, overflow) = Int(count).multipliedReportingOverflow(by: stride)
    guard !overflow, byteCount <= buffer.count - target - 4 else {
      throw .malformedMetadata("a vector of \(count) elements lies outside")
    }
    return FlatVector(buffer: buffer, start: target + 4, count: Int(count), stride: stride)
  }

  /// The bytes of a string or of a vector of bytes.
  func bytes(_ slot: Int) throws(IPCError) -> [UInt8]? {
    guard let vector = try vector(slot, stride: 1) else { return nil }
    return vector.bytes
  }

  func string(_ slot: Int) throws(IPCError) -> String? {
    guard let bytes = try bytes(slot) else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .malformedMetadata("a text is not UTF-8")
    }
    return text
  }
}

/// A vector of a flatbuffer; its elements are known to lie inside.
struct FlatVector {
  fileprivate let buffer: Buffer
  fileprivate let start: Int
  let count: Int
  fileprivate let stride: Int

  /// A number within element `index`; 0 when there is no such element.
  func number<Value: FixedWidthInteger & BitwiseCopyable>(
    _ index: Int, offset: Int = 0, as type: Value.Type = Value.self
  ) -> Value {
    guard index >= 0, index < count, offset + MemoryLayout<Value>.size <= stride else { return 0 }
    return buffer.number(at: start + index * stride + offset, as: type) ?? 0
  }

  /// Element `index` of a vector of tables, whose stride is 4.
  func table(_ index: Int) throws(IPCError) -> FlatTable {
    guard index >= 0, index < count, stride == 4 else {
      throw .malformedMetadata("a vector is too short")
    }
    let location = start + index * 4
    return try FlatTable(buffer, at: location + Int(number(index, as: UInt32.self)))
  }

  fileprivate var bytes: [UInt8] {
    unsafe Array(buffer.unsafeBytes[start..<(start + count)])
  }
}

extension Buffer {
  /// A little-endian number at any alignment; nil when it does not lie inside.
  func number<Value: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: Value.Type
  ) -> Value? {
    guard offset >= 0, offset <= count - MemoryLayout<Value>.size else { return nil }
    return unsafe Value(littleEndian: unsafeBytes.loadUnaligned(fromByteOffset: offset, as: type))
  }
}
