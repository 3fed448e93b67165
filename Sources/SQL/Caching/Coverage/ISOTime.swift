/// Days and times as ISO 8601 writes them, as numbers. Everything else is refused, however clear it seems: databases differ there.
enum ISOTime {
  /// Days since 1970 of `2026-11-21`.
  static func days(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count == 10 else { return nil }
    return days(bytes[...])
  }

  /// Microseconds since 1970 of `2026-11-21`, or `2026-11-21 10:20:30[.123456]`, with a T or a space.
  ///
  /// - Parameter hasZone: Whether `Z` or `+00` stands behind it, and has to.
  static func microseconds(_ text: String, hasZone: Bool) -> Int64? {
    var bytes = Array(text.utf8)[...]
    if hasZone {
      let zones: [[UInt8]] = [Array("+00:00".utf8), Array("+00".utf8), Array("Z".utf8)]
      guard let zone = zones.first(where: { bytes.reversed().starts(with: $0.reversed()) }),
        bytes.count > 10 + zone.count
      else { return nil }
      bytes = bytes.dropLast(zone.count)
    }
    guard bytes.count >= 10, let days = days(bytes.prefix(10)) else { return nil }
    let day = days * 86_400_000_000
    let rest = Array(bytes.dropFirst(10))
    if rest.isEmpty { return day }
    guard rest.count >= 9, rest[0] == UInt8(ascii: " ") || rest[0] == UInt8(ascii: "T"),
      rest[3] == UInt8(ascii: ":"), rest[6] == UInt8(ascii: ":"),
      let hour = number(rest[1..<3]), let minute = number(rest[4..<6]),
      let second = number(rest[7..<9]), hour < 24, minute < 60, second < 60
    else { return nil }
    var fraction: Int64 = 0
    if rest.count > 9 {
      let digits = rest[10...]
      guard rest[9] == UInt8(ascii: "."), (1...6).contains(digits.count),
        let value = number(digits)
      else { return nil }
      fraction = (digits.count..<6).reduce(value) { sum, _ in sum * 10 }
    }
    return day + ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
  }

  private static func days(_ bytes: ArraySlice<UInt8>) -> Int64? {
    let bytes = Array(bytes)
    guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
      let day = number(bytes[8..<10]), year >= 1, (1...12).contains(month), day >= 1
    else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard day <= lengths[Int(month) - 1] else { return nil }
    // Years that begin in March, so that the day that comes and goes is the last one.
    let (y, m) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      value = value * 10 + Int64(digit - 0x30)
    }
    return value
  }
}
