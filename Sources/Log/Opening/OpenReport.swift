/// What was found when a log was opened.
public struct OpenReport: Sendable {
  public var segmentCount = 0
  /// Segments that were read frame by frame, since they had not been sealed.
  public var scanned: [String] = []
  /// Bytes behind the last whole group, which nobody was told are stored.
  public var cutByteCount = 0
  /// Places where the log is not as it was written, for people.
  public var problems: [String] = []
  public var duration = Duration.zero

  public init() {}
}
