/// A name that cannot be guessed, for a thing that a session holds: a prepared statement, a result,
/// a transaction.
///
/// 16 bytes from the system's random source.
public struct Handle: Hashable, Sendable {
  private let high: UInt64
  private let low: UInt64

  /// A fresh one.
  public init() {
    var random = SystemRandomNumberGenerator()
    high = random.next()
    low = random.next()
  }

  /// One that came from outside; `nil` if it cannot be one of ours.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var words: [UInt64] = [0, 0]
    for (index, byte) in bytes.enumerated() {
      words[index / 8] = words[index / 8] << 8 | UInt64(byte)
    }
    high = words[0]
    low = words[1]
  }

  public var bytes: [UInt8] {
    [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
  }

  /// For logs and `SHOW QUERIES`.
  public var text: String {
    [high, low].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
