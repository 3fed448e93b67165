internal import ADBC
internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL
internal import Synchronization

/// Reads a table of the database behind into one of DuckDB's.
struct TableLoad: Sendable {
  struct Loaded: Sendable {
    var relation: String
    var table: CopiedTable
    var schema: Schema
    var stamp: CacheVersions.Stamp
    var mark: String?
    var began: ContinuousClock.Instant
    var rowCount: Int
    var byteCount: Int
    var generation: Int
  }

  let definition: CachedTableDefinition
  let dialect: Dialect
  /// The name of the table in DuckDB, quoted, with its catalog.
  let relation: String
  let stamp: CacheVersions.Stamp
  let began: ContinuousClock.Instant
  /// What the rows may take.
  let maxByteCount: Int
  let instance: DuckDBInstance

  /// Blocks. What goes wrong in DuckDB, or in what was asked for, is in the result.
  func run(on connection: ADBCConnection) throws(ADBCError) -> Result<Loaded, DatabaseError> {
    guard let place = try TablePlace.find(definition, dialect, connection) else {
      return .failure(.noTable(definition.display))
    }
    let mark = try definition.changeColumn.map { (column) throws(ADBCError) in
      try Self.mark(column, definition.written, dialect, connection)
    }
    let filter = definition.condition.map { " WHERE \($0)" } ?? ""
    let result = try connection.query("SELECT * FROM \(definition.written)\(filter)")
    defer { result.close() }
    let source = LoadSource(result, maxByteCount: maxByteCount)
    do throws(DatabaseError) {
      var table = self.table(place, result.schema)
      if let condition = definition.condition {
        do throws(SQLError) {
          table.slice = try StatementText.slice(
            condition, of: table, dialect.coverage ?? .duckdb)
        } catch {
          throw DatabaseError(error)
        }
      }
      let generation = instance.generation
      table.columns = try fill(source, table.columns)
      return .success(
        Loaded(
          relation: relation, table: table, schema: result.schema, stamp: stamp, mark: mark,
          began: began, rowCount: source.figures.rows, byteCount: source.figures.bytes,
          generation: generation))
    } catch {
      if let failure = source.failure { throw failure }
      return .failure(source.isTooLarge ? tooLarge : error)
    }
  }

  private var tooLarge: DatabaseError {
    DatabaseError(
      .resourceExhausted,
      "the table \(definition.display) does not fit into the cache: there is room for "
        + "\(maxByteCount >> 20) MiB (cache_max_bytes); keep a part of it with CACHE TABLE … WHERE …"
    )
  }

  /// Makes the table in DuckDB.
  ///
  /// - Returns: The columns, with what DuckDB makes of them.
  private func fill(
    _ source: LoadSource, _ columns: [CopiedColumn]
  ) throws(DatabaseError) -> [CopiedColumn] {
    let held = columns.filter(\.isHeld)
    guard !held.isEmpty else {
      throw DatabaseError(
        .invalidArgument, "the table \(definition.display) has no column that DuckDB can hold")
    }
    do throws(EngineError) {
      let connection = try instance.connect(SessionSettings())
      do throws(DuckDBError) {
        let id = try instance.liveTables.add(LoadTable(source, source.schema(of: held)))
        defer { instance.liveTables.remove(id) }
        let names = held.map { quotedName($0.name) }.joined(separator: ", ")
        try connection.connection.execute(
          "CREATE TABLE \(relation) AS SELECT \(names) FROM \(DuckDBInstance.liveRelation(id))")
        let made = try connection.connection.prepare("FROM \(relation)").resultSchema
        let bounds =
          definition.condition == nil ? try self.bounds(held, connection.connection) : [:]
        instance.giveBack(connection)
        return columns.map { column in
          var column = column
          column.isExact =
            column.isHeld && Self.isPlain(source.schema, column.name)
            && made.fields.first { $0.name == column.name }?.type
              == source.schema.fields.first { $0.name == column.name }?.type
          if !column.isExact { column.type = nil }
          column.bounds = bounds[column.name]
          return column
        }
      } catch {
        instance.noteFailure(error, generation: connection.generation)
        throw .statement(error)
      }
    } catch {
      throw DatabaseError(error)
    }
  }

  /// The smallest and largest whole numbers of columns.
  private func bounds(
    _ columns: [CopiedColumn], _ connection: Connection
  ) throws(DuckDBError) -> [String: ClosedRange<Int64>] {
    let whole = columns.filter { [.int16, .int32, .int64].contains($0.type) }
    guard !whole.isEmpty else { return [:] }
    let list = whole.map { "min(\(quotedName($0.name))), max(\(quotedName($0.name)))" }
    let result = try connection.prepare(
      "SELECT \(list.joined(separator: ", ")) FROM \(relation)"
    ).execute()
    defer { result.close() }
    guard let row = try result.next(maxRows: 1, allocator: HeapAllocator()) else { return [:] }
    var bounds: [String: ClosedRange<Int64>] = [:]
    for (place, column) in whole.enumerated() {
      let numbers = row.columns[(2 * place)...(2 * place + 1)].map {
        $0.string(at: 0).flatMap { Int64($0) } ?? 0
      }
      bounds[column.name] = numbers[0]...max(numbers[0], numbers[1])
    }
    return bounds
  }

  /// Types that go through DuckDB without a change, whatever their name.
  private static func isPlain(_ schema: Schema, _ name: String) -> Bool {
    switch schema.fields.first(where: { $0.name == name })?.type {
    case .bool, .int16, .int32, .int64, .float32, .float64, .utf8, .binary, .date32,
      .time64(.microsecond), .timestamp(.microsecond, nil), .timestamp(.microsecond, "UTC"):
      true
    default: false
    }
  }

  // MARK: - What the table is

  private func table(_ place: TablePlace, _ schema: Schema) -> CopiedTable {
    CopiedTable(
      schema: place.schema, name: place.name, isOnPath: place.isOnPath, relation: relation,
      columns: schema.fields.map { field in
        var column = CopiedColumn(
          name: field.name, type: dialect.agreedType(field), isExact: true)
        column.isHeld = LiveTables.holds(field)
        if place.uncompared.contains(field.name) { column.type = nil }
        return column
      })
  }

  /// The largest value of a column and the number of rows, as a text that changes when one of them does.
  static func mark(
    _ column: String, _ table: String, _ dialect: Dialect, _ connection: ADBCConnection
  ) throws(ADBCError) -> String {
    let batch = try connection.query(
      "SELECT max(\(dialect.quote(column))) AS latest, count(*) AS n FROM \(table)"
    ).firstBatch()
    return batch?.columns.map { $0.string(at: 0) ?? "NULL" }.joined(separator: " ") ?? ""
  }
}

extension DatabaseError {
  static func noTable(_ name: String) -> DatabaseError {
    DatabaseError(.notFound, "the engine has no table \(name)")
  }
}

/// The rows of a result on their way into DuckDB, one batch at a time.
private final class LoadSource: BatchSource {
  private struct State {
    var rows = 0
    var bytes = 0
    var failure: ADBCError?
    var isTooLarge = false
  }

  let schema: Schema
  private let result: ADBCResult
  private let maxByteCount: Int
  private let state = Mutex(State())

  init(_ result: ADBCResult, maxByteCount: Int) {
    self.result = result
    self.maxByteCount = maxByteCount
    schema = result.schema
  }

  var maxThreads: Int { 1 }
  var figures: (rows: Int, bytes: Int) { state.withLock { ($0.rows, $0.bytes) } }
  var failure: ADBCError? { state.withLock { $0.failure } }
  var isTooLarge: Bool { state.withLock { $0.isTooLarge } }

  func schema(of columns: [CopiedColumn]) -> Schema {
    let names = Set(columns.map(\.name))
    return Schema(schema.fields.filter { names.contains($0.name) })
  }

  func next() throws -> Batch? {
    let batch: Batch?
    do throws(ADBCError) {
      batch = try result.next()
    } catch {
      state.withLock { $0.failure = error }
      throw error
    }
    guard let batch else { return nil }
    let isTooLarge = state.withLock { state in
      state.rows += batch.rowCount
      state.bytes += batch.byteCount
      state.isTooLarge = state.bytes > maxByteCount
      return state.isTooLarge
    }
    if isTooLarge { throw TooLarge() }
    return batch
  }

  private struct TooLarge: Error {}
}

/// A result as a table that is read once.
private struct LoadTable: LiveTable {
  let schema: Schema
  private let source: LoadSource
  private let columns: [Int]

  init(_ source: LoadSource, _ schema: Schema) {
    self.source = source
    self.schema = schema
    let names = Set(schema.fields.map(\.name))
    columns = source.schema.fields.indices.filter {
      names.contains(source.schema.fields[$0].name)
    }
  }

  var rowCount: Int? { nil }

  func scan(columns _: [Int]) -> any BatchSource { Selected(source, schema, columns) }

  private struct Selected: BatchSource {
    let source: LoadSource
    let schema: Schema
    let columns: [Int]

    init(_ source: LoadSource, _ schema: Schema, _ columns: [Int]) {
      self.source = source
      self.schema = schema
      self.columns = columns
    }

    var maxThreads: Int { 1 }

    func next() throws -> Batch? {
      guard let batch = try source.next() else { return nil }
      guard columns.count < batch.columns.count else { return batch }
      return Batch(
        schema: schema, columns: columns.map { batch.columns[$0] }, rowCount: batch.rowCount)
    }
  }
}
