/// Everything that is needed to connect: what a user writes as connection string and options, sorted by whom it is for.
///
/// **Credentials.** `username` and `password` that are given apart win over those of the connection string. (Whoever reads settings
/// sees to it that the environment wins over the command line.)
///
/// **Options** win over the parameters of the connection string that have the same name.
public struct ConnectionSettings: Hashable, Sendable {
  /// A driver's path or name, as `Driver.find` takes it.
  public var driver: String
  public var entryPoint: String?
  /// For the driver: without the options of the pool, with the credentials if the driver reads them there.
  public var uri: String?
  public var username: String?
  public var password: String?
  public var databaseOptions: [String: OptionValue] = [:]
  public var connectionOptions: [String: OptionValue] = [:]
  public var pool = PoolOptions()
  /// The connection string for people, without secrets.
  public private(set) var displayText = ""

  public init(driver: String, uri: String? = nil) {
    self.driver = driver
    self.uri = uri
    displayText = uri.map(ConnectionURI.redacted) ?? driver
  }

  /// Run on every new connection.
  public var setupStatements: [String] = []

  /// Reads a connection string and options.
  ///
  /// - Parameters:
  ///   - connection: As the driver reads it, and with `pool_…` parameters; its scheme chooses the driver if no option does.
  ///   - options: `driver_path` or `driver`, `entrypoint`, `pool_…`, and what is passed on: `adbc.connection.…` to each connection, others to the
  ///     database; to PostgreSQL as parameters of libpq, such as `connect_timeout`.
  public init(
    connection: String, options: [String: String] = [:], username: String? = nil,
    password: String? = nil
  ) throws(ADBCError) {
    var uri = ConnectionURI(connection)
    var left = options
    displayText = ConnectionURI.redacted(connection)
    let chosen = left.removeValue(forKey: "driver_path") ?? left.removeValue(forKey: "driver")
    guard let driver = chosen ?? Self.driver(ofScheme: uri.scheme) else {
      throw ADBCError(
        .invalidArgument,
        "the connection \"\(displayText)\" does not say which ADBC driver to use; set driver_path to the driver's "
          + "library, or begin the connection with its scheme, such as postgresql://")
    }
    self.driver = driver
    entryPoint = left.removeValue(forKey: "entrypoint")
    try takePoolOptions(&uri, &left)
    let user = username ?? left.removeValue(forKey: "username")
    let secret = password ?? left.removeValue(forKey: "password")
    for (name, value) in left where name.hasPrefix("adbc.connection.") {
      connectionOptions[name] = .text(value)
      left[name] = nil
    }
    switch Family(driver: driver, scheme: uri.scheme) {
    case .postgresql: self.uri = Self.postgreSQL(uri, left, user, secret)
    case .sqlite:
      self.uri = Self.sqlite(uri)
      // One connection writes at a time; others wait for it, instead of failing at once.
      setupStatements = ["PRAGMA busy_timeout = 10000"]
      takeOptions(left, user, secret)
    case .duckdb:
      databaseOptions["path"] = .text(Self.file(uri))
      takeOptions(left, user, secret)
    case .flightSQL:
      // The driver reads no credentials from its URI.
      takeOptions(left, user ?? uri.user, secret ?? uri.password)
      (uri.encodedUser, uri.encodedPassword) = (nil, nil)
      self.uri = uri.text
    case .other:
      if user != nil || secret != nil { (uri.encodedUser, uri.encodedPassword) = (nil, nil) }
      takeOptions(left, user, secret)
      self.uri = uri.text.isEmpty ? nil : uri.text
    }
  }

  private mutating func takeOptions(
    _ options: [String: String], _ username: String?, _ password: String?
  ) {
    for (name, value) in options { databaseOptions[name] = .text(value) }
    self.username = username
    self.password = password
  }

  private mutating func takePoolOptions(
    _ uri: inout ConnectionURI, _ options: inout [String: String]
  ) throws(ADBCError) {
    var found: [(name: String, value: String)] = []
    uri.parameters.removeAll { parameter in
      guard parameter.decodedName.hasPrefix(PoolOptions.prefix) else { return false }
      found.append((parameter.decodedName, parameter.decodedValue))
      return true
    }
    for (name, value) in options.sorted(by: { $0.key < $1.key })
    where name.hasPrefix(PoolOptions.prefix) {
      found.append((name, value))
      options[name] = nil
    }
    for (name, value) in found { try pool.set(name, value) }
    try pool.validate()
  }

  /// Loads the driver and opens the database. Blocks.
  public func open(_ manager: DriverManager) throws(ADBCError) -> ADBCDatabase {
    var found = try Driver.find(driver)
    if let entryPoint { found.entryPoint = entryPoint }
    return try ADBCDatabase(
      manager, driver: found, uri: uri, username: username, password: password,
      options: databaseOptions)
  }
}

/// How drivers differ in what they read.
private enum Family {
  case postgresql, sqlite, duckdb, flightSQL, other

  /// By the driver's name; a path whose name says nothing, by the scheme.
  init(driver: String, scheme: String?) {
    let file = driver.split(separator: "/").last.map(String.init) ?? driver
    let name = file.lowercased()
    func has(_ words: String...) -> Bool { words.contains { name.contains($0) } }
    self =
      if has("postgres") {
        .postgresql
      } else if has("sqlite") {
        .sqlite
      } else if has("duckdb") {
        .duckdb
      } else if has("flightsql", "flight_sql", "hyprstream", "gizmosql") {
        .flightSQL
      } else if has("snowflake", "bigquery") {
        .other
      } else {
        switch ConnectionSettings.driver(ofScheme: scheme) {
        case "postgresql": .postgresql
        case "flightsql": .flightSQL
        default: .other
        }
      }
  }
}

extension ConnectionSettings {
  fileprivate static func driver(ofScheme scheme: String?) -> String? {
    switch scheme {
    case "postgresql", "postgres": "postgresql"
    case "sqlite", "file": "sqlite"
    case "duckdb": "duckdb"
    case "grpc", "grpc+tcp", "grpc+tls", "grpc+unix", "flightsql": "flightsql"
    case "snowflake": "snowflake"
    case "bigquery": "bigquery"
    default: nil
    }
  }

  /// libpq reads credentials and options from its connection string only, a URI or keywords.
  private static func postgreSQL(
    _ uri: ConnectionURI, _ options: [String: String], _ username: String?, _ password: String?
  ) -> String {
    var uri = uri
    guard uri.scheme != nil else {
      var pairs = options
      pairs["user"] = username
      pairs["password"] = password
      let added = pairs.sorted { $0.key < $1.key }.map { " \($0.key)=\(keywordValue($0.value))" }
      return uri.rest + added.joined()
    }
    if let username {
      uri.encodedUser = PercentCoding.encode(username)
      uri.parameters.removeAll { $0.decodedName == "user" }
    }
    if let password {
      uri.encodedPassword = PercentCoding.encode(password)
      uri.parameters.removeAll { $0.decodedName == "password" }
    }
    for (name, value) in options.sorted(by: { $0.key < $1.key }) {
      uri.parameters.removeAll { $0.decodedName == name }
      uri.parameters.append(
        ConnectionURI.Parameter(PercentCoding.encode(name), PercentCoding.encode(value)))
    }
    return uri.text
  }

  private static func keywordValue(_ text: String) -> String {
    "'" + text.flatMap { $0 == "'" || $0 == "\\" ? ["\\", $0] : [$0] } + "'"
  }

  /// SQLite's own URIs begin with `file:`; others are paths.
  private static func sqlite(_ uri: ConnectionURI) -> String {
    guard uri.scheme == "sqlite" else { return uri.text }
    let path = file(uri)
    guard !uri.parameters.isEmpty else { return path }
    return "file:\(path)?" + uri.parameters.map(\.text).joined(separator: "&")
  }

  /// The path that is left without scheme and parameters.
  private static func file(_ uri: ConnectionURI) -> String {
    guard uri.scheme == "duckdb" || uri.scheme == "sqlite" else { return uri.text }
    let path = PercentCoding.decode(uri.host + uri.rest)
    return path.isEmpty ? ":memory:" : path
  }
}
