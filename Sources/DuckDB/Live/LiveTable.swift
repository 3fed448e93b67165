public import Columnar
import Synchronization

/// A table that SQL sees and whose rows come from Swift, batch by batch.
public protocol LiveTable: Sendable {
  /// The columns that SQL sees. Fixed for as long as the table is registered.
  var schema: Schema { get }

  /// How many rows there are, if that is known; DuckDB plans with it.
  var rowCount: Int? { get }

  /// Begins a scan. Called once per scan and execution, on a thread of DuckDB's.
  ///
  /// - Parameter columns: Which columns are read, as positions in `schema`. The batches have all
  ///   columns, but what is in the others does not matter, as long as it is well formed.
  func scan(columns: [Int]) throws -> any BatchSource
}

/// The batches of one scan.
public protocol BatchSource: Sendable {
  /// How many threads may call `next()` at a time; with more than one, rows come in no order.
  ///
  /// An INSERT reads with one thread all the same, unless its connection has
  /// `SET SESSION preserve_insertion_order = false`: then two threads insert about twice as fast.
  var maxThreads: Int { get }

  /// The next batch, of the table's schema, or nil at the end. Called from DuckDB's threads. It
  /// may block. What it throws ends the statement with an error that says so.
  func next() throws -> Batch?
}

/// A source whose `next()` may take long, because it waits for another system.
public protocol InterruptibleSource: BatchSource, AnyObject {
  /// Ends what `next()` waits for, soon, with an error. Called from any thread, when the statement is to stop.
  func interrupt()
}

/// A table that changes while it is read: all scans of one execution of a statement see it alike.
public protocol SnapshotTable: LiveTable {
  /// The same as `scan(columns:)`, which is called where the execution is not known.
  func scan(columns: [Int], in execution: LiveExecution) throws -> any BatchSource
}

/// A table that can leave out rows which a statement does not want.
public protocol BoundedTable: SnapshotTable {
  /// The same, of a part of the rows. Rows beyond the bounds may be among them.
  func scan(
    columns: [Int], in execution: LiveExecution?, within bounds: LiveBounds
  ) throws -> any BatchSource
}

/// What a statement has said of the rows of a table when it was bound: `live(7, offset_from := 5)`,
/// `live(8, filter := '"id" >= 5')`.
public struct LiveBounds: Hashable, Sendable {
  /// The names of the parameters. Each takes a BIGINT, and says nothing if that is NULL.
  public static let names = [
    "offset_from", "offset_to", "ingest_from", "ingest_to", "event_from", "event_to",
  ]

  /// The parameter that is a VARCHAR.
  static let filterName = "filter"

  /// The bounds that were given, by name; all of them are in range.
  public var values: [String: Int64] = [:]
  /// A condition that all wanted rows meet, in words that the table understands.
  public var filter: String?

  public init() {}

  public subscript(name: String) -> Int64? { values[name] }

  var isEmpty: Bool { values.isEmpty && filter == nil }
}

/// One execution of a statement on one connection.
public struct LiveExecution: Hashable, Sendable {
  /// Unique among the connections of a database.
  public var connection: UInt64
  /// Grows with each execution on the connection.
  public var number: UInt64
}

/// Which execution each connection is at, and what it reads that can be interrupted.
final class LiveExecutions: Sendable {
  private struct State {
    var numbers: [UInt64: UInt64] = [:]
    var sources: [UInt64: [ObjectIdentifier: any InterruptibleSource]] = [:]
  }

  private let state = Mutex(State())

  func begin(on connection: UInt64) {
    state.withLock { $0.numbers[connection, default: 0] += 1 }
  }

  func current(on connection: UInt64) -> LiveExecution {
    LiveExecution(
      connection: connection, number: state.withLock { $0.numbers[connection] ?? 0 })
  }

  func forget(_ connection: UInt64) { state.withLock { $0.numbers[connection] = nil } }

  func add(_ source: any InterruptibleSource, on connection: UInt64) {
    state.withLock { $0.sources[connection, default: [:]][ObjectIdentifier(source)] = source }
  }

  func remove(_ source: any InterruptibleSource, on connection: UInt64) {
    state.withLock { state in
      state.sources[connection]?[ObjectIdentifier(source)] = nil
      if state.sources[connection]?.isEmpty == true { state.sources[connection] = nil }
    }
  }

  func interrupt(_ connection: UInt64) {
    let sources = state.withLock { $0.sources[connection].map { Array($0.values) } ?? [] }
    for source in sources { source.interrupt() }
  }
}

/// The live tables of a database, by number and by name.
///
/// SQL reads `live(<number>)`, where `live` is the name given to
/// `Database.registerLiveTables`; a table that was added with a name is found by that name too,
/// unless a table or a view of the database has it.
public final class LiveTables: Sendable {
  private struct State {
    var lastID: Int64 = 0
    var tables: [Int64: any LiveTable] = [:]
    var ids: [String: Int64] = [:]
  }

  private let state = Mutex(State())
  let executions = LiveExecutions()

  /// - Parameter library: Proof that there is one: the types of tables are checked with it.
  public init(_ library: DuckDBLibrary) {}

  /// Makes `table` readable, and returns its number, which is never used again.
  ///
  /// - Parameter name: A name in SQL, in any case; it replaces another table of that name.
  /// - Throws: If DuckDB cannot hold one of the columns; the message names it.
  @discardableResult
  public func add(_ table: any LiveTable, name: String? = nil) throws(DuckDBError) -> Int64 {
    try DuckDBTypes.check(table.schema)
    return state.withLock { state in
      state.lastID += 1
      state.tables[state.lastID] = table
      if let name { state.ids[name.lowercased()] = state.lastID }
      return state.lastID
    }
  }

  /// Makes `table` readable under a number that the caller has chosen: it is the same each time the
  /// process starts, so that a view over it may stay. Replaces what is there.
  ///
  /// - Parameter id: Of ``firstChosenID`` on.
  public func put(_ table: any LiveTable, at id: Int64) throws(DuckDBError) {
    try DuckDBTypes.check(table.schema)
    state.withLock { $0.tables[id] = table }
  }

  /// Numbers from here on are never given out by ``add(_:name:)``.
  public static let firstChosenID: Int64 = 1 << 62

  /// Whether DuckDB can hold a column.
  public static func holds(_ field: Field) -> Bool {
    (try? DuckDBTypes.check(Schema([field]))) != nil
  }

  /// Takes a table away. Scans that have begun go on.
  public func remove(_ id: Int64) {
    state.withLock { state in
      state.tables[id] = nil
      state.ids = state.ids.filter { $0.value != id }
    }
  }

  /// The table of a number.
  public func table(_ id: Int64) -> (any LiveTable)? { state.withLock { $0.tables[id] } }

  /// The number of a name.
  public func id(named name: String) -> Int64? {
    state.withLock { $0.ids[name.lowercased()] }
  }
}

/// Batches that are there already, as a table.
public struct BatchTable: LiveTable {
  public let schema: Schema
  public let batches: [Batch]
  /// How many threads read it at a time.
  public var maxThreads: Int

  public init(schema: Schema, batches: [Batch], maxThreads: Int = 1) {
    self.schema = schema
    self.batches = batches
    self.maxThreads = maxThreads
  }

  public var rowCount: Int? { batches.reduce(0) { $0 + $1.rowCount } }

  public func scan(columns: [Int]) -> any BatchSource {
    BatchList(batches, maxThreads: maxThreads)
  }
}

private final class BatchList: BatchSource {
  let maxThreads: Int
  private let batches: [Batch]
  private let position = Atomic(0)

  init(_ batches: [Batch], maxThreads: Int) {
    self.batches = batches
    self.maxThreads = maxThreads
  }

  func next() -> Batch? {
    let index = position.wrappingAdd(1, ordering: .relaxed).oldValue
    return index < batches.count ? batches[index] : nil
  }
}
