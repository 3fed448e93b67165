/// Everything that is needed to connect: what a user writes as connection string and options, sorted by whom it is for.
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

  public init(driver: String, uri: String? = nil) {
    self.driver = driver
    self.uri = uri
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
