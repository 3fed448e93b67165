/// What a pool looks like at a moment, and what it has done since it was made.
public struct PoolFigures: Hashable, Sendable {
  public enum Breaker: String, Hashable, Sendable {
    /// Connections are made as they are needed.
    case closed
    /// Connecting failed; it is not tried for a while.
    case open
    /// One attempt decides.
    case halfOpen = "half open"
  }

  public var maxCount = 0
  /// Connections that exist: idle, in use, or tried out just now.
  public var open = 0
  public var idle = 0
  public var inUse = 0
  /// Callers that wait for a connection.
  public var waiting = 0
  /// Attempts to connect that go on.
  public var connecting = 0
  public var breaker = Breaker.closed
  /// Counts since the pool was made: connections made, attempts that failed, connections closed, leases given out, callers that waited
  /// too long.
  public var made = 0
  public var failed = 0
  public var closed = 0
  public var leased = 0
  public var timedOut = 0
  /// Why the last attempt to connect failed; `nil` after one that succeeded.
  public var lastError: ADBCError?

  public init() {}
}
