internal import Log

/// What goes when a stream is dropped, and what keeps it from being dropped.
extension Session {
  /// Drops a stream with its dead letters and the queries that write to it.
  ///
  /// - Throws: FAILED_PRECONDITION when queries or subscriptions read it, unless it cascades: then they
  ///   go too, and with them the streams that those queries were made for.
  func drop(_ stream: Stream, isCascading: Bool) async throws(DatabaseError) {
    let readers = database.continuous.reading(stream)
    let subscriptions = database.subscriptions.all.filter { $0.stream === stream }
    if !isCascading, !readers.isEmpty || !subscriptions.isEmpty {
      throw dependants(of: stream, readers, subscriptions)
    }
    for query in database.continuous.writing(stream) { try await database.continuous.end(query) }
    for query in readers {
      if query.definition.kind == .createStream, !query.sink.isDropped {
        try await drop(query.sink, isCascading: true)
      } else {
        try await database.continuous.end(query)
      }
    }
    for subscription in subscriptions {
      try await dropSubscription(subscription.name, isIfExists: true)
    }
    let companions = Self.isCompanion(stream.definition) ? [] : companions(of: stream)
    try await remove(stream)
    for companion in companions { try await drop(companion, isCascading: true) }
  }

  private func dependants(
    of stream: Stream, _ queries: [ContinuousQuery], _ subscriptions: [Delivery]
  ) -> DatabaseError {
    let name = stream.definition.qualifiedName
    let names =
      queries.map { query in
        switch query.definition.kind {
        case .createStream:
          "the stream \(query.sink.definition.qualifiedName) (query \(query.id))"
        case .insert: "the query \(query.id) into \(query.sink.definition.qualifiedName)"
        }
      } + subscriptions.map { "the subscription \($0.name)" }
    return DatabaseError(
      .failedPrecondition,
      "\(name) cannot be dropped, since others need it: \(names.joined(separator: ", ")); drop or "
        + "terminate those first, or write DROP STREAM \(name) CASCADE, which drops them too")
  }
}
