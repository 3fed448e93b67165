internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL

/// Makes the stream `metrics` when a database opens.
struct MetricsStream {
  let session: Session
  private let metrics: MetricsRelation

  init(_ database: StreamingDatabase) {
    session = Session(database)
    metrics = database.metrics
  }

  func open() async throws(DatabaseError) {
    let name = StreamName(schema: "main", name: MetricsRelation.name)
    let hasTable = try await hasOldTable()
    if let stream = session.database.streams.stream(name) {
      try await follow(stream)
    } else {
      if hasTable { try await run(oldViews.map { "DROP VIEW IF EXISTS \($0)" }) }
      _ = try await session.update(metrics.statement, StatementContext(connectionID: 0))
    }
    guard hasTable, let stream = session.database.streams.stream(name) else { return }
    try await move(to: stream)
  }

  /// Takes over the length of the window from the server's options; rows that are there keep what was
  /// computed for them.
  private func follow(_ stream: Stream) async throws(DatabaseError) {
    var definition = stream.definition
    guard definition.options.running.windowMicroseconds != metrics.windowMicroseconds else {
      return
    }
    definition.options.running.windowMicroseconds = metrics.windowMicroseconds
    definition.writtenOptions["running_window"] = "\(metrics.windowMicroseconds) microseconds"
    try await session.redefine(stream, as: definition)
  }

  // MARK: The table of older versions

  private var hidden: [String] { [metrics.catalog, MetricsRelation.hiddenSchema] }
  private var oldTable: QualifiedName { QualifiedName(parts: hidden + ["metrics"]) }
  private var oldViews: [QualifiedName] {
    ["metrics_5m", "metrics_30m", "metrics_1h", "metrics_1d", "metrics"]
      .map { QualifiedName(metrics.catalog, "main", $0) }
      + [QualifiedName(parts: hidden + ["metrics_running"])]
  }

  private func hasOldTable() async throws(DatabaseError) -> Bool {
    let sql =
      "SELECT 1 FROM duckdb_tables() WHERE database_name = \(stringLiteral(metrics.catalog)) "
      + "AND schema_name = \(stringLiteral(MetricsRelation.hiddenSchema)) AND table_name = 'metrics'"
    return try await read(sql) { _ in }
  }

  /// Rows of one producer that no client can be, so that a crash in between doubles none.
  private func move(to stream: Stream) async throws(DatabaseError) {
    let sql = """
      SELECT metric_id, "timestamp", "value", given_sum AS value_running_window_sum,
        given_avg AS value_running_window_avg, given_count AS value_running_window_count
      FROM \(oldTable) ORDER BY arrival, arrival_row
      """
    var batches: [Batch] = []
    _ = try await read(sql) { batches.append($0) }
    for (sequence, batch) in batches.enumerated() {
      _ = try await session.append(
        [batch], to: stream,
        StreamMarks(producer: "__hyprstream_metrics_table", sequence: Int64(sequence)))
    }
    try await run([
      "DROP TABLE \(oldTable)",
      "DROP SEQUENCE IF EXISTS \(QualifiedName(parts: hidden + ["metrics_arrival"]))",
      "DROP MACRO IF EXISTS \(QualifiedName(parts: hidden + ["as_timestamp"]))",
    ])
  }

  /// - Returns: Whether there are rows.
  private func read(
    _ sql: String, _ take: (Batch) -> Void
  ) async throws(DatabaseError) -> Bool {
    let batches: [Batch]
    do {
      batches = try await session.engine.run(SessionSettings()) {
        (connection) throws(DuckDBError) -> [Batch] in
        let result = try connection.prepare(sql).execute()
        defer { result.close() }
        var batches: [Batch] = []
        while let batch = try result.next(maxRows: 65_536, allocator: HeapAllocator()) {
          batches.append(batch)
        }
        return batches
      }
    } catch {
      throw DatabaseError(any: error)
    }
    for batch in batches where batch.rowCount > 0 { take(batch) }
    return batches.contains { $0.rowCount > 0 }
  }

  private func run(_ statements: [String]) async throws(DatabaseError) {
    do {
      try await session.engine.run(SessionSettings()) { (connection) throws(DuckDBError) in
        for statement in statements { try connection.execute(statement) }
      }
    } catch {
      throw DatabaseError(any: error)
    }
    session.engine.instance.catalogDidChange()
  }
}
