/// How fast groups that want a sync come, and how long it is worth waiting for more of them.
///
/// One sync serves all groups that are written before it. When groups come so fast that sixteen are there
/// within ``maxWait``, the writer waits for that many, as long as they keep coming: each waits little longer
/// than it would for its turn, and the disk syncs less often. A few clients never wait.
struct ArrivalRate: Sendable {
  /// What the writer would like to have for one sync.
  static let wantedCount = 16
  static let maxWait = Duration.microseconds(1_200)

  private var last: ContinuousClock.Instant?
  private var count = 0
  /// Groups a second, over the last few hundred.
  private(set) var perSecond = 0.0

  /// Groups were taken to be written.
  mutating func took(_ taken: Int, at now: ContinuousClock.Instant) {
    count += taken
    guard let last else {
      (self.last, count) = (now, 0)
      return
    }
    let elapsed = (now - last) / .seconds(1)
    guard elapsed > 0.002 else { return }
    let rate = Double(count) / elapsed
    perSecond = elapsed > 0.1 ? rate : perSecond * 0.7 + rate * 0.3
    (self.last, count) = (now, 0)
  }

  /// How long to wait for the next group while there are fewer than ``wantedCount``; nil for not at all.
  var gap: Duration? {
    let seconds = Double(Self.wantedCount) / max(perSecond, 1)
    guard seconds <= Self.maxWait / .seconds(1) else { return nil }
    return .seconds(2 / perSecond)
  }
}
