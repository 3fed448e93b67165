/// Decimals as text.
enum DecimalText {
  /// The value at `row` of a buffer of decimals: `-1.50` for -150 with a scale of 2.
  static func text(_ buffer: Buffer, at row: Int, width: DecimalWidth, scale: Int) -> String {
    var words = words(buffer, at: row, width: width)
    let isNegative = words[words.count - 1] >> 63 == 1
    if isNegative { negate(&words) }
    let digits = digits(of: &words)
    return (isNegative ? "-" : "") + placed(digits, scale: scale)
  }

  /// The value in words of 64 bits, the least significant first, sign extended.
  private static func words(_ buffer: Buffer, at row: Int, width: DecimalWidth) -> [UInt64] {
    let start = row * width.byteCount
    if width == .bits32 {
      let value = Int64(buffer.number(at: start, as: Int32.self) ?? 0)
      return [UInt64(bitPattern: value)]
    }
    return (0..<(width.byteCount / 8)).map {
      buffer.number(at: start + $0 * 8, as: UInt64.self) ?? 0
    }
  }

  private static func negate(_ words: inout [UInt64]) {
    var carry = true
    for index in words.indices {
      words[index] = ~words[index]
      if carry { (words[index], carry) = words[index].addingReportingOverflow(1) }
    }
  }

  private static func digits(of words: inout [UInt64]) -> String {
    let base: UInt64 = 1_000_000_000_000_000_000
    var digits = ""
    repeat {
      var remainder: UInt64 = 0
      for index in words.indices.reversed() {
        // The remainder is below the base, so the quotient fits.
        (words[index], remainder) = base.dividingFullWidth((remainder, words[index]))
      }
      let group = String(remainder)
      let isLast = words.allSatisfy { $0 == 0 }
      digits = (isLast ? "" : String(repeating: "0", count: 18 - group.count)) + group + digits
      if isLast { return digits }
    } while true
  }

  /// Puts the decimal point `scale` digits from the right; a negative scale appends zeros.
  private static func placed(_ digits: String, scale: Int) -> String {
    if scale == 0 { return digits }
    if scale < 0 {
      // Beyond any precision, the zeros say less than the exponent does.
      if scale < -76 { return digits + "e\(-scale)" }
      return digits == "0" ? digits : digits + String(repeating: "0", count: -scale)
    }
    if scale > 1000 { return digits + "e-\(scale)" }
    let padded =
      digits.count > scale
      ? digits : String(repeating: "0", count: scale + 1 - digits.count) + digits
    return padded.dropLast(scale) + "." + padded.suffix(scale)
  }
}
