/// What kind of failure a driver reports: the fourteen codes of ADBC 1.1.
public enum ADBCStatus: UInt8, Hashable, Sendable, CaseIterable {
  /// An error of which the driver knows no more.
  case unknown = 1
  /// The driver or the database cannot do this.
  case notImplemented = 2
  /// Something that is named does not exist.
  case notFound = 3
  case alreadyExists = 4
  /// An argument, an option or the SQL is wrong.
  case invalidArgument = 5
  /// The call makes no sense now, such as a commit without a transaction.
  case invalidState = 6
  /// Values that cannot be handled, such as a number out of range.
  case invalidData = 7
  /// A constraint is violated.
  case integrity = 8
  /// A bug in the driver or the database.
  case `internal` = 9
  /// The network or a disk failed.
  case io = 10
  /// Cancelled, not by a time-out.
  case cancelled = 11
  case timeout = 12
  /// The credentials are missing or wrong.
  case unauthenticated = 13
  /// The credentials are right and not enough.
  case unauthorized = 14

  /// A code from outside; one that ADBC does not know is `unknown`.
  init(code: UInt8) { self = ADBCStatus(rawValue: code) ?? .unknown }

  /// In words, for a message without one.
  var words: String {
    switch self {
    case .unknown: "unknown error"
    case .notImplemented: "not implemented"
    case .notFound: "not found"
    case .alreadyExists: "exists already"
    case .invalidArgument: "invalid argument"
    case .invalidState: "invalid state"
    case .invalidData: "invalid data"
    case .integrity: "integrity violated"
    case .internal: "internal error"
    case .io: "input or output failed"
    case .cancelled: "cancelled"
    case .timeout: "timed out"
    case .unauthenticated: "not authenticated"
    case .unauthorized: "not authorized"
    }
  }
}

extension ADBCStatus {
  /// What a failed Arrow stream's number means.
  init(errno code: Int32) {
    self =
      switch code {
      case 2: .notFound
      case 5: .io
      case 17: .alreadyExists
      case 22: .invalidArgument
      #if canImport(Darwin)
        case 60: .timeout
        case 78: .notImplemented
        case 89: .cancelled
      #else
        case 38, 95: .notImplemented
        case 110: .timeout
        case 125: .cancelled
      #endif
      default: .unknown
      }
  }
}
