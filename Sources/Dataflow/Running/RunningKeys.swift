public import Columnar

/// The keys of a batch as bytes, one after the other: equal keys have equal bytes.
///
/// A column gives one byte for NULL or not, then its value; text and bytes are preceded by their length
/// when the key has several columns.
public struct RunningKeys: Sendable {
  private(set) var bytes: [UInt8] = []
  /// Where each key ends.
  private(set) var ends: [Int] = []

  /// Whether a column of this type can be part of a key: types whose equal values have equal bytes.
  public static func takes(_ type: DataType) -> Bool {
    switch type {
    case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .decimal, .date32,
      .date64, .time32, .time64, .timestamp, .fixedSizeBinary, .utf8, .largeUTF8, .utf8View,
      .binary,
      .largeBinary, .binaryView:
      true
    default: false
    }
  }

  /// - Precondition: All columns are `count` long and of types that ``takes(_:)`` admits.
  public init(_ columns: [Column], count: Int) {
    ends.reserveCapacity(count)
    bytes.reserveCapacity(count * 16)
    if columns.count == 1, columns[0].type == .utf8, columns[0].nullCount == 0 {
      appendTexts(columns[0], count)
      return
    }
    for row in 0..<count {
      for column in columns { append(column, row, isAlone: columns.count == 1) }
      ends.append(bytes.count)
    }
  }

  /// The plain case: one column of text without NULL.
  private mutating func appendTexts(_ column: Column, _ count: Int) {
    guard column.buffers.count > 2 else { return }
    let (first, second) = (column.buffers[1], column.buffers[2])
    let offsets = first.values(as: Int32.self)
    let data = unsafe second.unsafeBytes
    for row in 0..<count {
      let range = Int(offsets[row])..<Int(offsets[row + 1])
      bytes.append(1)
      unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: data[range]))
      ends.append(bytes.count)
    }
  }

  private mutating func append(_ column: Column, _ row: Int, isAlone: Bool) {
    guard !column.isNull(at: row) else {
      bytes.append(0)
      return
    }
    bytes.append(1)
    if column.type == .bool {
      let bits = column.buffers[1]
      bytes.append(unsafe bits.unsafeBytes[row >> 3] >> UInt8(row & 7) & 1)
    } else if let width = column.type.fixedByteWidth {
      let values = column.buffers[1]
      unsafe bytes.append(
        contentsOf: UnsafeRawBufferPointer(
          rebasing: values.unsafeBytes[(row * width)..<(row * width + width)]))
    } else {
      let value = column.bytes(at: row)
      if !isAlone {
        let length = UInt32(clamping: value.count)
        for shift in stride(from: 0, to: 32, by: 8) {
          bytes.append(UInt8(truncatingIfNeeded: length >> UInt32(shift)))
        }
      }
      unsafe bytes.append(contentsOf: value.unsafeBytes)
    }
  }
}
