internal import Columnar
internal import Log

/// Rows of a cold file were several records, taken at several times.
extension StoredBatch {
  /// When the log took rows of it, as a column of a type that counts microseconds.
  func ingestTimes(from first: Offset, count: Int, as type: DataType) -> Column {
    guard let times = ingestTimes else {
      return .repeating(type, ingestMicroseconds, count: count)
    }
    let start = Int(first.rawValue - firstOffset.rawValue)
    return times.slice(from: start, count: count).restored(as: type)
      ?? .placeholder(type, count)
  }

  /// The first of its rows that the log took at a time or later, in microseconds since 1970.
  func firstOffset(ingestedAtOrAfter time: Int64) -> Offset? {
    guard let times = ingestTimes, times.buffers.count == 2 else {
      return ingestMicroseconds >= time ? firstOffset : nil
    }
    let buffer = times.buffers[1]
    let values = buffer.values(as: Int64.self)
    for row in 0..<min(rowCount, values.count) where values[row] >= time {
      return firstOffset.advanced(by: row)
    }
    return nil
  }
}
