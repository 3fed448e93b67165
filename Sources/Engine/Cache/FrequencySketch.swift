/// How often things were asked for lately, about: a count-min sketch of counters from 0 to 15, which are halved now and then, so that
/// what was wanted long ago is forgotten.
///
/// After G. Einziger, R. Friedman and B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy" (2017).
struct FrequencySketch {
  private static let rowCount = 4

  /// Counters, a byte each: `rowCount` rows of a power of two.
  private var counters: [UInt8]
  private var mask: Int
  private var additions = 0

  /// Uses since which counters are halved, per counter of a row.
  private static let usesPerCounter = 10

  init() {
    counters = Array(repeating: 0, count: Self.rowCount * 64)
    mask = 63
  }

  /// Makes room for the counts of so many things.
  mutating func reserve(_ count: Int) {
    while mask + 1 < count, mask < 1 << 26 { grow() }
  }

  /// The counters of what is known are doubled with it: each half knows as much as the whole did.
  private mutating func grow() {
    let width = mask + 1
    var wider: [UInt8] = []
    wider.reserveCapacity(counters.count * 2)
    for row in 0..<Self.rowCount {
      let part = counters[(row * width)..<((row + 1) * width)]
      wider += part
      wider += part
    }
    counters = wider
    mask = width * 2 - 1
  }

  mutating func add(_ hash: UInt64) {
    var isNew = false
    for row in 0..<Self.rowCount {
      let place = place(hash, row)
      if counters[place] < 15 {
        counters[place] += 1
        isNew = true
      }
    }
    guard isNew else { return }
    additions += 1
    if additions >= (mask + 1) * Self.usesPerCounter { halve() }
  }

  func count(_ hash: UInt64) -> UInt8 {
    var least: UInt8 = 15
    for row in 0..<Self.rowCount { least = min(least, counters[place(hash, row)]) }
    return least
  }

  private mutating func halve() {
    for index in counters.indices { counters[index] /= 2 }
    additions /= 2
  }

  private func place(_ hash: UInt64, _ row: Int) -> Int {
    var mixed = hash &+ UInt64(row) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 32)) &* 0xD6E8_FEB8_6659_FD93
    mixed ^= mixed >> 32
    return row * (mask + 1) + Int(truncatingIfNeeded: mixed) & mask
  }
}
