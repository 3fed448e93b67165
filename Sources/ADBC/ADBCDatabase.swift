import CADBC

/// A database behind an ADBC driver: where it is and how to log in. It makes connections.
///
/// Calls block, some until the other side answers. Any thread may make them; opening and closing connections of
/// one database take turns, because drivers count them without a lock.
@safe
public final class ADBCDatabase: @unchecked Sendable {
  // Sendable: `handle` is written by init and deinit only; calls on it take `lock`.
  private let handle: UnsafeMutablePointer<AdbcDatabase>
  private let call: Call
  let lock = SerialLock()
  public let manager: DriverManager
  public let driver: Driver

  /// Loads the driver and opens the database. Some drivers connect already here.
  ///
  /// - Parameters:
  ///   - uri: As the driver reads it; a password in it never appears in an error.
  ///   - options: Passed on before the database is opened. A driver refuses those that it does not know.
  public init(
    _ manager: DriverManager, driver: Driver, uri: String? = nil, username: String? = nil,
    password: String? = nil, options: [String: OptionValue] = [:]
  ) throws(ADBCError) {
    self.manager = manager
    self.driver = driver
    var secrets = options.filter { ConnectionURI.isSecret($0.key) }.compactMap {
      $0.value.textValue
    }
    if let password { secrets.append(password) }
    if let uri { secrets += ConnectionURI.secrets(in: uri) }
    call = Call(redaction: Redaction(secrets), kind: DriverKind(driver))
    unsafe handle = .allocate(capacity: 1)
    unsafe handle.initialize(to: AdbcDatabase())
    // From here on `deinit` releases the handle, also when this throws.
    try unsafe call.check { error in unsafe AdbcDatabaseNew(handle, error) }
    do throws(ADBCError) {
      try configure(uri: uri, username: username, password: password, options: options)
      try unsafe call.check { error in unsafe AdbcDatabaseInit(handle, error) }
    } catch {
      throw Self.explain(error, driver: driver)
    }
  }

  deinit {
    unsafe call.attempt { error in unsafe AdbcDatabaseRelease(handle, error) }
    unsafe handle.deallocate()
  }

  private func configure(
    uri: String?, username: String?, password: String?, options: [String: OptionValue]
  ) throws(ADBCError) {
    try set("driver", .text(driver.location))
    if let entryPoint = driver.entryPoint { try set("entrypoint", .text(entryPoint)) }
    let everywhere = AdbcLoadFlags(
      ADBC_LOAD_FLAG_SEARCH_ENV | ADBC_LOAD_FLAG_SEARCH_USER | ADBC_LOAD_FLAG_SEARCH_SYSTEM
        | ADBC_LOAD_FLAG_ALLOW_RELATIVE_PATHS)
    // An older driver manager cannot, and knows no manifests.
    unsafe call.attempt { error in
      unsafe AdbcDriverManagerDatabaseSetLoadFlags(handle, everywhere, error)
    }
    if let uri { try set("uri", .text(uri)) }
    if let username { try set("username", .text(username)) }
    if let password { try set("password", .text(password)) }
    for (name, value) in options.sorted(by: { $0.key < $1.key }) { try set(name, value) }
  }

  /// The driver manager says a lot about a driver that it could not load, but not what to do.
  private static func explain(_ error: ADBCError, driver: Driver) -> ADBCError {
    guard error.message.contains("dlopen") || error.message.contains("dlsym") else { return error }
    var explained = error
    explained.message =
      "the ADBC driver \(driver.location) cannot be loaded; set driver_path to the driver's library: "
      + error.message.split(whereSeparator: \.isNewline).joined(separator: "; ")
    return explained
  }

  private func set(_ name: String, _ value: OptionValue) throws(ADBCError) {
    try unsafe OptionFunctions.database.set(name, value, of: handle, call)
  }

  /// Opens a connection.
  ///
  /// - Parameter options: Of the connection, such as `adbc.connection.readonly`.
  public func connect(options: [String: OptionValue] = [:]) throws(ADBCError) -> ADBCConnection {
    try lock { () throws(ADBCError) -> ADBCConnection in
      try unsafe ADBCConnection(of: self, unsafe handle, call, options: options)
    }
  }

  /// Changes an option of the open database, if the driver allows it.
  public func setOption(_ name: String, _ value: OptionValue) throws(ADBCError) {
    try lock { () throws(ADBCError) in try set(name, value) }
  }

  public func option(_ name: String) throws(ADBCError) -> String {
    try lock { () throws(ADBCError) in
      try unsafe OptionFunctions.database.text(name, of: handle, call)
    }
  }

  /// Removes the secrets of this database from a text that others wrote.
  public func redacting(_ text: String) -> String { call.redaction.apply(to: text) }
}

extension OptionValue {
  var textValue: String? { if case .text(let text) = self { text } else { nil } }
}
