/// The fixed windows in which a running aggregate begins anew: aligned to 1970-01-01 00:00 UTC.
public struct RunningWindow: Hashable, Sendable {
  /// Length in microseconds, at least 1.
  public let microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = max(microseconds, 1) }

  /// The start of the window that a time lies in, rounded down also before 1970.
  public func start(of time: Int64) -> Int64 {
    let rest = time % microseconds
    let start = time.subtractingReportingOverflow(rest < 0 ? rest + microseconds : rest)
    return start.overflow ? Int64.min : start.partialValue
  }
}
