public import Columnar
internal import DuckDB
internal import SQL

/// Streams that are made for the rows that come.
extension Session {
  /// Whether a load asks for a stream where nothing has its name: `stream = true`.
  public func makesStream(_ request: IngestRequest) -> Bool {
    guard !request.isTemporary, request.ifMissing == .create else { return false }
    return ["true", "on", "1", "yes"].contains(request.options["stream"]?.lowercased())
  }

  /// Makes a stream whose columns are exactly those of the rows: types, nullability and metadata,
  /// whether or not SQL has such types.
  ///
  /// Options of the load that have the name of an option of streams are the stream's.
  ///
  /// - Throws: ALREADY_EXISTS when something else has the name.
  public func makeStream(
    for request: IngestRequest, schema: Schema
  ) async throws(DatabaseError) -> StreamWriter {
    var definition = try newDefinition(QualifiedName(parts: request.path))
    do throws(SQLError) {
      for (name, value) in request.options where StreamOptions.names.contains(name) {
        try definition.options.set(name, value)
        definition.writtenOptions[name] = value
      }
    } catch {
      throw DatabaseError(error)
    }
    guard !schema.fields.isEmpty || definition.options.isSchemaless else {
      throw DatabaseError(
        .invalidArgument, "the rows to put into \(definition.qualifiedName) have no columns")
    }
    try checkNames(schema.fields.map(\.name))
    let types = try await sqlTypes(of: schema)
    definition.versions[0].columns = schema.fields.enumerated().map { index, field in
      StreamDefinition.Column(
        id: UInt32(index + 1), field: field, sqlType: types[field.name] ?? "VARCHAR")
    }
    try checkTiering(definition)
    return StreamWriter(stream: try await make(definition), session: self)
  }

  /// Removes a stream that was made for rows which then did not come.
  public func unmake(_ writer: StreamWriter) async {
    // What cannot be removed now stays as an empty stream.
    try? await remove(writer.stream)
    if let dead = deadLetters(of: writer.stream) { try? await remove(dead) }
  }

  /// What DuckDB calls the types that it can hold, by the name of the column.
  private func sqlTypes(of schema: Schema) async throws(DatabaseError) -> [String: String] {
    let held = schema.fields.filter { LiveTables.holds($0) }
    guard !held.isEmpty else { return [:] }
    let none = Batch(
      schema: Schema(held), columns: held.map { .empty($0.type) }, rowCount: 0)
    let described = try await cast(none) { "SELECT column_type FROM (DESCRIBE FROM \($0))" }
    guard let names = described.columns.first else { return [:] }
    var types: [String: String] = [:]
    for (index, field) in held.enumerated() where index < names.count {
      types[field.name] = names.string(at: index)
    }
    return types
  }

  /// Whether columns may be called so.
  func checkNames(_ names: [String]) throws(DatabaseError) {
    var seen: Set<String> = []
    for name in names {
      if [StreamTable.offsetColumn, StreamTable.ingestTimeColumn].contains(name.lowercased()) {
        throw DatabaseError(.invalidArgument, "every stream has a hidden column \(name) already")
      }
      guard seen.insert(name.lowercased()).inserted else {
        throw DatabaseError(.invalidArgument, "the stream has two columns called '\(name)'")
      }
    }
  }
}
