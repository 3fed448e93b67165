/// Dates, times and intervals as text.
enum TimeText {
  static func text(_ column: Column, _ row: Int) -> String {
    let value = column.plainInteger(row)
    switch column.type {
    case .date32: return date(daysSince1970: value)
    case .date64: return date(daysSince1970: floorDivide(value, 86_400_000).quotient)
    case .time32(let unit), .time64(let unit): return time(value, unit)
    case .timestamp(let unit, let zone):
      let (day, rest) = floorDivide(value, unit.perSecond * 86_400)
      return date(daysSince1970: day) + " " + time(rest, unit) + (zone == nil ? "" : "+00")
    case .duration(let unit): return duration(value, unit)
    case .interval(.yearMonth): return interval(months: value, days: 0, value: 0, .second)
    case .interval(.dayTime):
      return interval(
        months: 0, days: column.integer(1, row * 2, Int32.self),
        value: column.integer(1, row * 2 + 1, Int32.self), .millisecond)
    case .interval(.monthDayNano):
      return interval(
        months: column.integer(1, row * 4, Int32.self),
        days: column.integer(1, row * 4 + 1, Int32.self),
        value: column.integer(1, row * 2 + 1, Int64.self), .nanosecond)
    default: return "\(value)"
    }
  }

  private static func floorDivide(_ value: Int, _ divisor: Int) -> (quotient: Int, remainder: Int) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  private static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return digits.count >= width
      ? digits : String(repeating: "0", count: width - digits.count) + digits
  }

  /// A date of the proleptic Gregorian calendar; years before 1 as `0044-03-15 (BC)`.
  ///
  /// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": years that start in
  /// March put the leap day last, and eras of 400 years all have 146,097 days.
  static func date(daysSince1970 days: Int) -> String {
    let (era, dayOfEra) = floorDivide(days.addingReportingOverflow(719_468).partialValue, 146_097)
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    let text = "-\(padded(month, 2))-\(padded(day, 2))"
    return year > 0 ? padded(year, 4) + text : padded(1 - year, 4) + text + " (BC)"
  }

  /// A time of day: `12:34:56.789`. Values that are no time of day are shown as numbers.
  private static func time(_ value: Int, _ unit: TimeUnit) -> String {
    guard value >= 0, value <= 86_400 * unit.perSecond else { return "\(value)" }
    return clock(UInt(value), unit)
  }

  /// Hours, minutes, seconds and as much of a fraction as is not zero.
  private static func clock(_ value: UInt, _ unit: TimeUnit) -> String {
    let perSecond = UInt(unit.perSecond)
    let seconds = value / perSecond
    var text = padded(Int(seconds / 3600), 2) + ":" + padded(Int(seconds / 60 % 60), 2)
    text += ":" + padded(Int(seconds % 60), 2)
    let fraction = Int(value % perSecond)
    guard fraction > 0 else { return text }
    var digits = padded(fraction, unit.fractionDigitCount)
    while digits.last == "0" { digits.removeLast() }
    return text + "." + digits
  }

  private static func duration(_ value: Int, _ unit: TimeUnit) -> String {
    (value < 0 ? "-" : "") + clock(value.magnitude, unit)
  }

  private static func interval(months: Int, days: Int, value: Int, _ unit: TimeUnit) -> String {
    var parts: [String] = []
    func append(_ count: Int, _ name: String) {
      if count != 0 { parts.append("\(count) \(name)\(abs(count) == 1 ? "" : "s")") }
    }
    append(months / 12, "year")
    append(months % 12, "month")
    append(days, "day")
    if value != 0 || parts.isEmpty { parts.append(duration(value, unit)) }
    return parts.joined(separator: " ")
  }
}

extension TimeUnit {
  /// How many make a second.
  public var perSecond: Int {
    switch self {
    case .second: 1
    case .millisecond: 1_000
    case .microsecond: 1_000_000
    case .nanosecond: 1_000_000_000
    }
  }

  /// Digits behind the point of seconds.
  var fractionDigitCount: Int { rawValue * 3 }
}
