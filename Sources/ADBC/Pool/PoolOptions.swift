/// How a pool of connections behaves. In a connection string each has the name that is given with it.
public struct PoolOptions: Hashable, Sendable {
  /// `pool_max`: at most so many connections; at least 1.
  public var maxCount = 10
  /// `pool_min`: so many are kept open, also when nobody uses them.
  public var minCount = 0
  /// `pool_idle_timeout`: a connection that is not used for so long is closed, if there are more than `minCount`. Zero: never.
  public var idleTimeout: Duration = .seconds(600)
  /// `pool_max_lifetime`: an older connection is closed as soon as it is not in use. Zero: never.
  public var maxLifetime: Duration = .seconds(1800)
  /// `pool_check_after`: a connection that was idle for so long is tried out before it is used. Zero: always.
  public var checkAfter: Duration = .seconds(30)
  /// `pool_wait_timeout`: so long a caller waits for a connection. Zero: without end.
  public var waitTimeout: Duration = .seconds(30)
  /// `pool_breaker_failures`: after so many failures to connect, one after the other, no more attempts are made for a while. Zero: always
  /// try.
  public var breakerFailures = 5
  /// `pool_breaker_delay`: how long at first; it doubles with each failure.
  public var breakerDelay: Duration = .seconds(1)
  /// `pool_breaker_max_delay`: how long at most.
  public var breakerMaxDelay: Duration = .seconds(60)

  public init() {}
}
