/// What a driver, or the driver manager, answered instead of a result.
///
/// Messages and details never hold the password or another secret that the database was opened with: `***` stands
/// in its place.
public struct ADBCError: Error, Hashable, Sendable {
  /// More about an error, as ADBC 1.1 drivers give it: the fields of PostgreSQL's error, the metadata of a gRPC
  /// status and the like.
  public struct Detail: Hashable, Sendable {
    public var key: String
    public var value: [UInt8]

    public init(key: String, value: [UInt8]) {
      self.key = key
      self.value = value
    }

    /// The value read as UTF-8.
    public var text: String { String(decoding: value, as: UTF8.self) }
  }

  public var status: ADBCStatus
  public var message: String
  /// Five characters of the SQL standard, such as `42601` for a syntax error.
  public var sqlState: String?
  /// The database's own number.
  public var vendorCode: Int?
  public var details: [Detail]
  /// Whether the database is on the other side of a network; false for SQLite and DuckDB.
  public var isRemote = true

  public init(
    _ status: ADBCStatus, _ message: String, sqlState: String? = nil, vendorCode: Int? = nil,
    details: [Detail] = []
  ) {
    self.status = status
    self.message = message
    self.sqlState = sqlState
    self.vendorCode = vendorCode
    self.details = details
  }

  /// Whether the connection is useless after this error: the other side is gone, or never was there.
  public var isConnectionLost: Bool {
    guard isRemote else { return false }
    // 08: connection exceptions; 57P01 to 57P05: the server ends the session.
    if let sqlState, sqlState.hasPrefix("08") || sqlState.hasPrefix("57P0") { return true }
    guard sqlState == nil else { return false }
    return status == .io
  }
}

extension ADBCError {
  /// Whether `cancel` has ended the statement, as far as the driver tells.
  public var isCancellation: Bool { status == .cancelled || sqlState == "57014" }
}

extension ADBCError: CustomStringConvertible {
  public var description: String {
    sqlState.map { "\(message) (SQLSTATE \($0))" } ?? message
  }
}
