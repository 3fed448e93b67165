/// Durations and sizes as people write them in options.
public enum DurationText {
  /// Microseconds of `'7 days'`, `'5m'`, `'30 seconds'`, `'1h 30m'` or `'250 ms'`; nil for anything else.
  public static func microseconds(_ text: String) -> Int64? {
    var rest = Substring(text.lowercased()).drop { $0.isWhitespace }
    guard !rest.isEmpty else { return nil }
    var sum: Int64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let count = Int64(digits) else { return nil }
      rest = rest.dropFirst(digits.count).drop { $0.isWhitespace }
      let word = rest.prefix { $0.isLetter || $0 == "µ" }
      guard let unit = unit(String(word)) else { return nil }
      let (part, overflow) = count.multipliedReportingOverflow(by: unit)
      let (total, over) = sum.addingReportingOverflow(part)
      guard !overflow, !over else { return nil }
      sum = total
      rest = rest.dropFirst(word.count).drop { $0.isWhitespace || $0 == "," }
    }
    return sum
  }

  /// Microseconds of one unit.
  static func unit(_ word: String) -> Int64? {
    switch word {
    case "us", "µs", "microsecond", "microseconds": 1
    case "ms", "millisecond", "milliseconds": 1_000
    case "s", "sec", "secs", "second", "seconds": 1_000_000
    case "m", "min", "mins", "minute", "minutes": 60_000_000
    case "h", "hour", "hours": 3_600_000_000
    case "d", "day", "days": 86_400_000_000
    case "w", "week", "weeks": 604_800_000_000
    default: nil
    }
  }

  /// Bytes of `'1GB'`, `'512 MiB'` or `'1000'`; nil for anything else.
  public static func byteCount(_ text: String) -> Int? {
    let text = text.lowercased().filter { !$0.isWhitespace }
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let count = Int(digits) else { return nil }
    let factor: Int
    switch text.dropFirst(digits.count) {
    case "", "b", "bytes": factor = 1
    case "k", "kb": factor = 1_000
    case "kib": factor = 1 << 10
    case "m", "mb": factor = 1_000_000
    case "mib": factor = 1 << 20
    case "g", "gb": factor = 1_000_000_000
    case "gib": factor = 1 << 30
    case "t", "tb": factor = 1_000_000_000_000
    case "tib": factor = 1 << 40
    default: return nil
    }
    let (product, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
  }
}
