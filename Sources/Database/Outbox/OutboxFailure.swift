internal import ADBC
internal import Engine

/// Why changes could not be pushed.
enum OutboxFailure: Error, Sendable {
  /// There is no connection to the database.
  case unreachable(DatabaseError)
  /// It may go through when it is tried again: a lost connection, a deadlock, a full disk.
  case passing(DatabaseError)
  /// The database refuses it for good, or seems to: a constraint, a missing table, a wrong statement.
  case refused(DatabaseError)
  /// Nobody can tell.
  case unclear(DatabaseError)
  /// The database has other changes than we thought.
  case moved
  /// The server stops.
  case stopped

  /// What is thrown inside of a push when the database is elsewhere than expected.
  static let movedError = ADBCError(.invalidState, "the outbox has moved", vendorCode: 7_201_993)

  init(_ error: any Error) {
    let shown = DatabaseError(any: error)
    guard let error = error as? EngineError else {
      self = .passing(shown)
      return
    }
    switch error {
    case .unreachable: self = .unreachable(shown)
    case .backend(Self.movedError): self = .moved
    case .backend(let failure): self = failure.pushFailure(shown)
    case .statement: self = .refused(shown)
    case .shuttingDown, .cancelled: self = .stopped
    default: self = .passing(shown)
    }
  }

  /// Whether the database cannot be asked just now.
  var isOutage: Bool {
    switch self {
    case .unreachable: true
    case .passing(let error): error.code == .unavailable
    default: false
    }
  }

  var error: DatabaseError {
    switch self {
    case .unreachable(let error), .passing(let error), .refused(let error), .unclear(let error):
      error
    case .moved:
      DatabaseError(.aborted, "the database has other changes of the outbox than expected")
    case .stopped: DatabaseError(.shuttingDown)
    }
  }
}

extension ADBCError {
  fileprivate func pushFailure(_ shown: DatabaseError) -> OutboxFailure {
    if isConnectionLost || isCancellation { return .passing(shown) }
    if let sqlState {
      switch sqlState.prefix(2) {
      // Connections, transactions that meet, resources, locks, operators, disks; read only; logins.
      case "08", "40", "53", "55", "57", "58", "25", "28": return .passing(shown)
      case "XX", "F0", "HV": return .unclear(shown)
      default: return .refused(shown)
      }
    }
    let words = message.lowercased()
    if ["locked", "busy", "disk", "full", "read-only", "readonly"].contains(where: words.contains) {
      return .passing(shown)
    }
    switch status {
    case .alreadyExists, .notFound, .invalidArgument, .invalidData, .integrity, .notImplemented,
      .unauthorized:
      return .refused(shown)
    case .timeout, .unauthenticated: return .passing(shown)
    default: return isRemote ? .unclear(shown) : .refused(shown)
    }
  }
}
