/// Writes a flatbuffer front to back: a table first, then what it refers to, since references
/// point forward. One growing array, no objects in between.
struct FlatBufferWriter {
  private(set) var bytes: [UInt8] = []

  /// A table already written; its references may be set later.
  struct Table {
    fileprivate let position: Int
    fileprivate let vtable: Int
  }

  init(capacity: Int) {
    bytes.reserveCapacity(capacity)
    // The reference to the root table, set by `setRoot`.
    append(UInt32(0))
  }

  mutating func setRoot(_ table: Table) {
    put(UInt32(table.position), at: 0)
  }

  /// Writes a table whose fields are zero.
  ///
  /// - Parameter slots: Size in bytes of each slot's field: 1, 2, 4 or 8; 0 leaves it out.
  mutating func table(_ slots: [UInt8]) -> Table {
    pad(to: 2)
    let vtable = bytes.count
    append(UInt16(4 + slots.count * 2))
    append(UInt16(0))
    for _ in slots { append(UInt16(0)) }
    pad(to: 4)
    let position = bytes.count
    append(Int32(position - vtable))
    for (slot, size) in slots.enumerated() where size > 0 {
      pad(to: Int(size))
      put(UInt16(bytes.count - position), at: vtable + 4 + slot * 2)
      bytes.append(contentsOf: repeatElement(0, count: Int(size)))
    }
    put(UInt16(bytes.count - position), at: vtable + 2)
    return Table(position: position, vtable: vtable)
  }

  /// Where the field of a slot lies. The slot was given a size.
  private func location(_ table: Table, _ slot: Int) -> Int {
    let index = table.vtable + 4 + slot * 2
    return table.position + Int(bytes[index]) + Int(bytes[index + 1]) << 8
  }

  mutating func set<Value: FixedWidthInteger>(_ table: Table, _ slot: Int, _ value: Value) {
    put(value, at: location(table, slot))
  }

  /// Lets the 4-byte field of a slot refer to what is written next, at `alignment`.
  private mutating func refer(_ table: Table, _ slot: Int, alignment: Int) {
    pad(to: alignment)
    let field = location(table, slot)
    put(UInt32(bytes.count - field), at: field)
  }

  mutating func childTable(_ table: Table, _ slot: Int, _ slots: [UInt8]) -> Table {
    let child = self.table(slots)
    let field = location(table, slot)
    put(UInt32(child.position - field), at: field)
    return child
  }

  mutating func string(_ table: Table, _ slot: Int, _ text: [UInt8]) {
    refer(table, slot, alignment: 4)
    append(UInt32(text.count))
    bytes.append(contentsOf: text)
    bytes.append(0)
  }

  /// A vector of `count` tables, each written by `write`, which returns it.
  mutating func tables(
    _ table: Table, _ slot: Int, count: Int,
    _ write: (inout FlatBufferWriter, Int) -> Table
  ) {
    refer(table, slot, alignment: 4)
    append(UInt32(count))
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: count * 4))
    for index in 0..<count {
      let element = write(&self, index)
      let field = start + index * 4
      put(UInt32(element.position - field), at: field)
    }
  }

  /// A vector of numbers.
  mutating func numbers<Value: FixedWidthInteger>(
    _ table: Table, _ slot: Int, _ values: some Collection<Value>
  ) {
    startVector(
      table, slot, count: values.count, elementAlignment: MemoryLayout<Value>.alignment)
    for value in values { append(value) }
  }

  /// Starts a vector of structs, whose bytes the caller appends next.
  mutating func startVector(_ table: Table, _ slot: Int, count: Int, elementAlignment: Int) {
    // The elements are aligned, not the count in front of them.
    pad(to: 4)
    while (bytes.count + 4) % max(elementAlignment, 4) != 0 { bytes.append(0) }
    refer(table, slot, alignment: 4)
    append(UInt32(count))
  }

  mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    var rest = Value.Magnitude(truncatingIfNeeded: value)
    for _ in 0..<MemoryLayout<Value>.size {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  private mutating func put<Value: FixedWidthInteger>(_ value: Value, at position: Int) {
    var rest = Value.Magnitude(truncatingIfNeeded: value)
    for index in 0..<MemoryLayout<Value>.size {
      bytes[position + index] = UInt8(truncatingIfNeeded: rest)
      rest >>= 8
    }
  }

  mutating func pad(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }
}
