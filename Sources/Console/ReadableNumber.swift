/// Numbers as a person reads them at a glance: three digits and a unit.
public enum ReadableNumber {
  /// `950`, `12.4 k`, `3.1 M`.
  public static func count(_ number: Int) -> String {
    text(number, step: 1_000, units: ["", " k", " M", " G", " T"])
  }

  /// `512 B`, `18.4 GiB`.
  public static func size(_ byteCount: Int) -> String {
    text(byteCount, step: 1_024, units: [" B", " KiB", " MiB", " GiB", " TiB"])
  }

  /// `45 s`, `3 min 20 s`, `5 h 12 min`, `12 d 3 h`.
  public static func time(_ duration: Duration) -> String {
    let seconds = max(0, duration.components.seconds)
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400)
    if days > 0 { return "\(days) d \(hours % 24) h" }
    if hours > 0 { return "\(hours) h \(minutes % 60) min" }
    if minutes > 0 { return "\(minutes) min \(seconds % 60) s" }
    return "\(seconds) s"
  }

  private static func text(_ number: Int, step: Double, units: [String]) -> String {
    var value = Double(max(0, number))
    var index = 0
    while value >= step && index + 1 < units.count {
      value /= step
      index += 1
    }
    if index == 0 || value >= 100 { return "\(Int(value.rounded()))\(units[index])" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)\(units[index])"
  }
}
