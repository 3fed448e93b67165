internal import NIOCore

/// The value of the `grpc-timeout` header: one to eight digits and a unit.
enum GRPCTimeout {
  /// - Returns: `nil` if the text is malformed. A time beyond 290 years is cut to that.
  static func parse(_ text: String) -> TimeAmount? {
    var digits = text.utf8[...]
    guard let unit = digits.popLast(), (1...8).contains(digits.count) else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int64(digit - UInt8(ascii: "0"))  // at most 99 999 999
    }
    let nanosecondsPerUnit: Int64
    switch unit {
    case UInt8(ascii: "H"): nanosecondsPerUnit = 3_600_000_000_000
    case UInt8(ascii: "M"): nanosecondsPerUnit = 60_000_000_000
    case UInt8(ascii: "S"): nanosecondsPerUnit = 1_000_000_000
    case UInt8(ascii: "m"): nanosecondsPerUnit = 1_000_000
    case UInt8(ascii: "u"): nanosecondsPerUnit = 1_000
    case UInt8(ascii: "n"): nanosecondsPerUnit = 1
    default: return nil
    }
    let (nanoseconds, overflow) = value.multipliedReportingOverflow(by: nanosecondsPerUnit)
    return .nanoseconds(overflow ? .max : nanoseconds)
  }

  /// The shortest spelling that loses less than a thousandth, rounded up.
  static func format(_ amount: TimeAmount) -> String {
    let units: [(suffix: String, nanoseconds: Int64)] = [
      ("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000),
    ]
    let nanoseconds = max(amount.nanoseconds, 0)
    for unit in units {
      let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: unit.nanoseconds)
      let value = rest > 0 ? whole + 1 : whole
      if value <= 99_999_999 { return "\(value)\(unit.suffix)" }
    }
    return "99999999H"
  }
}
