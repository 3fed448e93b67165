import Columnar

/// Text of a column, value by value: for the few rows of a driver's own answers.
struct TextColumn {
  private let column: Column

  init?(_ column: Column) {
    switch column.type {
    case .utf8, .largeUTF8: self.column = column
    default: return nil
    }
  }

  subscript(row: Int) -> String? {
    guard row >= 0, row < column.count, !isNull(column, row), column.buffers.count == 3 else {
      return nil
    }
    let (offsets, bytes) = (column.buffers[1], column.buffers[2])
    let range: Range<Int>
    if column.type == .utf8 {
      let ends = offsets.values(as: Int32.self)
      range = Int(ends[row])..<Int(ends[row + 1])
    } else {
      let ends = offsets.values(as: Int64.self)
      range = Int(ends[row])..<Int(ends[row + 1])
    }
    let part = bytes.slice(from: range.lowerBound, byteCount: range.count)
    return unsafe String(decoding: part.unsafeBytes, as: UTF8.self)
  }
}

/// Integers of a column, and bits as 0 and 1.
struct IntegerColumn {
  private let column: Column

  init?(_ column: Column) {
    switch column.type {
    case .bool, .int32, .int64: self.column = column
    default: return nil
    }
  }

  subscript(row: Int) -> Int64? {
    guard row >= 0, row < column.count, !isNull(column, row), column.buffers.count == 2 else {
      return nil
    }
    let buffer = column.buffers[1]
    switch column.type {
    case .int32: return Int64(buffer.values(as: Int32.self)[row])
    case .int64: return buffer.values(as: Int64.self)[row]
    default: return Int64(buffer.values(as: UInt8.self)[row / 8] >> UInt8(row % 8) & 1)
    }
  }
}

private func isNull(_ column: Column, _ row: Int) -> Bool {
  guard column.nullCount > 0, let bits = column.buffers.first, !bits.isEmpty else { return false }
  return bits.values(as: UInt8.self)[row / 8] >> UInt8(row % 8) & 1 == 0
}
