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

extension PoolOptions {
  /// What the names of all options of a pool begin with.
  public static let prefix = "pool_"

  /// The names in a connection string.
  public static let names = [
    "pool_max", "pool_min", "pool_idle_timeout", "pool_max_lifetime", "pool_check_after",
    "pool_wait_timeout", "pool_breaker_failures", "pool_breaker_delay", "pool_breaker_max_delay",
  ]

  /// Sets the option of that name.
  ///
  /// - Parameter value: A number, or a time: seconds, or with a unit, `500ms`, `30s`, `5m`, `1h`.
  public mutating func set(_ name: String, _ value: String) throws(ADBCError) {
    switch name {
    case "pool_max": maxCount = try count(name, value)
    case "pool_min": minCount = try count(name, value)
    case "pool_idle_timeout": idleTimeout = try duration(name, value)
    case "pool_max_lifetime": maxLifetime = try duration(name, value)
    case "pool_check_after": checkAfter = try duration(name, value)
    case "pool_wait_timeout": waitTimeout = try duration(name, value)
    case "pool_breaker_failures": breakerFailures = try count(name, value)
    case "pool_breaker_delay": breakerDelay = try duration(name, value)
    case "pool_breaker_max_delay": breakerMaxDelay = try duration(name, value)
    default:
      throw ADBCError(
        .invalidArgument,
        "the pool has no option \(name); it has \(Self.names.joined(separator: ", "))")
    }
  }

  /// Whether the options make sense together.
  public func validate() throws(ADBCError) {
    guard maxCount >= 1, maxCount <= 10_000 else {
      throw ADBCError(.invalidArgument, "pool_max is \(maxCount); it must be from 1 to 10000")
    }
    guard minCount <= maxCount else {
      throw ADBCError(
        .invalidArgument, "pool_min is \(minCount), which is more than pool_max, \(maxCount)")
    }
  }

  private func count(_ name: String, _ value: String) throws(ADBCError) -> Int {
    guard let count = Int(value), count >= 0, count <= 1_000_000 else {
      throw ADBCError(.invalidArgument, "\(name) is \"\(value)\"; it must be a number from 0 on")
    }
    return count
  }

  private func duration(_ name: String, _ value: String) throws(ADBCError) -> Duration {
    let digits = value.prefix { $0.isASCII && $0.isNumber }
    let milliseconds: Int? =
      switch value.dropFirst(digits.count) {
      case "", "s": 1000
      case "ms": 1
      case "m", "min": 60_000
      case "h": 3_600_000
      default: nil
      }
    guard let milliseconds, let number = Int(digits), number <= 1_000_000_000 else {
      throw ADBCError(
        .invalidArgument,
        "\(name) is \"\(value)\"; it must be a time such as 30, 500ms, 30s, 5m or 1h")
    }
    return .milliseconds(number * milliseconds)
  }
}
