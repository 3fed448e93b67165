internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL
internal import Synchronization

/// One bulk load: makes or checks the table, then inserts everything in one statement, so that all
/// rows are there or none.
final class Load: Sendable {
  let request: IngestRequest
  private let schema: Schema
  private let queue: IngestQueue
  private let catalog: String
  private let liveTables: LiveTables
  /// What is wrong with the request, in our own words and with its own code.
  private let refused = Mutex<DatabaseError?>(nil)

  init(
    _ request: IngestRequest, schema: Schema, queue: IngestQueue, catalog: String,
    liveTables: LiveTables
  ) {
    self.request = request
    self.schema = schema
    self.queue = queue
    self.catalog = catalog
    self.liveTables = liveTables
  }

  /// Whether it may make a table.
  var definesCatalog: Bool { request.ifMissing == .create || request.ifExists == .replace }

  /// Wakes the statement if it waits for its client, which no interrupt does.
  func stop(_ reason: StopReason) { queue.fail("the load was stopped") }

  /// The error to answer with when `run` has thrown `error`.
  func failure(_ error: EngineError) -> DatabaseError {
    if let refusal = refused.withLock({ $0 }) { return refusal }
    if case .statement = error, let sentence = queue.failureSentence {
      return DatabaseError(.cancelled, sentence)
    }
    return DatabaseError(error)
  }

  /// Loads on this connection. Blocks until the client has sent everything.
  ///
  /// - Parameters:
  ///   - known: The columns of the table, if a load may use what another one has found out.
  ///   - held: Where the statement of a small load may be kept for the next one.
  func run(
    on connection: Connection, columns known: TableColumns.Entry? = nil,
    keeping held: HeldConnection? = nil
  ) throws(DuckDBError) -> Int {
    defer { queue.close() }
    if schema.fields.isEmpty {
      throw refuse(.invalidArgument, "the rows to load into \(request.table) have no columns")
    }
    let id = try liveTables.add(IngestTable(queue, schema: schema))
    defer { liveTables.remove(id) }
    let source = DuckDBInstance.liveRelation(id)
    let existing = try existingColumns(connection, known)
    // Before the rows are waited for: a client that pauses is told at once.
    try check(existing)
    let isOrderable = isOrderable(on: connection)
    guard isOrderable, queue.isLarge() else {
      if isOrderable, let held, let existing, request.ifExists == .append {
        return try insertSmall(into: existing, on: held)
      }
      return try load(into: existing, from: source, on: connection)
    }
    return try connection.inTransaction { () throws(DuckDBError) in
      let view = "__hyprstream_load_\(id)"
      return try connection.withOrderedView(named: view, of: queue, schema: schema) {
        () throws(DuckDBError) in
        try load(into: existing, from: view, on: connection)
      }
    }
  }

  /// Whether DuckDB can take the rows on several threads: by a view, which stands where the table is.
  private func isOrderable(on connection: Connection) -> Bool {
    !request.isTemporary && [nil, catalog].contains(request.catalog)
      && connection.setting("search_path")?.isEmpty != false && OrderedView.holds(schema)
  }

  /// - Parameter source: What stands after FROM; it has the columns of `schema` in their order.
  private func load(
    into existing: [Field]?, from source: String, on connection: Connection
  ) throws(DuckDBError) -> Int {
    guard let existing, request.ifExists != .replace else {
      return try create(replacing: existing != nil, from: source, on: connection)
    }
    let columns = try matchedColumns(existing)
    return try insert(into: request.relation, columns, from: source, on: connection)
  }

  /// Whether the table is as the client expects it.
  private func check(_ existing: [Field]?) throws(DuckDBError) {
    guard let existing else {
      guard request.ifMissing != .create else { return }
      throw refuse(
        .notFound, "there is no table \(request.relation) to append to; ask for it to be created")
    }
    switch request.ifExists {
    case .fail: throw refuse(.alreadyExists, "the table \(request.relation) already exists")
    case .replace: break
    case .append: _ = try matchedColumns(existing)
    }
  }

  private func create(
    replacing: Bool, from source: String, on connection: Connection
  ) throws(DuckDBError) -> Int {
    let verb = replacing ? "CREATE OR REPLACE " : "CREATE "
    let what =
      request.isTemporary
      ? "TEMPORARY TABLE " + quotedName(request.table) : "TABLE " + request.relation
    return try connection.changedRowCount(of: verb + what + " AS FROM " + source)
      ?? queue.rowCount
  }

  private func insert(
    into target: String, _ columns: [(name: String, expression: String)], from source: String,
    on connection: Connection
  ) throws(DuckDBError) -> Int {
    let head = insertStatement(into: target, columns)
    return try connection.changedRowCount(of: head + source) ?? queue.rowCount
  }

  /// What is to be said before the relation that holds the rows.
  private func insertStatement(
    into target: String, _ columns: [(name: String, expression: String)]
  ) -> String {
    let names = columns.map { quotedName($0.name) }.joined(separator: ", ")
    let values = columns.map(\.expression).joined(separator: ", ")
    return "INSERT INTO \(target) (\(names)) SELECT \(values) FROM "
  }

  /// With the statement of the load before, if that was one like this.
  private func insertSmall(
    into existing: [Field], on held: HeldConnection
  ) throws(DuckDBError) -> Int {
    let head = insertStatement(into: request.relation, try matchedColumns(existing))
    return try held.insert(from: IngestTable(queue, schema: schema), liveTables) { head + $0 }
      ?? queue.rowCount
  }

  /// The columns of the table, or `nil` if there is none.
  private func existingColumns(
    _ connection: Connection, _ known: TableColumns.Entry?
  ) throws(DuckDBError) -> [Field]? {
    // Where the table may be replaced or made, it is looked at every time.
    let known = definesCatalog ? nil : known
    if let columns = known?.columns { return columns }
    do {
      let columns = try connection.prepare("FROM \(request.relation)").resultSchema.fields
      known?.keep(columns)
      return columns
    } catch  where error.kind == .catalog || error.kind == .binder {
      return nil
    }
  }

  /// The columns of the rows as columns of the table.
  private func matchedColumns(
    _ existing: [Field]
  ) throws(DuckDBError) -> [(name: String, expression: String)] {
    var names: [String: String] = [:]
    for field in existing { names[field.name.lowercased()] = field.name }
    var matched: [(name: String, expression: String)] = []
    for field in schema.fields {
      guard let name = names.removeValue(forKey: field.name.lowercased()) else {
        let known = existing.map(\.name).joined(separator: ", ")
        let isTwice = existing.contains { $0.name.lowercased() == field.name.lowercased() }
        throw refuse(
          .invalidArgument,
          isTwice
            ? "the rows have two columns called '\(field.name)'"
            : "the table \(request.relation) has no column '\(field.name)'; it has \(known)")
      }
      matched.append((name, quotedName(field.name)))
    }
    return matched
  }

  private func refuse(_ code: DatabaseError.Code, _ message: String) -> DuckDBError {
    refused.withLock { $0 = DatabaseError(code, message) }
    return DuckDBError(kind: .invalidInput, message: message)
  }
}

extension Connection {
  /// Runs `body` in the open transaction, or in one of its own: all of it is done or nothing.
  func inTransaction<Value>(
    _ body: () throws(DuckDBError) -> Value
  ) throws(DuckDBError) -> Value {
    if isInTransaction { return try body() }
    try execute("BEGIN TRANSACTION")
    do throws(DuckDBError) {
      let value = try body()
      try execute("COMMIT")
      return value
    } catch {
      if isInTransaction { try? execute("ROLLBACK") }
      throw error
    }
  }

  /// Runs one statement to its end.
  ///
  /// - Returns: How many rows it changed, if it says so.
  func changedRowCount(of sql: String) throws(DuckDBError) -> Int? {
    let result = try prepare(sql).execute()
    while try result.next(maxRows: 65_536, allocator: HeapAllocator()) != nil {}
    return result.rowsChanged
  }
}
