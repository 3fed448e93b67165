public import FlightProtocol
internal import SwiftProtobuf

/// What the catalog holds. Filters that are nil do not narrow.
extension FlightClient {
  public func catalogs() async throws -> QueryResult {
    try await result(of: FlightSQL.CommandGetCatalogs())
  }

  /// - Parameter pattern: As in LIKE.
  public func databaseSchemas(
    catalog: String? = nil, pattern: String? = nil
  ) async throws -> QueryResult {
    var command = FlightSQL.CommandGetDbSchemas()
    if let catalog { command.catalog = catalog }
    if let pattern { command.dbSchemaFilterPattern = pattern }
    return try await result(of: command)
  }

  /// - Parameters:
  ///   - schemaPattern: As in LIKE.
  ///   - tablePattern: As in LIKE.
  ///   - types: None: all.
  ///   - includesSchemas: Whether the Arrow schema of each table is wanted.
  public func tables(
    catalog: String? = nil, schemaPattern: String? = nil, tablePattern: String? = nil,
    types: [String] = [], includesSchemas: Bool = false
  ) async throws -> QueryResult {
    var command = FlightSQL.CommandGetTables()
    if let catalog { command.catalog = catalog }
    if let schemaPattern { command.dbSchemaFilterPattern = schemaPattern }
    if let tablePattern { command.tableNameFilterPattern = tablePattern }
    command.tableTypes = types
    command.includeSchema = includesSchemas
    return try await result(of: command)
  }

  public func tableTypes() async throws -> QueryResult {
    try await result(of: FlightSQL.CommandGetTableTypes())
  }

  public func primaryKeys(
    ofTable table: String, catalog: String? = nil, schema: String? = nil
  ) async throws -> QueryResult {
    var command = FlightSQL.CommandGetPrimaryKeys()
    command.table = table
    if let catalog { command.catalog = catalog }
    if let schema { command.dbSchema = schema }
    return try await result(of: command)
  }

  /// The foreign keys of a table.
  public func importedKeys(
    ofTable table: String, catalog: String? = nil, schema: String? = nil
  ) async throws -> QueryResult {
    var command = FlightSQL.CommandGetImportedKeys()
    command.table = table
    if let catalog { command.catalog = catalog }
    if let schema { command.dbSchema = schema }
    return try await result(of: command)
  }

  /// The foreign keys of other tables that refer to a table.
  public func exportedKeys(
    ofTable table: String, catalog: String? = nil, schema: String? = nil
  ) async throws -> QueryResult {
    var command = FlightSQL.CommandGetExportedKeys()
    command.table = table
    if let catalog { command.catalog = catalog }
    if let schema { command.dbSchema = schema }
    return try await result(of: command)
  }

  /// Facts about the server; none named: all.
  public func serverInfo(_ codes: [SQLInfoCode] = []) async throws -> QueryResult {
    var command = FlightSQL.CommandGetSqlInfo()
    command.info = codes.map(\.rawValue)
    return try await result(of: command)
  }

  public func typeInfo() async throws -> QueryResult {
    try await result(of: FlightSQL.CommandGetXdbcTypeInfo())
  }
}
