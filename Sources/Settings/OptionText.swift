/// Reading and writing the units in which options are given.
public enum OptionText {
  /// A size such as `512MiB`, `4GB`, `1.5 GiB` or a bare number of bytes.
  ///
  /// - Returns: Bytes, or nil if the text is not a size or does not fit into 63 bits.
  public static func byteCount(_ text: String) -> Int? {
    guard let (number, unit) = split(text) else { return nil }
    let factor: Double
    switch unit {
    case "", "b": factor = 1
    case "k", "kb": factor = 1e3
    case "m", "mb": factor = 1e6
    case "g", "gb": factor = 1e9
    case "t", "tb": factor = 1e12
    case "kib": factor = 1_024
    case "mib": factor = 1_048_576
    case "gib": factor = 1_073_741_824
    case "tib": factor = 1_099_511_627_776
    default: return nil
    }
    let bytes = number * factor
    guard bytes >= 0, bytes < 9e18 else { return nil }
    return Int(bytes.rounded())
  }

  /// A length of time such as `500ms`, `1.5s`, `5m`, `2h`, `1d`; a bare number means seconds.
  public static func duration(_ text: String) -> Duration? {
    guard let (number, unit) = split(text) else { return nil }
    let seconds: Double
    switch unit {
    case "ns": seconds = number / 1e9
    case "us", "µs": seconds = number / 1e6
    case "ms": seconds = number / 1e3
    case "", "s", "sec", "second", "seconds": seconds = number
    case "m", "min", "minute", "minutes": seconds = number * 60
    case "h", "hour", "hours": seconds = number * 3_600
    case "d", "day", "days": seconds = number * 86_400
    default: return nil
    }
    // A hundred years are more than any timeout, and their nanoseconds fit into 63 bits.
    guard seconds >= 0, seconds <= 3.2e9 else { return nil }
    return .nanoseconds(Int64((seconds * 1e9).rounded()))
  }

  public static func bool(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "true", "yes", "on", "1": true
    case "false", "no", "off", "0": false
    default: nil
    }
  }

  /// The shortest text that ``byteCount(_:)`` reads as this number.
  public static func text(byteCount: Int) -> String {
    let units: [(Int, String)] = [
      (1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"),
    ]
    for (size, name) in units where byteCount >= size && byteCount % size == 0 {
      return "\(byteCount / size)\(name)"
    }
    return String(byteCount)
  }

  /// The shortest text that ``duration(_:)`` reads as this length.
  public static func text(duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let nanoseconds = attoseconds / 1_000_000_000
    if nanoseconds == 0 {
      if seconds == 0 { return "0" }
      for (size, name) in [(Int64(86_400), "d"), (3_600, "h"), (60, "m")]
      where seconds % size == 0 { return "\(seconds / size)\(name)" }
      return "\(seconds)s"
    }
    let (total, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return "\(seconds)s" }
    let all = total + nanoseconds
    if all % 1_000_000 == 0 { return "\(all / 1_000_000)ms" }
    if all % 1_000 == 0 { return "\(all / 1_000)us" }
    return "\(all)ns"
  }

  /// Number and lower-case unit; at most one space between them.
  private static func split(_ text: String) -> (Double, String)? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "_") }
    var unit = text.dropFirst(digits.count)
    if unit.first == " " { unit = unit.dropFirst() }
    guard digits.first?.isNumber == true, let number = Double(digits.filter { $0 != "_" }) else {
      return nil
    }
    return (number, unit.lowercased())
  }
}
