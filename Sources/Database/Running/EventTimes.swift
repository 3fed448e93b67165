internal import Columnar

/// Times of rows as clients send them: integers are seconds, milliseconds, microseconds or nanoseconds since
/// 1970 by their magnitude (up to 11, 14, 17 digits, or more).
enum EventTime {
  static let maxSeconds: Int64 = 99_999_999_999
  static let maxMilliseconds: Int64 = 99_999_999_999_999
  static let maxMicroseconds: Int64 = 99_999_999_999_999_999

  /// Microseconds since 1970.
  static func microseconds(_ integer: Int64) -> Int64 {
    if (-maxSeconds...maxSeconds).contains(integer) { return integer * 1_000_000 }
    if (-maxMilliseconds...maxMilliseconds).contains(integer) { return integer * 1_000 }
    if (-maxMicroseconds...maxMicroseconds).contains(integer) { return integer }
    return integer / 1_000
  }

  /// The same in SQL: a timestamp of whatever an expression gives.
  ///
  /// - Parameter type: The type of the column that the time is for.
  static func expression(_ value: String, _ type: DataType) -> String {
    let integer = "TRY_CAST(\(value) AS BIGINT)"
    let (make, name) =
      type.hasTimeZone
      ? ("make_timestamptz", "TIMESTAMPTZ") : ("make_timestamp", "TIMESTAMP")
    return """
      CASE WHEN typeof(\(value)) IN ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', \
      'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT') \
      THEN \(make)(CASE \
      WHEN \(integer) BETWEEN -\(maxSeconds) AND \(maxSeconds) THEN \(integer) * 1000000 \
      WHEN \(integer) BETWEEN -\(maxMilliseconds) AND \(maxMilliseconds) THEN \(integer) * 1000 \
      WHEN \(integer) BETWEEN -\(maxMicroseconds) AND \(maxMicroseconds) THEN \(integer) \
      ELSE \(integer) // 1000 END) ELSE CAST(\(value) AS \(name)) END
      """
  }
}

extension Column {
  /// Times of another type as the timestamps of a stream; nil if only SQL can convert them. Wall clock
  /// times are taken as UTC.
  func eventTimes(as type: DataType) -> Column? {
    guard case .timestamp(let unit, _) = type, buffers.count > 1 else { return nil }
    let perSecond: [TimeUnit: Int64] = [
      .second: 1, .millisecond: 1_000, .microsecond: 1_000_000, .nanosecond: 1_000_000_000,
    ]
    guard let target = perSecond[unit] else { return nil }
    func times<Value: BitwiseCopyable>(_ type: Value.Type, _ time: (Value) -> Int64) -> Column {
      let buffer = buffers[1]
      let values = buffer.values(as: Value.self)
      let converted = (0..<count).map { row in
        nullCount > 0 && isNull(at: row) ? 0 : time(values[row])
      }
      return self.converted(converted)
    }
    func rescaled(_ value: Int64, from source: Int64) -> Int64 {
      if source <= target { return value.scaled(by: target / source) }
      let (quotient, rest) = value.quotientAndRemainder(dividingBy: source / target)
      return rest < 0 ? quotient - 1 : quotient
    }
    func integer(_ value: Int64) -> Int64 {
      rescaled(EventTime.microseconds(value), from: 1_000_000)
    }
    let result: Column?
    switch self.type {
    case .timestamp(let own, _):
      result = perSecond[own].map { source in
        times(Int64.self) { rescaled($0, from: source) }
      }
    case .date32: result = times(Int32.self) { rescaled(Int64($0) * 86_400, from: 1) }
    case .date64: result = times(Int64.self) { rescaled($0, from: 1_000) }
    case .int64: result = times(Int64.self, integer)
    case .int32: result = times(Int32.self) { integer(Int64($0)) }
    case .uint32: result = times(UInt32.self) { integer(Int64($0)) }
    case .uint64: result = times(UInt64.self) { integer(Int64(clamping: $0)) }
    default: result = nil
    }
    return result.map {
      Column(type: type, count: count, nullCount: nullCount, buffers: $0.buffers)
    }
  }

  /// Whether a timestamp is one of the two that DuckDB takes as infinite.
  var hasInfiniteTimes: Bool {
    guard case .timestamp = type, buffers.count > 1 else { return false }
    let buffer = buffers[1]
    let values = buffer.values(as: Int64.self)
    return (0..<count).contains { row in
      (values[row] == .max || values[row] <= -.max) && !isNull(at: row)
    }
  }

  private func converted(_ values: [Int64]) -> Column {
    Column(
      type: .int64, count: count, nullCount: nullCount,
      buffers: [buffers[0], Buffer(copying: values)])
  }
}

extension DataType {
  var hasTimeZone: Bool {
    if case .timestamp(_, let zone) = self { return zone != nil }
    return false
  }
}
