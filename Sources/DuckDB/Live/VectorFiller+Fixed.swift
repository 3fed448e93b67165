import CDuckDB
import Columnar

extension VectorFiller {
  /// Values of fixed width: copied if DuckDB lays them out alike, else converted exactly.
  @unsafe
  func fillFixed(
    _ vector: duckdb_vector, _ target: Int, _ rows: ColumnRows
  ) throws(DuckDBError) {
    guard let data = unsafe duckdb_vector_get_data(vector) else { return }
    let type = unsafe rows.column.type
    switch type {
    case .float16:
      try unsafe convert(rows, UInt16.self, to: data, Float32.self, target) {
        float32(fromHalf: $0)
      }
    case .date64:
      try unsafe convert(rows, Int64.self, to: data, Int32.self, target) { value in
        let (days, rest) = value.quotientAndRemainder(dividingBy: 86_400_000)
        return rest == 0 ? Int32(exactly: days) : nil
      }
    case .time32(let unit):
      let factor: Int64 = unit == .second ? 1_000_000 : 1_000
      try unsafe convert(rows, Int32.self, to: data, Int64.self, target) { value in
        timeOfDay(Int64(value), factor)
      }
    case .time64(let unit):
      let limit: Int64 = unit == .nanosecond ? 86_400_000_000_000 : 86_400_000_000
      try unsafe convert(rows, Int64.self, to: data, Int64.self, target) { value in
        value >= 0 && value <= limit ? value : nil
      }
    case .timestamp(let unit, .some) where unit != .microsecond:
      try unsafe convert(rows, Int64.self, to: data, Int64.self, target) { microseconds($0, unit) }
    case .duration(let unit):
      try unsafe convert(rows, Int64.self, to: data, duckdb_interval.self, target) { value in
        microseconds(value, unit).map { duckdb_interval(months: 0, days: 0, micros: $0) }
      }
    case .interval(let unit): try unsafe fillIntervals(data, target, rows, unit)
    case .decimal(let width, let precision, let scale):
      try unsafe fillDecimals(data, target, rows, width, precision: precision, scale: scale)
    default:
      let width = type.plainByteWidth
      guard width > 0, let base = unsafe rows.column.buffers[1].unsafeBytes.baseAddress else {
        return
      }
      unsafe (data + target * width).copyMemory(
        from: base + rows.start * width, byteCount: rows.count * width)
    }
  }

  /// Converts each value that is not null; one that has no exact counterpart is refused.
  @unsafe
  private func convert<From: BitwiseCopyable, To: BitwiseCopyable>(
    _ rows: ColumnRows, _ from: From.Type, to data: UnsafeMutableRawPointer, _ to: To.Type,
    _ target: Int, _ body: (From) -> To?
  ) throws(DuckDBError) {
    guard let source = unsafe rows.values(as: From.self) else { return }
    let place = unsafe data.assumingMemoryBound(to: To.self) + target
    for row in unsafe 0..<rows.count where unsafe rows.isValid(row) {
      guard let value = unsafe body(source[row]) else {
        throw unsafe refusal(rows, row, "\(source[row])")
      }
      unsafe place[row] = value
    }
  }

  @unsafe
  private func refusal(_ rows: ColumnRows, _ row: Int, _ value: String) -> DuckDBError {
    let type = unsafe rows.column.type
    return DuckDBError(
      kind: .conversion,
      message: "column \(name): the value \(value) of type \(type) has no exact form in DuckDB")
  }

  @unsafe
  private func fillIntervals(
    _ data: UnsafeMutableRawPointer, _ target: Int, _ rows: ColumnRows, _ unit: IntervalUnit
  ) throws(DuckDBError) {
    switch unit {
    case .yearMonth:
      try unsafe convert(rows, Int32.self, to: data, duckdb_interval.self, target) {
        duckdb_interval(months: $0, days: 0, micros: 0)
      }
    case .dayTime:
      try unsafe convert(rows, DayTime.self, to: data, duckdb_interval.self, target) {
        duckdb_interval(months: 0, days: $0.days, micros: Int64($0.milliseconds) * 1_000)
      }
    case .monthDayNano:
      try unsafe convert(rows, MonthDayNano.self, to: data, duckdb_interval.self, target) {
        let (micros, rest) = $0.nanoseconds.quotientAndRemainder(dividingBy: 1_000)
        guard rest == 0 else { return nil }
        return duckdb_interval(months: $0.months, days: $0.days, micros: micros)
      }
    }
  }

  @unsafe
  private func fillDecimals(
    _ data: UnsafeMutableRawPointer, _ target: Int, _ rows: ColumnRows, _ width: DecimalWidth,
    precision: Int, scale: Int
  ) throws(DuckDBError) {
    let (digits, _) = try DuckDBTypes.decimal(precision: precision, scale: scale, column: name)
    guard let base = unsafe rows.column.buffers[1].unsafeBytes.baseAddress else { return }
    let limit = powerOfTen(digits)
    let factor = scale < 0 ? powerOfTen(-scale) : 1
    let storedWidth = digits <= 4 ? 2 : digits <= 9 ? 4 : digits <= 18 ? 8 : 16
    for row in unsafe 0..<rows.count where unsafe rows.isValid(row) {
      let source = unsafe base + (rows.start + row) * width.byteCount
      let place = unsafe data + (target + row) * storedWidth
      guard let value = unsafe loadDecimal(source, width),
        case let (scaled, overflow) = value.multipliedReportingOverflow(by: factor), !overflow,
        scaled > -limit, scaled < limit
      else { throw unsafe refusal(rows, row, "in row \(rows.start + row)") }
      switch storedWidth {
      case 2: unsafe place.storeBytes(of: Int16(truncatingIfNeeded: scaled), as: Int16.self)
      case 4: unsafe place.storeBytes(of: Int32(truncatingIfNeeded: scaled), as: Int32.self)
      case 8: unsafe place.storeBytes(of: Int64(truncatingIfNeeded: scaled), as: Int64.self)
      default:
        unsafe place.storeBytes(of: Int64(truncatingIfNeeded: scaled), as: Int64.self)
        unsafe place.storeBytes(
          of: Int64(truncatingIfNeeded: scaled >> 64), toByteOffset: 8, as: Int64.self)
      }
    }
  }
}

struct DayTime: BitwiseCopyable {
  var days: Int32
  var milliseconds: Int32
}

struct MonthDayNano: BitwiseCopyable {
  var months: Int32
  var days: Int32
  var nanoseconds: Int64
}

/// A decimal's unscaled value, or nil if it needs more than 128 bits.
@unsafe
func loadDecimal(_ source: UnsafeRawPointer, _ width: DecimalWidth) -> Int128? {
  switch width {
  case .bits32: return unsafe Int128(source.loadUnaligned(as: Int32.self))
  case .bits64: return unsafe Int128(source.loadUnaligned(as: Int64.self))
  case .bits128, .bits256:
    let low = unsafe source.loadUnaligned(as: UInt64.self)
    let high = unsafe source.loadUnaligned(fromByteOffset: 8, as: Int64.self)
    if width == .bits256 {
      let third = unsafe source.loadUnaligned(fromByteOffset: 16, as: Int64.self)
      let fourth = unsafe source.loadUnaligned(fromByteOffset: 24, as: Int64.self)
      guard third == high >> 63, fourth == high >> 63 else { return nil }
    }
    return Int128(high) << 64 | Int128(low)
  }
}

/// 10 to the power of `exponent`, at most 38.
func powerOfTen(_ exponent: Int) -> Int128 {
  (0..<min(exponent, DuckDBTypes.maxDecimalPrecision)).reduce(1) { value, _ in value * 10 }
}

/// A time of day in microseconds, or nil outside of a day.
func timeOfDay(_ value: Int64, _ factor: Int64) -> Int64? {
  let micros = value * factor  // 32 bits times at most a million fits
  return micros >= 0 && micros <= 86_400_000_000 ? micros : nil
}

/// A span or a point in time in microseconds, if it is a whole number that fits.
func microseconds(_ value: Int64, _ unit: TimeUnit) -> Int64? {
  let factor: Int64
  switch unit {
  case .second: factor = 1_000_000
  case .millisecond: factor = 1_000
  case .microsecond: return value
  case .nanosecond:
    let (micros, rest) = value.quotientAndRemainder(dividingBy: 1_000)
    return rest == 0 ? micros : nil
  }
  let (micros, overflow) = value.multipliedReportingOverflow(by: factor)
  return overflow ? nil : micros
}

/// A half float as a float, exactly.
func float32(fromHalf half: UInt16) -> Float32 {
  let sign = UInt32(half & 0x8000) << 16
  let exponent = UInt32(half >> 10 & 0x1F)
  let fraction = UInt32(half & 0x3FF)
  switch exponent {
  case 0:
    let magnitude = Float32(fraction) * 0x1p-24
    return Float32(bitPattern: sign | magnitude.bitPattern)
  case 31: return Float32(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float32(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}
