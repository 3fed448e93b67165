internal import Synchronization

internal import Columnar
public import DuckDB

/// An INSERT that reads a live table, prepared for any number of small loads that follow each other.
///
/// It stays with its connection. DuckDB plans it again by itself when the catalog has changed.
///
/// **Sendable.** `@unchecked`: whoever holds the connection is the only one who uses it, on one thread
/// at a time.
public final class KeptInsert: @unchecked Sendable {
  private let key: String
  private let schema: Schema
  private let slot: TableSlot
  private let id: Int64
  private let liveTables: LiveTables
  private let statement: PreparedStatement

  /// - Parameter sql: The statement, for what stands after FROM.
  fileprivate init(
    _ key: String, _ schema: Schema, on connection: Connection, _ liveTables: LiveTables,
    sql: (_ source: String) -> String
  ) throws(DuckDBError) {
    self.key = key
    self.schema = schema
    self.liveTables = liveTables
    let slot = TableSlot(schema)
    let id = try liveTables.add(slot)
    do {
      statement = try connection.prepare(sql(DuckDBInstance.liveRelation(id)))
    } catch {
      liveTables.remove(id)
      throw error
    }
    self.slot = slot
    self.id = id
  }

  deinit { liveTables.remove(id) }

  fileprivate func isFor(_ key: String, _ schema: Schema) -> Bool {
    self.key == key && self.schema == schema
  }

  /// - Returns: How many rows it changed, if it says so.
  fileprivate func run(_ table: any LiveTable) throws(DuckDBError) -> Int? {
    slot.set(table)
    defer { slot.set(nil) }
    let result = try statement.execute()
    defer { result.close() }
    while try result.next(maxRows: 65_536, allocator: HeapAllocator()) != nil {}
    return result.rowsChanged
  }
}

extension HeldConnection {
  /// Inserts the rows of `table` with the statement of the load before, if it was like this one.
  ///
  /// - Parameters:
  ///   - sql: The statement, for what stands after FROM.
  /// - Returns: How many rows it changed, if it says so.
  public func insert(
    from table: any LiveTable, _ liveTables: LiveTables, sql: (_ source: String) -> String
  ) throws(DuckDBError) -> Int? {
    let key = sql("")
    // One that fails is not used again.
    let kept = keptInsert.withLock { kept in
      defer { kept = nil }
      return kept
    }
    var insert = kept.flatMap { $0.isFor(key, table.schema) ? $0 : nil }
    if insert == nil {
      insert = try KeptInsert(key, table.schema, on: connection, liveTables, sql: sql)
    }
    guard let insert else { return nil }
    let count = try insert.run(table)
    keptInsert.withLock { $0 = insert }
    return count
  }
}

/// A live table that is another one from run to run.
private final class TableSlot: LiveTable {
  let schema: Schema
  private let table = Mutex<(any LiveTable)?>(nil)

  init(_ schema: Schema) { self.schema = schema }

  var rowCount: Int? { nil }

  func set(_ new: (any LiveTable)?) { table.withLock { $0 = new } }

  func scan(columns: [Int]) throws -> any BatchSource {
    guard let table = table.withLock({ $0 }) else {
      throw DuckDBError(kind: .other, message: "the rows to insert are gone")
    }
    return try table.scan(columns: columns)
  }
}
