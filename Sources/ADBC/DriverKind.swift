/// Drivers whose errors say less than their text.
enum DriverKind: Hashable, Sendable {
  case sqlite, duckdb, postgresql, other

  /// By the file of its library or manifest.
  init(_ driver: Driver) {
    let file = (driver.location.split(separator: "/").last ?? "").lowercased()
    self =
      if file.contains("sqlite") {
        .sqlite
      } else if file.contains("duckdb") {
        .duckdb
      } else if file.contains("postgres") {
        .postgresql
      } else {
        .other
      }
  }

  /// Whether the database is in this process, so that no connection can be lost.
  var isEmbedded: Bool { self == .sqlite || self == .duckdb }

  /// Whether an open result keeps its connection busy until the last row is sent.
  var sendsToTheEnd: Bool { self == .postgresql }

  /// The status that fits the message better than the driver's own.
  func status(_ given: ADBCStatus, _ message: String) -> ADBCStatus {
    switch self {
    case .sqlite: Self.sqlite(given, message)
    case .duckdb: Self.duckDB(message) ?? given
    case .postgresql, .other: given
    }
  }

  private static func sqlite(_ given: ADBCStatus, _ message: String) -> ADBCStatus {
    if given == .io, message.contains("datatype mismatch") { return .invalidData }
    if message.contains("interrupted") { return .cancelled }
    guard given == .invalidArgument else { return given }
    if message.contains(": no such ") { return .notFound }
    return message.contains(" already exists\n") ? .alreadyExists : given
  }

  /// DuckDB's messages begin with their kind; its driver calls many of them internal errors.
  private static func duckDB(_ message: String) -> ADBCStatus? {
    guard let end = message.firstIndex(of: ":") else { return nil }
    switch message[..<end] {
    case "Catalog Error":
      return message.contains("already exists")
        ? .alreadyExists : message.contains("does not exist") ? .notFound : .invalidArgument
    case "Parser Error", "Syntax Error", "Binder Error", "Invalid Input Error",
      "Parameter Not Resolved Error", "Dependency Error":
      return .invalidArgument
    case "Constraint Error": return .integrity
    case "Conversion Error", "Out of Range Error", "Mismatch Type Error", "Divide by Zero Error":
      return .invalidData
    case "INTERRUPT Error": return .cancelled
    case "TransactionContext Error", "Transaction Error": return .invalidState
    case "Permission Error": return .unauthorized
    case "Not implemented Error": return .notImplemented
    case "IO Error", "HTTP Error", "Connection Error", "Network Error": return .io
    default: return nil
    }
  }
}
