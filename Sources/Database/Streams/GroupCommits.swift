internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL

/// Commits rows of streams together with changes of tables.
///
/// The rows are prepared in the log; DuckDB commits the number of the group with the tables; then the
/// log commits the group. After a crash in between, DuckDB's table tells what became of it.
struct GroupCommits: Sendable {
  let log: any LogStore
  let instance: DuckDBInstance
  private let table: String

  init(_ log: any LogStore, _ instance: DuckDBInstance, catalog: String) {
    self.log = log
    self.instance = instance
    table = QualifiedName(catalog, MetricsRelation.hiddenSchema, "committed_groups").description
  }

  /// What the table is made with when the database opens.
  static func setupStatement(catalog: String) -> String {
    let table = QualifiedName(catalog, MetricsRelation.hiddenSchema, "committed_groups")
    return "CREATE TABLE IF NOT EXISTS \(table) (high UBIGINT NOT NULL, low UBIGINT NOT NULL)"
  }

  /// Appends the rows of a transaction that has changed no table.
  func append(_ writes: [TopicWrite]) async throws(DatabaseError) {
    do throws(LogError) {
      _ = try await log.append(AppendGroup(writes))
    } catch {
      throw Self.failure(error)
    }
  }

  func commit(
    _ writes: [TopicWrite], with lane: Lane, _ settings: SessionSettings
  ) async throws(DatabaseError) {
    var random = SystemRandomNumberGenerator()
    let id = PreparationID(high: random.next(), low: random.next())
    do {
      _ = try await log.append(AppendGroup(writes, preparation: id))
    } catch {
      try? await lane.run(settings) { (connection) throws(DuckDBError) in
        try connection.execute("ROLLBACK")
      }
      throw Self.failure(error)
    }
    let insert = "INSERT INTO \(table) VALUES (\(id.high), \(id.low))"
    do {
      try await lane.run(settings) { (connection) throws(DuckDBError) in
        try connection.execute(insert)
        try connection.execute("COMMIT")
      }
    } catch {
      _ = try? await log.resolve(id, commits: false)
      throw DatabaseError(any: error)
    }
    do throws(LogError) {
      _ = try await log.resolve(id, commits: true)
    } catch {
      // The tables are committed: at the next start the rows will be too.
      throw DatabaseError(
        .unavailable,
        "the tables are committed; the rows of streams will be visible when the server has started "
          + "again: \(error)")
    }
  }

  /// What a client is told when the rows of its transaction cannot be stored.
  private static func failure(_ error: LogError) -> DatabaseError {
    guard case .noTopic = error else { return DatabaseError(error) }
    return DatabaseError(
      .notFound,
      "a stream that the transaction wrote to was dropped; nothing of it is committed", cause: error
    )
  }

  /// Ends what a crash left open. Called before the first client.
  func recover() async throws(DatabaseError) {
    let open = log.openPreparations
    do {
      let held = try instance.connect(SessionSettings())
      var committed: Set<PreparationID> = []
      let result = try held.connection.prepare("SELECT high, low FROM \(table)").execute()
      while let batch = try result.next(maxRows: 2_048, allocator: HeapAllocator()) {
        for row in 0..<batch.rowCount {
          guard let high = batch.columns[0].string(at: row).flatMap({ UInt64($0) }),
            let low = batch.columns[1].string(at: row).flatMap({ UInt64($0) })
          else { continue }
          committed.insert(PreparationID(high: high, low: low))
        }
      }
      result.close()
      for id in open { _ = try await log.resolve(id, commits: committed.contains(id)) }
      if !committed.isEmpty { try held.connection.execute("DELETE FROM \(table)") }
      instance.giveBack(held)
    } catch let error as LogError {
      throw DatabaseError(error)
    } catch {
      throw DatabaseError(any: error)
    }
  }

  /// One write per topic, in the order in which the topics come first.
  static func joined(_ writes: [TopicWrite]) -> [TopicWrite] {
    var joined: [TopicWrite] = []
    for write in writes {
      if let index = joined.firstIndex(where: { $0.topic == write.topic }) {
        joined[index].records += write.records
      } else {
        joined.append(write)
      }
    }
    return joined
  }
}
