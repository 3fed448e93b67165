internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL
internal import Synchronization

/// A stateless query over one stream, run by DuckDB on a few batches at a time.
///
/// It has a connection of the *stages* instance to itself, on which the stream is a temporary view
/// over the batches that are set. Blocks; one thread at a time.
final class StageStatement: @unchecked Sendable {
  // Sendable: whoever evaluates holds `LiveQuery`'s turn.
  let schema: Schema
  private let slot: BatchSlot
  private let held: HeldConnection
  private let statement: PreparedStatement
  private let instance: DuckDBInstance
  private let liveTable: Int64

  /// - Parameters:
  ///   - fields: The columns of the stream as the query sees them.
  ///   - wraps: Whether the rows are wanted as one column of JSON, `row`.
  init(
    _ query: String, over name: QualifiedName, fields: [Field], wraps: Bool,
    instance: DuckDBInstance
  ) throws(DatabaseError) {
    let slot = BatchSlot(Schema(fields))
    do {
      held = try instance.connect(SessionSettings())
      let connection = held.connection
      let id = try instance.liveTables.add(slot)
      liveTable = id
      do {
        try connection.execute(
          "CREATE OR REPLACE TEMP VIEW \(quotedName(name.name)) AS "
            + "FROM \(DuckDBInstance.liveRelation(id))")
        try Self.checkStateless(query, connection)
        let text = wraps ? "SELECT to_json(__q) AS \"row\" FROM (\(query)) AS __q" : query
        statement = try connection.prepare(text)
        guard statement.parameters.isEmpty else {
          throw DatabaseError(.invalidArgument, "an endless query takes no parameters")
        }
        schema = try statement.resultSchema
      } catch {
        instance.liveTables.remove(id)
        throw error
      }
    } catch {
      throw DatabaseError(any: error)
    }
    self.slot = slot
    self.instance = instance
  }

  deinit { instance.liveTables.remove(liveTable) }

  /// The rows that the query makes of batches.
  func evaluate(_ batches: [Batch]) throws(DatabaseError) -> Batch? {
    slot.set(batches)
    defer { slot.set([]) }
    do {
      let result = try statement.execute()
      var made: [Batch] = []
      while let batch = try result.next(maxRows: 65_536, allocator: HeapAllocator()) {
        made.append(batch)
      }
      result.close()
      if made.count <= 1 { return made.first }
      return try Batch.concatenate(made)
    } catch let error as DuckDBError {
      instance.noteFailure(error, generation: held.generation)
      throw DatabaseError(error)
    } catch {
      throw DatabaseError(any: error)
    }
  }

  private static let statefulOperators = [
    "AGGREGATE", "GROUP_BY", "LIMIT", "WINDOW", "ORDER_BY", "TOP_N", "UNION", "EXCEPT",
    "INTERSECT", "RECURSIVE", "SAMPLE", "DELIM",
  ]

  /// What DuckDB would do decides: an operator that has to see more than one row at a time needs a
  /// view.
  private static func checkStateless(_ query: String, _ connection: Connection) throws {
    let result = try connection.prepare("EXPLAIN (FORMAT json) \(query)").execute()
    var text = ""
    while let batch = try result.next(maxRows: 16, allocator: HeapAllocator()) {
      for row in 0..<batch.rowCount { text += batch.columns[1].string(at: row) ?? "" }
    }
    result.close()
    let names = text.split(separator: "\"name\": \"").dropFirst().map { part in
      String(part.prefix { $0 != "\"" }).uppercased()
    }
    let stateful = names.first { name in statefulOperators.contains { name.contains($0) } }
    if let stateful {
      throw DatabaseError(
        .failedPrecondition,
        "EMIT CHANGES takes queries that look at one row at a time; this one needs "
          + "\(stateful.lowercased()), which comes with materialized views")
    }
    let scans = names.filter { $0.contains(DuckDBInstance.liveFunction.uppercased()) }
    if scans.count > 1 {
      throw DatabaseError(
        .failedPrecondition,
        "EMIT CHANGES reads one stream, once; joins come with materialized views")
    }
  }
}

/// A table that holds the batches of the moment.
private final class BatchSlot: LiveTable {
  let schema: Schema
  private let batches = Mutex<[Batch]>([])

  init(_ schema: Schema) { self.schema = schema }

  var rowCount: Int? { nil }

  func set(_ new: [Batch]) { batches.withLock { $0 = new } }

  func scan(columns: [Int]) -> any BatchSource { SlotSource(batches.withLock { $0 }) }
}

private final class SlotSource: BatchSource {
  let maxThreads = 1
  private let rest: OnceBatches

  init(_ batches: [Batch]) { rest = OnceBatches(batches) }

  func next() -> Batch? { rest.take() }
}
