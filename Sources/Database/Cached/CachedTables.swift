internal import ADBC
internal import Engine
internal import SQL
internal import Synchronization

/// The tables of one database behind of which copies are kept in DuckDB.
///
/// A copy carries the version of the table's name from before it was read, as results do. Any change that goes through here
/// advances it, so the copy is not served from then on, and read again soon after.
final class CachedTables: Sendable {
  /// The catalog in memory that holds the copies.
  static let catalog = "__hyprstream_cache"

  private struct State {
    var tables: [CachedTable] = []
    var isClosed = false
  }

  let adbc: ADBCEngine
  private let engine: DuckDBEngine
  private let room: CopyRoom
  private var cache: ResultCache { room.cache }
  private let state = Mutex(State())

  init(_ adbc: ADBCEngine, _ room: CopyRoom, in engine: DuckDBEngine) {
    self.adbc = adbc
    self.room = room
    self.engine = engine
  }

  var all: [CachedTable] { state.withLock { $0.tables } }

  func find(schema: String?, name: String) -> CachedTable? {
    all.first { table in
      table.definition.name.lowercased() == name.lowercased()
        && (schema == nil || table.definition.schema?.lowercased() == schema?.lowercased())
    }
  }

  /// Keeps a copy of a table from now on, in the place of one that was kept before.
  func add(_ table: CachedTable) {
    let old = state.withLock { state in
      let old = state.tables.filter { $0.definition.display == table.definition.display }
      state.tables.removeAll { $0.definition.display == table.definition.display }
      state.tables.append(table)
      return old
    }
    for table in old { table.drop() }
    reserve()
  }

  func remove(_ table: CachedTable) {
    state.withLock { state in state.tables.removeAll { $0 === table } }
    table.drop()
    reserve()
  }

  /// Lets go of all copies; none is made any more.
  func close() {
    let tables = state.withLock { state in
      state.isClosed = true
      defer { state.tables = [] }
      return state.tables
    }
    for table in tables { table.drop() }
    reserve()
  }

  // MARK: - Loading

  /// Reads a table now.
  ///
  /// - Throws: When it cannot be read, or does not fit.
  func load(_ table: CachedTable) async throws(DatabaseError) {
    guard table.beginLoading() else { return }
    do throws(DatabaseError) {
      table.endLoading(.success(try await copied(table)))
    } catch {
      table.endLoading(.failure(error))
      throw error
    }
    reserve()
  }

  private func copied(_ table: CachedTable) async throws(DatabaseError) -> TableCopy {
    let relation = "\(Self.catalog).main.t\(room.nextNumber())"
    let others =
      room.byteCount(butOf: adbc.name)
      + all.filter { $0 !== table && $0.definition.display != table.definition.display }
      .reduce(0) { $0 + ($1.copy?.byteCount ?? 0) }
    // Before anything is read: what changes from here on makes the copy stale.
    let (stamp, began) = (cache.stamp(of: table.names), ContinuousClock.now)
    do {
      let load = TableLoad(
        definition: table.definition, dialect: try await adbc.known().dialect, relation: relation,
        stamp: stamp, began: began, maxByteCount: max(0, cache.limits.maxByteCount - others),
        instance: engine.instance)
      let loaded = try await adbc.load(BackendCall()) { (connection) throws(ADBCError) in
        try load.run(on: connection)
      }
      return TableCopy(try loaded.get(), cost: .now - began, in: engine)
    } catch {
      await TableCopy.drop(relation, engine)
      throw DatabaseError(any: error)
    }
  }

  /// Tells the results how much room the copies leave them.
  private func reserve() {
    room.setByteCount(all.reduce(0) { $0 + ($1.copy?.byteCount ?? 0) }, of: adbc.name)
  }

  /// Starts what is due. Called several times a second.
  func sweep() {
    guard !state.withLock({ $0.isClosed }) else { return }
    let now = ContinuousClock.now
    for table in all {
      let isCurrent = table.copy.map { self.isCurrent($0, table) } ?? false
      if table.isDue(at: now, isCurrent: isCurrent, maxAge: cache.limits.maxAge) {
        Task { try? await self.load(table) }
      } else if table.beginPoll(at: now) {
        Task { await self.poll(table) }
      }
    }
  }

  /// Looks at the change column of a table.
  private func poll(_ table: CachedTable) async {
    defer { table.endPoll() }
    guard let column = table.definition.changeColumn, let copy = table.copy else { return }
    let written = table.definition.written
    guard let dialect = try? await adbc.known().dialect,
      let mark = try? await adbc.run(
        BackendCall(),
        { (connection) throws(ADBCError) in
          try TableLoad.mark(column, written, dialect, connection)
        }),
      mark != copy.mark, table.copy === copy
    else { return }
    cache.advance(.names(table.names))
  }

  // MARK: - Serving

  private func isCurrent(_ copy: TableCopy, _ table: CachedTable) -> Bool {
    copy.generation == engine.instance.generation && cache.isCurrent(copy.stamp, of: table.names)
  }

  /// Whether a copy may be served: nothing has changed since it was made, and it is not too old.
  func isServed(
    _ copy: TableCopy, of table: CachedTable, maxAge: Duration? = nil
  ) -> Bool {
    let age = ContinuousClock.now - copy.began
    let limits = [cache.limits.maxAge, maxAge ?? .zero].filter { $0 > .zero }
    return !limits.contains { age >= $0 } && isCurrent(copy, table)
  }

  /// The copies that may be served and whose name is among these.
  func servedCopies(
    named names: Set<String>, maxAge: Duration?
  ) -> [(table: CachedTable, copy: TableCopy)] {
    all.compactMap { table in
      guard names.contains(table.definition.name.lowercased()), let copy = table.copy,
        isServed(copy, of: table, maxAge: maxAge)
      else { return nil }
      return (table, copy)
    }
  }

  func copy(
    schema: String?, table name: String, where comparisons: [ColumnComparison]
  ) -> CoveringCopy? {
    for (table, copy) in servedCopies(named: [name.lowercased()], maxAge: nil)
    where copy.table.name.lowercased() == name.lowercased() {
      if let schema {
        guard copy.table.schema?.lowercased() == schema.lowercased() else { continue }
      } else {
        guard copy.table.isOnPath else { continue }
      }
      guard copy.table.columns.allSatisfy(\.isHeld),
        copy.table.holdsRows(in: StatementText.ranges(of: comparisons, in: copy.table))
      else { continue }
      table.noteHit()
      return CoveringCopy(
        relation: copy.relation, table: table.definition.display, schema: copy.schema,
        age: .now - copy.began, holder: copy)
    }
    return nil
  }
}
