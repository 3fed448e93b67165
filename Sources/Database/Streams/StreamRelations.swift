internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// Streams as DuckDB sees them: a view over a live table for each, so that `information_schema`, name
/// clashes and qualified names work by themselves.
///
/// A statement that names the hidden columns reads the live table itself. Views that do so stand on a second
/// view of the same name in a hidden schema, which is made when the first of them is.
final class StreamRelations: Sendable {
  private static let hiddenSchema = "__hyprstream_streams"

  private let instance: DuckDBInstance
  private let catalog: String
  private let cache = BlockCache()
  /// Streams whose name belonged to something else when the database was opened.
  private let unfinished = Mutex<[Stream]>([])

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
    let taken = try otherRelations(connection)
    try connection.inTransaction { () throws(DuckDBError) in
      for stream in streams {
        let definition = stream.definition
        let (id, name) = (Self.liveID(definition), self.name(definition))
        let source = DuckDBInstance.liveRelation(id)
        let hidden = found[Self.hiddenName(definition, catalog: catalog).description]
        stream.setHasHiddenRelation(hidden != nil)
        if found[name.description]?.contains(source) == true,
          hidden?.contains(source) != false
        {
          try instance.liveTables.put(StreamTable(stream, definition.current, cache), at: id)
          stream.setLiveTable(id)
        } else if found[name.description] == nil, isUnfinished(stream, definition, taken) {
          unfinished.withLock { $0.append(stream) }
        } else {
          try register(stream, definition, connection, replaces: true)
        }
      }
    }
  }

  /// Whether the server ended between the record of a new stream and the answer that there is something
  /// else of this name: then nobody was told of the stream, and it has no rows.
  private func isUnfinished(
    _ stream: Stream, _ definition: StreamDefinition, _ taken: Set<StreamName>
  ) -> Bool {
    taken.contains(definition.key) && !definition.isBuiltIn && !Session.isCompanion(definition)
      && stream.topic.state.head == .zero
  }

  /// What the end of the server has interrupted.
  func takeUnfinished() -> [Stream] {
    unfinished.withLock { unfinished in
      defer { unfinished = [] }
      return unfinished
    }
  }

  /// The names of tables, and of views that are no stream's.
  private func otherRelations(_ connection: Connection) throws(DuckDBError) -> Set<StreamName> {
    let place = "database_name = \(stringLiteral(catalog))"
    let result = try connection.prepare(
      "SELECT schema_name, table_name FROM duckdb_tables() WHERE \(place) UNION ALL "
        + "SELECT schema_name, view_name FROM duckdb_views() WHERE \(place) AND NOT internal "
        + "AND NOT contains(sql, '\(DuckDBInstance.liveFunction)(')"
    ).execute()
    defer { result.close() }
    var names: Set<StreamName> = []
    while let batch = try result.next(maxRows: 2_048, allocator: HeapAllocator()) {
      for row in 0..<batch.rowCount {
        let parts = batch.columns.map { $0.string(at: row) ?? "" }
        names.insert(StreamName(schema: parts[0], name: parts[1]))
      }
    }
    return names
  }

  /// Makes or replaces the relation of a stream. Blocks.
  func register(
    _ stream: Stream, _ definition: StreamDefinition, replaces: Bool
  ) throws(DatabaseError) {
    try run { (connection) throws(DuckDBError) in
      if !replaces, definition.schemaName == "main", !definition.options.running.isOn {
        return try self.register(stream, definition, connection, replaces: false)
      }
      // One sync of DuckDB's file for all that is made.
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
      try connection.execute("DROP VIEW IF EXISTS \(self.name(definition))")
      if stream.hasHiddenRelation {
        let hidden = Self.hiddenName(definition, catalog: self.catalog)
        try connection.execute("DROP VIEW IF EXISTS \(hidden)")
      }
      guard Session.isCompanion(definition) else { return }
      // It stays when it holds anything else.
      try? connection.execute(
        "DROP SCHEMA IF EXISTS \(QualifiedName(self.catalog, definition.schemaName))")
    }
    if let id = stream.liveTable { instance.liveTables.remove(id) }
    stream.setLiveTable(nil)
  }

  private func name(_ definition: StreamDefinition) -> QualifiedName {
    QualifiedName(catalog, definition.schemaName, definition.name)
  }

  /// What reads a stream itself, in the place of its relation.
  ///
  /// - Parameter arguments: What is said of the rows that are wanted: each begins with a comma.
  static func read(
    _ stream: Stream, _ id: Int64, _ arguments: String, showsHidden: Bool
  ) -> String {
    let definition = stream.definition
    let (list, filter) = selection(definition, StreamTable.schema(definition.current))
    let hidden =
      showsHidden ? ", \(StreamTable.offsetColumn), \(StreamTable.ingestTimeColumn)" : ""
    return "(SELECT \(list)\(hidden) FROM \(DuckDBInstance.liveRelation(id, arguments))\(filter))"
  }

  /// Makes the relation with the hidden columns, for views that stand on it. Blocks.
  func registerHidden(_ stream: Stream) throws(DatabaseError) {
    guard !stream.hasHiddenRelation else { return }
    try run { (connection) throws(DuckDBError) in
      try self.registerHidden(stream, stream.definition, connection)
    }
  }

  private func registerHidden(
    _ stream: Stream, _ definition: StreamDefinition, _ connection: Connection
  ) throws(DuckDBError) {
    let name = Self.hiddenName(definition, catalog: catalog)
    try connection.execute(
      "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(parts: Array(name.parts.dropLast())))")
    let read = Self.read(stream, Self.liveID(definition), "", showsHidden: true)
    try connection.execute("CREATE OR REPLACE VIEW \(name) AS FROM \(read)")
    stream.setHasHiddenRelation(true)
  }

  /// The relation with the hidden columns: of the same name, in a schema that belongs to the schema of
  /// the stream.
  static func hiddenName(_ definition: StreamDefinition, catalog: String) -> QualifiedName {
    let schema =
      definition.schemaName == "main"
      ? hiddenSchema : hiddenSchema + "_" + definition.schemaName.lowercased()
    return QualifiedName(catalog, schema, definition.name)
  }

  /// What a relation of the stream selects from the live table, and what stands behind that.
  ///
  /// - Parameter held: The columns of the live table.
  static func selection(
    _ definition: StreamDefinition, _ held: Schema
  ) -> (list: String, filter: String) {
    let names = Set(held.fields.map { $0.name.lowercased() })
    let columns = definition.current.columns.map { column in
      let name = quotedName(column.field.name)
      guard !names.contains(column.field.name.lowercased()) else { return name }
      let sentence =
        "column '\(column.field.name)' of \(definition.qualifiedName) has a type that SQL cannot "
        + "hold; SELECT * FROM \(definition.qualifiedName) returns it as it was stored"
      return "CAST(error(\(stringLiteral(sentence))) AS VARCHAR) AS \(name)"
    }
    let list =
      columns.isEmpty ? "NULL::JSON AS \"row\"" : columns.joined(separator: ", ")
    return (list, columns.isEmpty ? " WHERE false" : "")
  }

  private func register(
    _ stream: Stream, _ definition: StreamDefinition, _ connection: Connection, replaces: Bool
  ) throws(DuckDBError) {
    let table = StreamTable(stream, definition.current, cache)
    let id = Self.liveID(definition)
    try instance.liveTables.put(table, at: id)
    let source = DuckDBInstance.liveRelation(id)
    let (list, filter) = Self.selection(definition, table.schema)
    let verb = replaces ? "CREATE OR REPLACE VIEW" : "CREATE VIEW"
    do throws(DuckDBError) {
      // Of other schemas, as of those of tables, people say when they begin.
      if definition.schemaName != "main",
        replaces || Session.isCompanion(definition)
      {
        try connection.execute(
          "CREATE SCHEMA IF NOT EXISTS \(QualifiedName(catalog, definition.schemaName))")
      }
      try connection.execute(
        "\(verb) \(name(definition)) AS SELECT \(list) FROM \(source)\(filter)")
      if stream.hasHiddenRelation { try registerHidden(stream, definition, connection) }
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
    let known = Set(
      streams.flatMap { stream in
        [name(stream.definition), Self.hiddenName(stream.definition, catalog: catalog)]
          .map(\.description)
      })
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
