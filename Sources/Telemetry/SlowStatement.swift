public import Logging

/// A statement that took longer than `--slow-statement-threshold`, as the log shows it.
///
/// The text of the statement is in it, cut to ``maxTextBytes``: who turns the slow-statement log on sees
/// what clients wrote, literals included. Parameters are not.
public struct SlowStatement: Sendable {
  /// Longer texts are cut; enough to recognise a statement, little enough for a log line.
  public static let maxTextBytes = 2_048

  public var text: String
  /// The session's id as the log knows it; never its token.
  public var session: String
  public var outcome: ServerMetrics.Outcome
  /// From the start to the last batch that the client took.
  public var duration: Duration
  /// The wait before the start.
  public var queued: Duration
  public var rowCount: Int
  public var byteCount: Int

  public init(
    text: String, session: String, outcome: ServerMetrics.Outcome, duration: Duration,
    queued: Duration = .zero, rowCount: Int = 0, byteCount: Int = 0
  ) {
    self.text = text
    self.session = session
    self.outcome = outcome
    self.duration = duration
    self.queued = queued
    self.rowCount = rowCount
    self.byteCount = byteCount
  }

  /// Writes one `slow statement` line at level warning, and counts it.
  public func report(to logger: Logger, metrics: ServerMetrics) {
    metrics.statementWasSlow()
    logger.warning(
      "slow statement",
      metadata: [
        "statement": .string(Self.oneLine(text)), "session": .string(session),
        "outcome": .string(outcome.rawValue),
        "duration_ms": .stringConvertible(milliseconds(duration)),
        "queued_ms": .stringConvertible(milliseconds(queued)),
        "rows": .stringConvertible(rowCount), "bytes": .stringConvertible(byteCount),
      ])
  }

  /// The text with white space folded, at most ``maxTextBytes`` long.
  static func oneLine(_ text: String) -> String {
    var bytes: [UInt8] = []
    var isPending = false
    for byte in text.utf8 {
      if byte == 0x20 || (0x09...0x0D).contains(byte) {
        isPending = !bytes.isEmpty
        continue
      }
      if isPending { bytes.append(0x20) }
      isPending = false
      bytes.append(byte)
      if bytes.count > maxTextBytes { break }
    }
    guard bytes.count > maxTextBytes else { return String(decoding: bytes, as: UTF8.self) }
    bytes.removeLast(bytes.count - maxTextBytes)
    while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
    if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self) + " …"
  }

  private func milliseconds(_ duration: Duration) -> Int64 { nanoseconds(duration) / 1_000_000 }
}
