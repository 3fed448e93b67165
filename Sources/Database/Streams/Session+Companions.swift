internal import Columnar
internal import Engine
internal import Log

/// Streams that belong to a stream: its dead letters and its late rows, in a schema of its name.
extension Session {
  /// What the relation with the dead letters of a stream is called.
  static let deadLetterName = "dead_letter"
  /// What the relation with its late rows is called.
  static let lateName = "late"

  static func isCompanion(_ definition: StreamDefinition) -> Bool {
    definition.schemaName != "main" && [deadLetterName, lateName].contains(definition.name)
  }

  func deadLetters(of stream: Stream) -> Stream? { companion(of: stream, Self.deadLetterName) }

  func lateRows(of stream: Stream) -> Stream? { companion(of: stream, Self.lateName) }

  /// All that there are.
  func companions(of stream: Stream) -> [Stream] {
    [Self.deadLetterName, Self.lateName].compactMap { companion(of: stream, $0) }
  }

  private func companion(of stream: Stream, _ name: String) -> Stream? {
    database.streams.stream(StreamName(schema: stream.definition.name, name: name))
  }

  /// Makes those that the options of a stream ask for.
  func makeCompanions(of stream: Stream) async throws(DatabaseError) {
    let definition = stream.definition
    if definition.options.onError == .deadLetter {
      try await makeCompanion(of: stream, Self.deadLetterName, RowConforming.deadLetterColumns)
    }
    if definition.options.running.isOn, definition.options.running.late == .separate {
      let columns = definition.current.columns.map { column in
        var column = column
        column.field.isNullable = true
        column.defaultExpression = nil
        return column
      }
      try await makeCompanion(of: stream, Self.lateName, columns)
    }
  }

  private func makeCompanion(
    of stream: Stream, _ name: String, _ columns: [StreamDefinition.Column]
  ) async throws(DatabaseError) {
    guard companion(of: stream, name) == nil else { return }
    _ = try await make(
      StreamDefinition(
        topic: .catalog, schemaName: stream.definition.name, name: name,
        versions: [StreamDefinition.Version(id: 1, columns: columns)],
        options: StreamOptions(durability: stream.definition.options.durability)))
  }

  /// Whoever computes the running columns of a stream, if it has some.
  func running(of stream: Stream) -> RunningWrites? {
    let (engine, streams) = (engine, database.streams)
    return streams.running(of: stream) {
      RunningWrites(
        stream, streams.log, onWorker: { body in await engine.onWorker(body) },
        lateRows: {
          streams.stream(StreamName(schema: stream.definition.name, name: Self.lateName))
        })
    }
  }

  /// Computes the running columns of the rows of a transaction, and keeps others from writing to these
  /// streams until `body` has stored them.
  func withRunningColumns(
    _ writes: [TopicWrite], _ body: ([TopicWrite]) async throws(DatabaseError) -> Void
  ) async throws(DatabaseError) {
    let writes = GroupCommits.joined(writes)
    // All take the streams in the same order, so that none waits for one that waits for it.
    let running = Set(writes.map(\.topic)).sorted().compactMap { topic in
      database.streams.stream(of: topic).flatMap { self.running(of: $0) }
    }
    try await inTurn(running[...], writes, body)
  }

  private func inTurn(
    _ running: ArraySlice<RunningWrites>, _ writes: [TopicWrite],
    _ body: ([TopicWrite]) async throws(DatabaseError) -> Void
  ) async throws(DatabaseError) {
    guard let first = running.first else { return try await body(writes) }
    let own = writes.filter { $0.topic == first.stream.topicID }
    try await first.alone(own) { (computed) async throws(DatabaseError) in
      let others = writes.filter { $0.topic != first.stream.topicID }
      try await inTurn(running.dropFirst(), GroupCommits.joined(others + computed), body)
    }
  }
}
