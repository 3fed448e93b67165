internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL

/// Streams as DuckDB sees them: a view over a live table for each, so that `information_schema`, name
/// clashes and qualified names work by themselves.
///
/// A second view with the same name stands in a hidden schema and has the hidden columns too;
/// statements that name these columns look there first.
final class StreamRelations: Sendable {
  private static let hiddenSchema = "__hyprstream_streams"

  private let instance: DuckDBInstance
  private let catalog: String

  init(_ instance: DuckDBInstance, catalog: String) {
    self.instance = instance
    self.catalog = catalog
  }

  /// Sets where a statement that names hidden columns looks names up.
  func showHiddenColumns(in settings: inout SessionSettings) {
    let path = [Self.hiddenSchema, "main"].map { quotedName(catalog) + "." + quotedName($0) }
    settings.set(
      "search_path", statement: "SET search_path = \(stringLiteral(path.joined(separator: ",")))")
  }

  /// Makes the relations of all streams when the database opens, and removes those of streams that are
  /// gone. Blocks.
  func registerAll(_ streams: [Stream]) throws(DatabaseError) {
    try run { (connection) throws(DuckDBError) in
      try self.removeStale(connection, streams)
      guard !streams.isEmpty else { return }
      try connection.execute("BEGIN TRANSACTION")
      for stream in streams {
        try self.register(stream, stream.definition, connection, replaces: true)
      }
      try connection.execute("COMMIT")
    }
  }

  /// Makes or replaces the relation of a stream. Blocks.
  func register(
    _ stream: Stream, _ definition: StreamDefinition, replaces: Bool
  ) throws(DatabaseError) {
    try run { (connection) throws(DuckDBError) in
      try self.register(stream, definition, connection, replaces: replaces)
    }
  }

  func unregister(_ stream: Stream, _ definition: StreamDefinition) throws(DatabaseError) {
    try run { (connection) throws(DuckDBError) in
      for name in self.names(definition) {
        try connection.execute("DROP VIEW IF EXISTS \(name)")
      }
      guard definition.name == Session.deadLetterName, definition.schemaName != "main" else {
        return
      }
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
      QualifiedName(catalog, Self.hiddenSchema, Self.hiddenName(definition)),
    ]
  }

  private static func hiddenName(_ definition: StreamDefinition) -> String {
    definition.schemaName == "main"
      ? definition.name : definition.schemaName + "." + definition.name
  }

  private func register(
    _ stream: Stream, _ definition: StreamDefinition, _ connection: Connection, replaces: Bool
  ) throws(DuckDBError) {
    let table = StreamTable(stream, definition.current)
    let id = try instance.liveTables.add(table)
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
        "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(catalog, Self.hiddenSchema))")
      // Of other schemas, as of those of tables, people say when they begin.
      if definition.schemaName != "main",
        replaces || definition.name == Session.deadLetterName
      {
        try connection.execute(
          "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(catalog, definition.schemaName))")
      }
      try connection.execute("\(verb) \(names[0]) AS SELECT \(list) FROM \(source)\(filter)")
      try connection.execute(
        "CREATE OR REPLACE VIEW \(names[1]) AS SELECT \(list), "
          + "\(StreamTable.offsetColumn), \(StreamTable.ingestTimeColumn) FROM \(source)\(filter)")
    } catch {
      instance.liveTables.remove(id)
      throw error
    }
    if let old = stream.liveTable { instance.liveTables.remove(old) }
    stream.setLiveTable(id)
  }

  private func removeStale(
    _ connection: Connection, _ streams: [Stream]
  ) throws(DuckDBError) {
    let known = Set(streams.flatMap { names($0.definition).map(\.description) })
    let result = try connection.prepare(
      "SELECT database_name, schema_name, view_name FROM duckdb_views() "
        + "WHERE NOT internal AND contains(sql, '\(DuckDBInstance.liveFunction)(')"
    ).execute()
    var stale: [QualifiedName] = []
    while let batch = try result.next(maxRows: 2_048, allocator: HeapAllocator()) {
      for row in 0..<batch.rowCount {
        let parts = batch.columns.map { $0.string(at: row) ?? "" }
        let name = QualifiedName(parts: parts)
        if !known.contains(name.description) { stale.append(name) }
      }
    }
    result.close()
    for name in stale { try connection.execute("DROP VIEW IF EXISTS \(name)") }
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
