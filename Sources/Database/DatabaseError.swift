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
