internal import Columnar
internal import Engine
internal import Log
internal import Synchronization

/// The continuous queries of a database. Their definitions are rows of the catalog's topic.
final class ContinuousQueries: Sendable {
  private struct State {
    var queries: [String: ContinuousQuery] = [:]
    var isClosing = false
  }

  private let streams: StreamCatalog
  private let state = Mutex(State())

  init(_ streams: StreamCatalog) { self.streams = streams }

  /// In the order in which they were made.
  var all: [ContinuousQuery] {
    state.withLock { Array($0.queries.values) }
      .sorted { $0.definition.positions < $1.definition.positions }
  }

  func find(_ id: String) -> ContinuousQuery? { state.withLock { $0.queries[id.lowercased()] } }

  /// Those that read a stream.
  func reading(_ stream: Stream) -> [ContinuousQuery] {
    all.filter { $0.definition.source == stream.topicID }
  }

  /// Those that write to a stream.
  func writing(_ stream: Stream) -> [ContinuousQuery] {
    all.filter { $0.definition.sink == stream.topicID }
  }

  /// Whether rows of a stream come to flow into another, directly or through others.
  func flows(from source: TopicID, into sink: TopicID) -> Bool {
    let edges = all.map { ($0.definition.source, $0.definition.sink) }
    var (reached, pending): (Set<TopicID>, [TopicID]) = ([source], [source])
    while let next = pending.popLast() {
      for (from, to) in edges where from == next && reached.insert(to).inserted {
        pending.append(to)
      }
    }
    return reached.contains(sink)
  }

  // MARK: Changes

  /// Begins to run a query whose definition is durable.
  func add(_ query: ContinuousQuery) {
    let isClosing = state.withLock { state in
      state.queries[query.id] = query
      return state.isClosing
    }
    if !isClosing { query.start() }
  }

  func setPaused(_ isPaused: Bool, _ query: ContinuousQuery) async throws(DatabaseError) {
    try await streams.write(ContinuousRows.batch(isPaused ? .paused : .resumed, query.definition))
    query.setPaused(isPaused)
  }

  /// Ends a query for good. What it has stored stays.
  func end(_ query: ContinuousQuery) async throws(DatabaseError) {
    try await streams.write(ContinuousRows.batch(.ended, query.definition))
    state.withLock { $0.queries[query.id] = nil }
    await query.stop()
    query.letGo()
    // It is removed at the next start otherwise.
    try? streams.log.removeTopic(query.definition.positions)
  }

  /// A stream was dropped in spite of queries that read it.
  func streamWasDropped(_ stream: Stream) {
    let error = DatabaseError(
      .notFound, "the stream \(stream.definition.qualifiedName) was dropped")
    for query in reading(stream) + writing(stream) { query.end(because: error) }
  }

  /// Stops all of them until the next start.
  func shutDown() async {
    let queries = state.withLock { state in
      state.isClosing = true
      defer { state.queries = [:] }
      return Array(state.queries.values)
    }
    for query in queries { await query.stop() }
  }

  // MARK: The topic of the catalog

  /// What the catalog knows of the queries that have not ended. Blocks on the disk.
  func stored() throws(DatabaseError) -> [ContinuousDefinition] {
    var definitions: [TopicID: ContinuousDefinition] = [:]
    var ended: Set<TopicID> = []
    try streams.log.readCatalog(for: "the continuous queries") { rows in
      ContinuousRows.apply(rows, to: &definitions, ended: &ended)
    }
    for id in ended where streams.log.topic(id) != nil { try? streams.log.removeTopic(id) }
    return definitions.values.sorted { $0.positions < $1.positions }
  }
}
