internal import Synchronization

public import Columnar
internal import DuckDB

/// A query for the row of one key that is planned once and run with any key.
///
/// DuckDB plans a statement with parameters anew at each run, which costs more than to run it. So the
/// key is no parameter but the one row of a live table that the query's table is joined with: DuckDB
/// then looks the key up in the table's index when it runs.
public final class KeyLookup: Sendable {
  /// The columns of the result.
  public let schema: Schema
  /// The type of the column that is compared.
  public let keyType: DataType
  /// The statement's text, for the relation that holds the key.
  let sql: @Sendable (_ keys: String) -> String
  let settings: SessionSettings
  let generation: Int
  let catalogVersion: Int
  let keySchema: Schema
  private let idle = Mutex<[KeyedStatement]>([])

  /// More are closed when given back.
  private static let maxIdleCount = 8
  static let keyName = "__hyprstream_key"
  static let keysName = "__hyprstream_keys"

  init(
    schema: Schema, keyType: DataType, settings: SessionSettings, generation: Int,
    catalogVersion: Int, sql: @escaping @Sendable (_ keys: String) -> String
  ) {
    self.schema = schema
    self.keyType = keyType
    self.settings = settings
    self.generation = generation
    self.catalogVersion = catalogVersion
    self.sql = sql
    keySchema = Schema([Field(Self.keyName, keyType)])
  }

  /// A key as the query takes it.
  ///
  /// - Returns: `nil` if the column cannot hold it.
  public func key(_ value: Int64) -> Batch? {
    let column: Column
    switch keyType {
    case .int8: column = .fixedWidth(keyType, [Int8(exactly: value)])
    case .int16: column = .fixedWidth(keyType, [Int16(exactly: value)])
    case .int32: column = .fixedWidth(keyType, [Int32(exactly: value)])
    case .int64: column = .fixedWidth(keyType, [value])
    case .uint8: column = .fixedWidth(keyType, [UInt8(exactly: value)])
    case .uint16: column = .fixedWidth(keyType, [UInt16(exactly: value)])
    case .uint32: column = .fixedWidth(keyType, [UInt32(exactly: value)])
    case .uint64: column = .fixedWidth(keyType, [UInt64(exactly: value)])
    default: return nil
    }
    guard column.nullCount == 0 else { return nil }
    return Batch(schema: keySchema, columns: [column], rowCount: 1)
  }

  public func key(_ value: String) -> Batch? {
    guard keyType == .utf8 else { return nil }
    return Batch(schema: keySchema, columns: [.strings([value])], rowCount: 1)
  }

  /// The only value of bound parameters, if it is of the column's own type.
  public func key(bound parameters: Batch) -> Batch? {
    guard parameters.rowCount == 1, parameters.columns.count == 1,
      parameters.columns[0].type == keyType, parameters.columns[0].isValid(at: 0)
    else { return nil }
    return Batch(schema: keySchema, columns: parameters.columns, rowCount: 1)
  }

  func take() -> KeyedStatement? { idle.withLock { $0.popLast() } }

  func keep(_ statement: KeyedStatement) {
    let isKept = idle.withLock { idle in
      guard idle.count < Self.maxIdleCount else { return false }
      idle.append(statement)
      return true
    }
    if !isKept { withExtendedLifetime(statement) {} }  // closed here, not under the lock
  }
}

/// A look-up's statement on a connection of its own, with the table that holds its key.
///
/// **Sendable.** `@unchecked`: whoever took it is the only one who uses it, on one thread at a time.
final class KeyedStatement: @unchecked Sendable {
  let held: HeldConnection
  let statement: PreparedStatement
  private let slot: KeySlot
  private let id: Int64
  private let liveTables: LiveTables

  init(_ lookup: KeyLookup, on held: HeldConnection, _ liveTables: LiveTables) throws(DuckDBError) {
    let slot = KeySlot(lookup.keySchema)
    let id = try liveTables.add(slot)
    do {
      statement = try held.connection.prepare(lookup.sql(DuckDBInstance.liveRelation(id)))
    } catch {
      liveTables.remove(id)
      throw error
    }
    self.slot = slot
    self.held = held
    self.id = id
    self.liveTables = liveTables
  }

  deinit { liveTables.remove(id) }

  func execute(_ key: Batch, onLong: @escaping () -> Void) throws(DuckDBError) -> ResultStream {
    slot.set(key)
    return try statement.execute(onLong: onLong)
  }
}

/// A table of one row, which changes from run to run.
private final class KeySlot: LiveTable {
  let schema: Schema
  private let key = Mutex<Batch?>(nil)

  init(_ schema: Schema) { self.schema = schema }

  var rowCount: Int? { 1 }

  func set(_ new: Batch) { key.withLock { $0 = new } }

  func scan(columns: [Int]) -> any BatchSource { KeySource(key.withLock { $0 }) }
}

private final class KeySource: BatchSource {
  let maxThreads = 1
  private let rest: Mutex<Batch?>

  init(_ key: Batch?) { rest = Mutex(key) }

  func next() -> Batch? {
    rest.withLock { rest in
      defer { rest = nil }
      return rest
    }
  }
}

/// One run of a look-up as a source of batches. Everything happens with the first `next`, on a worker.
final class KeyLookupSource: ResultSource {
  private let lookup: KeyLookup
  private let instance: DuckDBInstance
  private let start: Announcement
  private var key: Batch?
  private var open: KeyedStatement?
  private var result: ResultStream?
  /// What came behind the first batch.
  private var second: Batch?
  /// For `interrupt`, which others call.
  private let running = Mutex<Connection?>(nil)

  init(
    _ lookup: KeyLookup, _ key: Batch, of instance: DuckDBInstance, start: Announcement
  ) {
    self.start = start
    self.lookup = lookup
    self.key = key
    self.instance = instance
  }

  var changedRowCount: Int? { nil }
  var progress: Double? { nil }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    do throws(DuckDBError) {
      return try nextBatch(maxRows, allocator)
    } catch {
      throw .statement(error)
    }
  }

  private func nextBatch(
    _ maxRows: Int, _ allocator: any BufferAllocator
  ) throws(DuckDBError) -> Batch? {
    if let key {
      self.key = nil
      return try first(key, maxRows: maxRows, allocator)
    }
    if let batch = second {
      second = nil
      return batch
    }
    return try result?.next(maxRows: maxRows, allocator: allocator)
  }

  /// A result of few rows is read to its end at once, so that its reader finds the end with the rows.
  private func first(
    _ key: Batch, maxRows: Int, _ allocator: any BufferAllocator
  ) throws(DuckDBError) -> Batch? {
    let statement = try instance.takeStatement(of: lookup)
    open = statement
    running.withLock { $0 = statement.held.connection }
    let result = try statement.execute(key, onLong: { [start] in start.make() })
    self.result = result
    guard result.schema == lookup.schema else { throw DuckDBError.columnsChanged }
    guard let batch = try result.next(maxRows: maxRows, allocator: allocator) else { return nil }
    if batch.rowCount < maxRows {
      second = try result.next(maxRows: maxRows, allocator: allocator)
      if second == nil { release() }
    }
    return batch
  }

  func interrupt() { running.withLock { $0?.interrupt() } }

  func noteFailure(_ error: EngineError) {
    guard case .statement(let error) = error else { return }
    instance.noteFailure(error, generation: lookup.generation)
  }

  func release() {
    // From here on an interrupt would hit the next statement on the connection.
    running.withLock { $0 = nil }
    result?.close()
    result = nil
    second = nil
    key = nil
    if let open { instance.giveBack(open, of: lookup) }
    open = nil
  }
}
