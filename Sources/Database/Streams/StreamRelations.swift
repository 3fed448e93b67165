internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL

/// Streams as DuckDB sees them: a view over a live table for each, so that `information_schema`, name
/// clashes and qualified names work by themselves.
///
/// A second view with the same name stands in a hidden schema and has the hidden columns too; it takes the
/// place of the stream in statements that name these columns.
final class StreamRelations: Sendable {
  private static let hiddenSchema = "__hyprstream_streams"

  private let instance: DuckDBInstance
  private let catalog: String
  private let cache = BlockCache()

  init(_ instance: DuckDBInstance, catalog: String) {
    self.instance = instance
    self.catalog = catalog
  }

  /// Makes the relations of all streams when the database opens, and removes those of streams that are
  /// gone. Blocks.
  func registerAll(_ streams: [Stream]) throws(DatabaseError) {
    try run { (connection) throws(DuckDBError) in
      try self.registerAll(streams, on: connection)
    }
  }

  /// The same on a connection that is there.
  ///
  /// Views stay in DuckDB's file, and the numbers in them are the same each time: most are as they
  /// should be.
  func registerAll(_ streams: [Stream], on connection: Connection) throws(DuckDBError) {
    let found = try removeStale(connection, streams)
    try connection.inTransaction { () throws(DuckDBError) in
      for stream in streams {
        let definition = stream.definition
        let (id, names) = (Self.liveID(definition), self.names(definition))
        let source = DuckDBInstance.liveRelation(id)
        if names.allSatisfy({ found[$0.description]?.contains(source) == true }) {
          try instance.liveTables.put(StreamTable(stream, definition.current, cache), at: id)
          stream.setLiveTable(id)
        } else {
          try register(stream, definition, connection, replaces: true)
        }
      }
    }
  }

  /// Makes or replaces the relation of a stream. Blocks.
  func register(
    _ stream: Stream, _ definition: StreamDefinition, replaces: Bool
  ) throws(DatabaseError) {
    try run { (connection) throws(DuckDBError) in
      // One sync of DuckDB's file for both views.
      try connection.inTransaction { () throws(DuckDBError) in
        try self.register(stream, definition, connection, replaces: replaces)
      }
    }
  }

  /// The number of the live table behind a stream: another one for each version of its columns.
  private static func liveID(_ definition: StreamDefinition) -> Int64 {
    LiveTables.firstChosenID | Int64(definition.topic.rawValue) << 24
      | Int64(definition.current.id & 0xFF_FFFF)
  }

  func unregister(_ stream: Stream, _ definition: StreamDefinition) throws(DatabaseError) {
    try run { (connection) throws(DuckDBError) in
      for drop in RunningViews(definition, catalog: self.catalog).dropStatements {
        try connection.execute(drop)
      }
      for name in self.names(definition) {
        try connection.execute("DROP VIEW IF EXISTS \(name)")
      }
      guard Session.isCompanion(definition) else { return }
      // It stays when it holds anything else.
      try? connection.execute(
        "DROP SCHEMA IF EXISTS \(QualifiedName(self.catalog, definition.schemaName))")
    }
    if let id = stream.liveTable { instance.liveTables.remove(id) }
    stream.setLiveTable(nil)
  }

  private func names(_ definition: StreamDefinition) -> [QualifiedName] {
    [
      QualifiedName(catalog, definition.schemaName, definition.name),
      Self.hiddenName(definition, catalog: catalog),
    ]
  }

  /// The relation with the hidden columns: of the same name, in a schema that belongs to the schema of
  /// the stream.
  static func hiddenName(_ definition: StreamDefinition, catalog: String) -> QualifiedName {
    let schema =
      definition.schemaName == "main"
      ? hiddenSchema : hiddenSchema + "_" + definition.schemaName.lowercased()
    return QualifiedName(catalog, schema, definition.name)
  }

  private func register(
    _ stream: Stream, _ definition: StreamDefinition, _ connection: Connection, replaces: Bool
  ) throws(DuckDBError) {
    let table = StreamTable(stream, definition.current, cache)
    let id = Self.liveID(definition)
    try instance.liveTables.put(table, at: id)
    let source = DuckDBInstance.liveRelation(id)
    let held = Set(table.schema.fields.map { $0.name.lowercased() })
    let columns = definition.current.columns.map { column in
      let name = quotedName(column.field.name)
      guard !held.contains(column.field.name.lowercased()) else { return name }
      let sentence =
        "column '\(column.field.name)' of \(definition.qualifiedName) has a type that SQL cannot "
        + "hold; SELECT * FROM \(definition.qualifiedName) returns it as it was stored"
      return "CAST(error(\(stringLiteral(sentence))) AS VARCHAR) AS \(name)"
    }
    let list =
      columns.isEmpty ? "NULL::JSON AS \"row\"" : columns.joined(separator: ", ")
    let filter = columns.isEmpty ? " WHERE false" : ""
    let verb = replaces ? "CREATE OR REPLACE VIEW" : "CREATE VIEW"
    let names = names(definition)
    do throws(DuckDBError) {
      try connection.execute(
        "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(parts: Array(names[1].parts.dropLast())))")
      // Of other schemas, as of those of tables, people say when they begin.
      if definition.schemaName != "main",
        replaces || Session.isCompanion(definition)
      {
        try connection.execute(
          "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(catalog, definition.schemaName))")
      }
      try connection.execute("\(verb) \(names[0]) AS SELECT \(list) FROM \(source)\(filter)")
      try connection.execute(
        "CREATE OR REPLACE VIEW \(names[1]) AS SELECT \(list), "
          + "\(StreamTable.offsetColumn), \(StreamTable.ingestTimeColumn) FROM \(source)\(filter)")
      for view in RunningViews(definition, catalog: catalog).statements(replaces: replaces) {
        try connection.execute(view)
      }
    } catch {
      if stream.liveTable != id { instance.liveTables.remove(id) }
      throw error
    }
    if let old = stream.liveTable, old != id { instance.liveTables.remove(old) }
    stream.setLiveTable(id)
  }

  /// - Returns: The statements of the views that stay, by name.
  private func removeStale(
    _ connection: Connection, _ streams: [Stream]
  ) throws(DuckDBError) -> [String: String] {
    let known = Set(streams.flatMap { names($0.definition).map(\.description) })
    let result = try connection.prepare(
      "SELECT database_name, schema_name, view_name, sql FROM duckdb_views() "
        + "WHERE NOT internal AND contains(sql, '\(DuckDBInstance.liveFunction)(')"
    ).execute()
    var stale: [QualifiedName] = []
    var found: [String: String] = [:]
    while let batch = try result.next(maxRows: 2_048, allocator: HeapAllocator()) {
      for row in 0..<batch.rowCount {
        let parts = batch.columns.map { $0.string(at: row) ?? "" }
        let name = QualifiedName(parts: Array(parts.prefix(3)))
        if known.contains(name.description) {
          found[name.description] = parts.last
        } else {
          stale.append(name)
        }
      }
    }
    result.close()
    for name in stale { try connection.execute("DROP VIEW IF EXISTS \(name)") }
    return found
  }

  private func run(
    _ body: (Connection) throws(DuckDBError) -> Void
  ) throws(DatabaseError) {
    do throws(EngineError) {
      let held = try instance.connect(SessionSettings())
      do throws(DuckDBError) {
        try body(held.connection)
      } catch {
        throw EngineError.statement(error)
      }
      instance.giveBack(held)
    } catch {
      throw DatabaseError(error)
    }
    instance.catalogDidChange()
  }
}

extension StreamRelations {
  /// Lets go of what could not be made whole; what was there under the name stays.
  func forget(_ stream: Stream, _ definition: StreamDefinition) throws(DatabaseError) {
    guard stream.liveTable != nil else { return }
    try unregister(stream, definition)
  }
}
