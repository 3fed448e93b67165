internal import ADBC
internal import Columnar
internal import Engine
internal import Log
internal import Logging
internal import SQL
internal import Synchronization

/// `metrics` lives in the engine too, when there is one.
extension MetricsStream {
  /// Rows that the engine has from before are taken over if there are none here; more than this stay there.
  private static let maxTakenRowCount = 10_000_000

  /// Begins to keep the engine's table. To be called before the first client.
  func openCopy() async throws(DatabaseError) {
    let database = session.database
    guard let backend = database.backend,
      let stream = database.streams.stream(StreamName(schema: "main", name: MetricsRelation.name))
    else { return }
    let identity = try await database.streams.turn.with { () async throws(DatabaseError) in
      try await database.streams.identity()
    }
    var table = TableName(MetricsRelation.name)
    do {
      let dialect = try await backend.engine.known().dialect
      if dialect != .sqlite { table.schema = dialect.defaultSchema }
      if let problem = try await difference(stream, table, backend, dialect) {
        return database.log.warning("metrics stay here: \(problem)")
      }
      let producer = EngineCopy.producer(stream, identity)
      try await takeOver(from: table, to: stream, backend, dialect, producer)
    } catch {
      // The copy goes on trying, and says so.
      database.log.logger.debug("metrics wait for the engine", metadata: ["reason": "\(error)"])
    }
    let copy = EngineCopy(
      stream, to: table, on: backend, identity: identity, clock: database.clock,
      logger: database.log.logger)
    do {
      try await copy.place()
    } catch {
      let error = DatabaseError(any: error)
      if error.code == .permissionDenied {
        copy.letGo()
        return database.log.warning(
          "metrics stay here: \(error.message); for a table of them there, grant the engine's user CREATE on its schema, or "
            + "give another engine_username")
      }
    }
    database.metricsCopy.withLock { $0 = copy }
    copy.start()
  }

  /// What keeps a table that is there from being the one of the metrics; nil if nothing does.
  private func difference(
    _ stream: Stream, _ table: TableName, _ backend: Backend, _ dialect: Dialect
  ) async throws -> String? {
    let sql = "SELECT * FROM \(dialect.quote(table))"
    guard
      let found = try? await backend.engine.describe(
        sql, isRead: true, returnsRows: true, on: nil, BackendCall())
    else { return nil }
    let theirs = Set(found.resultSchema.fields.map { $0.name.lowercased() })
    let missing = stream.definition.schema.fields.map(\.name).filter {
      !theirs.contains($0.lowercased())
    }
    if missing.isEmpty { return nil }
    return
      "the engine's table \(table) has no column \(missing.joined(separator: ", ")), so it is another one; rename it to "
      + "have metrics there"
  }

  /// Reads the rows that are there when this log has none and has never pushed any.
  private func takeOver(
    from table: TableName, to stream: Stream, _ backend: Backend, _ dialect: Dialect,
    _ producer: String
  ) async throws {
    guard stream.topic.state.head == .zero else { return }
    let names = stream.definition.schema.fields.map { dialect.quote($0.name) }
    let sql =
      "SELECT \(names.joined(separator: ", ")) FROM \(dialect.quote(table)) ORDER BY \(names[1]) DESC "
      + dialect.limit(Self.maxTakenRowCount)
    guard let pump = try? await backend.engine.start(sql, BackendCall()) else { return }
    defer { pump.close() }
    let position = OutboxPosition(
      applied: try await backend.appliedLoads(now: session.database.nowMicroseconds),
      producer: producer)
    let now = session.database.nowMicroseconds
    let found = try await backend.engine.load(BackendCall()) { (connection) throws(ADBCError) in
      try position.find(connection, startingAt: EngineCopy.isTakenOver, at: now)
    }
    guard found == EngineCopy.isTakenOver else { return }
    var rowCount = 0
    while let batch = try await pump.next() {
      _ = try await session.append([batch], to: stream, StreamMarks())
      rowCount += batch.rowCount
    }
    if rowCount > 0 {
      session.database.log.logger.info(
        "took rows of metrics over from the engine", metadata: ["rows": "\(rowCount)"])
    }
  }
}
