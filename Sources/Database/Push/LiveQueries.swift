internal import Columnar
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// The endless queries that run now.
final class LiveQueries: Sendable {
  private struct State {
    var queries: [String: WeakQuery] = [:]
    var lastNumber = 0
  }

  private struct WeakQuery {
    weak var query: LiveQuery?
  }

  let instances: EngineInstances
  private let state = Mutex(State())

  init(_ instances: EngineInstances) { self.instances = instances }

  func nextID() -> String {
    state.withLock { state in
      state.lastNumber += 1
      return "q\(state.lastNumber)"
    }
  }

  func add(_ query: LiveQuery) {
    state.withLock { $0.queries[query.id] = WeakQuery(query: query) }
  }

  func remove(_ query: LiveQuery) { state.withLock { $0.queries[query.id] = nil } }

  /// In the order in which they began.
  var all: [LiveQuery] {
    state.withLock { state in
      state.queries.values.compactMap(\.query)
    }.sorted { $0.startMicroseconds < $1.startMicroseconds }
  }

  /// Ends one query, or all with nil.
  func terminate(_ id: String?) throws(DatabaseError) {
    let ending = LiveQuery.Ending.failed(
      DatabaseError(.aborted, "the query was ended by TERMINATE QUERY"))
    guard let id else {
      for query in all { query.end(ending) }
      return
    }
    try find(id).end(ending)
  }

  func setPaused(_ isPaused: Bool, _ id: String) throws(DatabaseError) {
    try find(id).setPaused(isPaused)
  }

  private func find(_ id: String) throws(DatabaseError) -> LiveQuery {
    let query = state.withLock { $0.queries[id.lowercased()]?.query }
    guard let query else {
      throw DatabaseError(.notFound, "there is no query \(id); SHOW QUERIES lists those that run")
    }
    return query
  }

  func streamWasDropped(_ stream: Stream) {
    let name = stream.definition.qualifiedName
    for query in all where query.stream === stream {
      query.end(.failed(DatabaseError(.notFound, "the stream \(name) was dropped")))
    }
  }

  /// Ends all of them, with a word that says so: the server stops.
  func shutDown() {
    for query in all {
      query.end(.failed(DatabaseError(.unavailable, "the server is shutting down")))
    }
  }
}
