internal import ADBC
internal import DuckDB
public import Engine

/// What a client of the database sees when something went wrong.
public struct DatabaseError: Error, Sendable {
  /// Who has to act, in the words of gRPC's status codes.
  public enum Code: Sendable {
    case cancelled
    case invalidArgument
    case deadlineExceeded
    case notFound
    case alreadyExists
    case permissionDenied
    case resourceExhausted
    case failedPrecondition
    case aborted
    case unimplemented
    case `internal`
    case unavailable
    case unauthenticated
  }

  public var code: Code
  /// One sentence for a person. Names relations and columns; never secrets.
  public var message: String
  /// Where in the text that the client sent the mistake is: a 0-based offset in bytes of UTF-8.
  public var position: Int?
  /// The module's own error, for the server's log; not sent to the client.
  public var cause: (any Error)?

  public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }
}

extension DatabaseError: CustomStringConvertible {
  public var description: String { message }
}

extension DatabaseError {
  /// Says by whom an error of the engine has to be mended.
  public init(_ error: EngineError) {
    switch error {
    case .statement(let error): self.init(error)
    case .backend(let error): self.init(error)
    case .unreachable(let name, let error): self = .unreachable(name, error)
    case .connectionLost(let name, let error):
      self.init(
        .aborted,
        "the connection to the engine \(name) was lost, and with it the session's transaction and temporary tables: "
          + "begin again (\(error.message))", cause: error)
    case .cancelled: self.init(.cancelled, "the statement was cancelled")
    case .timedOut(let limit):
      self.init(
        .deadlineExceeded,
        "the statement ran longer than statement_timeout allows, which is \(limit)")
    case .overloaded(let sentence): self.init(.resourceExhausted, sentence)
    case .restarted:
      self.init(
        .aborted,
        "the engine was restarted after an internal error; this session's transaction and "
          + "temporary tables are lost: begin again")
    case .reopening:
      self.init(
        .unavailable, "the engine is being started again after an internal error; try again soon")
    case .outOfTurn(let sentence): self.init(.aborted, sentence)
    case .spool(let sentence): self.init(.internal, sentence)
    case .shuttingDown: self.init(.unavailable, "the server is shutting down")
    }
  }

  /// Any error that a statement may end with.
  init(any error: any Error) {
    switch error {
    case let error as DatabaseError: self = error
    case let error as EngineError: self.init(error)
    case let error as DuckDBError: self.init(error)
    case let error as ADBCError: self.init(error)
    case is CancellationError: self.init(.cancelled, "the call was cancelled")
    default: self.init(.internal, "\(error)", cause: error)
    }
  }

  init(_ error: DuckDBError) {
    let code: Code =
      switch error.kind {
      case .interrupted: .cancelled
      case .transactionConflict: .aborted
      case .permission: .permissionDenied
      case .outOfMemory: .resourceExhausted
      case .internal, .fatal: .internal
      default: .invalidArgument
      }
    self.init(code, error.message, cause: error)
  }
}

extension DatabaseError {
  /// Says by whom an error of a database behind an ADBC driver has to be mended.
  init(_ error: ADBCError) {
    let code: Code =
      switch error.status {
      case .cancelled: .cancelled
      case .timeout: .deadlineExceeded
      case .notFound: .notFound
      case .alreadyExists: .alreadyExists
      case .notImplemented: .unimplemented
      case .invalidState: .failedPrecondition
      case .unauthenticated: .unauthenticated
      case .unauthorized: .permissionDenied
      case .io: .unavailable
      case .invalidArgument, .invalidData, .integrity: .invalidArgument
      case .internal: .internal
      case .unknown: error.sqlState == nil ? .internal : .invalidArgument
      }
    self.init(error.code ?? code, error.description, cause: error)
  }

  static func unreachable(_ name: String, _ error: PoolError) -> DatabaseError {
    switch error {
    case .connect(let cause), .open(last: let cause, _, _):
      guard let setting = cause.settingToChange else {
        return DatabaseError(
          .unavailable, "the engine \(name) cannot be reached: \(error.oneLine)", cause: error)
      }
      return DatabaseError(
        .failedPrecondition, "the engine \(name) cannot be reached: \(error.oneLine); \(setting)",
        cause: error)
    case .waitTimeout:
      return DatabaseError(.resourceExhausted, "the engine \(name) is busy: \(error)", cause: error)
    case .cancelled: return DatabaseError(.cancelled, "the statement was cancelled")
    case .closed: return DatabaseError(.shuttingDown)
    }
  }
}

extension PoolError {
  /// Drivers write several lines, the last of them empty.
  fileprivate var oneLine: String {
    description.split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}

extension ADBCError {
  /// What to do about a connection that fails for good; nil if it may be there again by itself.
  ///
  /// Drivers tell such failures with the same status as a server that is down, so their words decide.
  fileprivate var settingToChange: String? {
    let words = message.lowercased()
    func says(_ parts: String...) -> Bool { parts.contains { words.contains($0) } }
    if says("authentication failed", "no password supplied", "password is required") {
      return "check the user name and password (engine_username, engine_password)"
    }
    if says("pg_hba.conf", "is not permitted to log in") {
      return "let this user log in, or use another (engine_username)"
    }
    if says("invalid uri", "invalid connection option")
      || says("database \"", "role \"") && says("does not exist")
    {
      return "change engine_connection or engine_options"
    }
    switch status {
    case .notFound, .invalidArgument, .notImplemented:
      return "change engine_connection or engine_options"
    case .unauthenticated, .unauthorized:
      return "check the user name and password (engine_username, engine_password)"
    default: return nil
    }
  }

  /// What SQLSTATE says, where it says more than the driver's own status.
  fileprivate var code: DatabaseError.Code? {
    guard let sqlState else { return nil }
    switch sqlState {
    case "57014": return .cancelled
    case "42501": return .permissionDenied
    case "40001", "40P01": return .aborted
    case "42P07", "42P06", "42710", "23505": return .alreadyExists
    case "42P01", "3F000": return .notFound
    case "0A000": return .unimplemented
    default: break
    }
    switch sqlState.prefix(2) {
    case "08": return .unavailable
    case "22", "23", "42": return .invalidArgument
    case "25": return .failedPrecondition
    case "28": return .unauthenticated
    case "53": return .resourceExhausted
    case "57": return .unavailable
    default: return nil
    }
  }
}
