internal import Columnar
internal import SQL

/// What CREATE STREAM does quickly: there may be thousands.
extension Session {
  /// Makes the relation and the entry of the catalog, each of which waits for a disk of its own, or
  /// neither.
  func settle(
    _ stream: Stream, _ definition: StreamDefinition, with others: [Batch]
  ) async throws(DatabaseError) {
    let streams = database.streams
    async let recording = streams.recording(definition, with: others)
    let registered = await outcome { () async throws(DatabaseError) in
      try await relations { (relations) throws(DatabaseError) in
        try relations.register(stream, definition, replaces: false)
      }
    }
    let recorded = await recording
    do throws(DatabaseError) {
      try registered.get()
      try recorded.get()
    } catch {
      if case .success = registered {
        try? await relations { (relations) throws(DatabaseError) in
          try relations.forget(stream, definition)
        }
      }
      // Without this the next start finds that the name is taken, and does the same.
      if case .success = recorded { try? await streams.recordDrop(definition) }
      guard error.message.contains("already exists") else { throw error }
      throw DatabaseError(
        .alreadyExists, "\(definition.qualifiedName) exists already, and is no stream")
    }
  }

  private func outcome(
    _ body: () async throws(DatabaseError) -> Void
  ) async -> Result<Void, DatabaseError> {
    do throws(DatabaseError) { return .success(try await body()) } catch { return .failure(error) }
  }

  /// Columns of NULL of the types that were written.
  func fields(of columns: [StreamColumn]) async throws(DatabaseError) -> [Field] {
    let isPlain = columns.allSatisfy { $0.defaultExpression == nil }
    let types = database.plainTypes
    if isPlain, let fields = types.fields(of: columns.map { ($0.name, $0.type) }) { return fields }
    let list = columns.map { column in
      "CAST(\(column.defaultExpression ?? "NULL") AS \(column.type)) AS \(quotedName(column.name))"
    }
    let fields = try await describedFields("SELECT " + list.joined(separator: ", "))
    if isPlain { types.learn(columns.map(\.type), fields) }
    return fields
  }
}
