public import ADBC
internal import Columnar
internal import SQL

/// What CREATE ENGINE has said.
struct EngineDefinition: Hashable, Sendable {
  var name: String
  var options: [Option]

  struct Option: Hashable, Sendable {
    var name: String
    var value: String
  }

  init(name: String, options: [Option]) {
    self.name = name
    self.options = options
  }

  init(_ create: CreateEngine) throws(DatabaseError) {
    self.init(
      name: create.name,
      options: create.options.map { Option(name: $0.name, value: $0.value) })
    var seen: Set<String> = []
    for option in options where !seen.insert(option.name).inserted {
      throw DatabaseError(.invalidArgument, "the option \(option.name) is given twice")
    }
    guard seen.contains("connection") || seen.contains("driver") || seen.contains("driver_path")
    else {
      throw DatabaseError(
        .invalidArgument,
        "the engine \(name) needs the option connection, as in connection = 'postgresql://host:5432/database'"
      )
    }
  }

  /// Reads the options.
  ///
  /// - Parameter credentials: What the environment says; it wins over the options.
  func settings(
    _ manager: DriverManager, _ credentials: EngineCredentials
  ) throws(DatabaseError) -> EngineSettings {
    var left = Dictionary(options.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    let connection = left.removeValue(forKey: "connection") ?? ""
    let username = left.removeValue(forKey: "username")
    let password = left.removeValue(forKey: "password")
    var backend = BackendOptions()
    for name in BackendOptions.names {
      if let value = left.removeValue(forKey: name) { _ = try backend.set(name, value) }
    }
    do throws(ADBCError) {
      return EngineSettings(
        name: name, manager: manager,
        connection: try ConnectionSettings(
          connection: connection, options: left, username: credentials.username ?? username,
          password: credentials.password ?? password), options: backend)
    } catch {
      throw DatabaseError(.invalidArgument, "the engine \(name): \(error.message)")
    }
  }
}

/// User name and password of an engine that CREATE ENGINE makes, from outside of the database.
public struct EngineCredentials: Hashable, Sendable {
  public var username: String?
  public var password: String?

  public init(username: String? = nil, password: String? = nil) {
    self.username = username
    self.password = password
  }
}

// MARK: - In the topic of the catalog

extension EngineDefinition {
  private static let schema = Schema([
    Field("kind", .utf8), Field("engine", .utf8), Field("option", .utf8), Field("value", .utf8),
  ])

  /// All options in one batch: it takes the place of what was there of the name.
  var batch: Batch {
    Batch(
      schema: Self.schema,
      columns: [
        .strings(options.map { _ in "engine" }), .strings(options.map { _ in name }),
        .strings(options.map(\.name)), .strings(options.map(\.value)),
      ], rowCount: options.count)
  }

  static func dropBatch(_ name: String) -> Batch {
    Batch(
      schema: schema,
      columns: [
        .strings(["drop engine"]), .strings([name]), .strings([nil]), .strings([nil]),
      ], rowCount: 1)
  }

  /// Applies a batch of the catalog, if it is one of these.
  static func apply(_ batch: Batch, to definitions: inout [String: EngineDefinition]) {
    guard batch.columns.count == schema.fields.count, batch.rowCount > 0,
      let name = batch.columns[1].string(at: 0)
    else { return }
    switch batch.columns[0].string(at: 0) {
    case "engine":
      let options = (0..<batch.rowCount).map { row in
        Option(
          name: batch.columns[2].string(at: row) ?? "",
          value: batch.columns[3].string(at: row) ?? "")
      }
      definitions[name.lowercased()] = EngineDefinition(name: name, options: options)
    case "drop engine": definitions[name.lowercased()] = nil
    default: return
    }
  }
}
