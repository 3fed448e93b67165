internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL

/// Rows of a table of the database behind, in a table of DuckDB's that nobody changes.
///
/// **Ownership.** The table in DuckDB is dropped when the last reference to this goes: who reads it keeps one until the end.
final class TableCopy: Sendable {
  /// Quoted, with its catalog.
  let relation: String
  /// How the database calls it, and which of its rows are here.
  let table: CopiedTable
  /// The columns as the driver gives them, also those that DuckDB cannot hold.
  let schema: Schema
  /// The versions of what it was read from, taken before.
  let stamp: CacheVersions.Stamp
  /// The largest value of the change column and the number of rows, taken before; nil if nobody asks.
  let mark: String?
  let began: ContinuousClock.Instant
  let cost: Duration
  let rowCount: Int
  /// What the rows take as Arrow columns; in DuckDB it is about the same.
  let byteCount: Int
  let generation: Int
  private let engine: DuckDBEngine

  init(_ loaded: TableLoad.Loaded, cost: Duration, in engine: DuckDBEngine) {
    relation = loaded.relation
    table = loaded.table
    schema = loaded.schema
    stamp = loaded.stamp
    mark = loaded.mark
    began = loaded.began
    rowCount = loaded.rowCount
    byteCount = loaded.byteCount
    generation = loaded.generation
    self.cost = cost
    self.engine = engine
  }

  deinit {
    let (engine, relation, byteCount) = (engine, relation, byteCount)
    Task { await Self.drop(relation, engine, byteCount: byteCount) }
  }

  static func drop(_ relation: String, _ engine: DuckDBEngine, byteCount: Int = 0) async {
    let instance = engine.instance
    await engine.onWorker {
      guard let held = try? instance.connect(SessionSettings()) else { return }
      guard (try? held.connection.execute("DROP TABLE IF EXISTS \(relation)")) != nil else {
        return
      }
      instance.giveBack(held)
      // Statements that are kept hold on to it.
      instance.catalogDidChange()
      FreedMemory.giveBack(after: byteCount)
    }
  }
}
