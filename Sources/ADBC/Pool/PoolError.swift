/// Why there is no connection.
public enum PoolError: Error, Hashable, Sendable {
  /// Connecting failed.
  case connect(ADBCError)
  /// Connecting failed so often that it is not tried for a while: the last error, and how long until the next attempt.
  case open(last: ADBCError, failures: Int, retryAfter: Duration)
  /// All connections were in use for too long.
  case waitTimeout(limit: Duration, inUse: Int, last: ADBCError?)
  /// The waiting task was cancelled.
  case cancelled
  /// The pool is closed.
  case closed
}

extension PoolError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .connect(let error): error.description
    case .open(let last, let failures, let retryAfter):
      "\(last); connecting failed \(failures) times, the next attempt is in \(retryAfter)"
    case .waitTimeout(let limit, let inUse, let last):
      "no connection became free within \(limit) (pool_wait_timeout); \(inUse) are in use (pool_max)"
        + (last.map { ", and connecting failed: \($0)" } ?? "")
    case .cancelled: "the wait for a connection was cancelled"
    case .closed: "the pool of connections is closed"
    }
  }

  /// The same as an error of ADBC.
  public var adbcError: ADBCError {
    switch self {
    case .connect(let error): error
    case .open(let last, _, _):
      ADBCError(
        last.status, description, sqlState: last.sqlState, vendorCode: last.vendorCode,
        details: last.details)
    case .waitTimeout: ADBCError(.timeout, description)
    case .cancelled: ADBCError(.cancelled, description)
    case .closed: ADBCError(.invalidState, description)
    }
  }
}
