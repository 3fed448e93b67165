public import ADBC
public import DuckDB

/// Why the engine did not run a statement to its end.
public enum EngineError: Error, Sendable {
  /// DuckDB refused the statement, or failed in it.
  case statement(DuckDBError)
  /// The database behind an ADBC driver refused the statement, failed in it, or cannot be reached.
  case backend(ADBCError)
  /// There is no connection to the database of that name.
  case unreachable(String, PoolError)
  /// A connection in which a transaction or temporary tables lived was lost.
  case connectionLost(String, ADBCError)
  /// The client cancelled it, closed its result, or went away.
  case cancelled
  /// It ran longer than `statement_timeout` allows.
  case timedOut(Duration)
  /// A limit of the server is reached; the sentence names it.
  case overloaded(String)
  /// DuckDB had to be opened anew; transactions and temporary tables of this session are gone.
  case restarted
  /// DuckDB is being opened anew, and that takes long.
  case reopening
  /// What the statement was sent for had ended when its turn came; the sentence says what.
  case outOfTurn(String)
  /// A result could not be kept on disk.
  case spool(String)
  /// The server is stopping.
  case shuttingDown
}

/// Why a running statement is interrupted.
public enum StopReason: Sendable {
  case cancelled
  case timedOut(Duration)
  case restarted
  case shuttingDown

  var error: EngineError {
    switch self {
    case .cancelled: .cancelled
    case .timedOut(let limit): .timedOut(limit)
    case .restarted: .restarted
    case .shuttingDown: .shuttingDown
    }
  }
}
