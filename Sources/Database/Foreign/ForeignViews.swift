internal import Columnar
internal import Engine
internal import SQL
internal import Synchronization

/// Which views of ours read tables of engines: what such a view shows has to be as new as what a statement shows that names the tables.
final class ForeignViews: Sendable {
  private struct Known {
    var catalogVersion: Int
    /// The engines behind each view, by the view's name in lower case. Views of one name in two schemas count together.
    var engines: [String: Set<String>]
  }

  private let known = Mutex<Known?>(nil)

  /// The engines that views with one of these names read, also through other views.
  func engines(
    behind names: [String], in session: Session
  ) async throws(DatabaseError) -> [Backend] {
    let (database, version) = (session.database, session.engine.instance.currentCatalogVersion)
    var views = known.withLock { $0 }
    if views?.catalogVersion != version {
      let found = try await read(session)
      let fresh = Known(catalogVersion: version, engines: found)
      known.withLock { $0 = fresh }
      views = fresh
    }
    let engines = names.reduce(into: Set<String>()) {
      $0.formUnion(views?.engines[$1.lowercased()] ?? [])
    }
    return engines.sorted().compactMap { database.engines.find($0) }
  }

  private func read(_ session: Session) async throws(DatabaseError) -> [String: Set<String>] {
    let database = session.database
    let batches = try await session.internalQuery(
      "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal AND database_name = "
        + stringLiteral(database.catalogName), StatementContext(connectionID: 0))
    var engines: [String: Set<String>] = [:]
    var readers: [String: Set<String>] = [:]
    for batch in batches {
      for row in 0..<batch.rowCount {
        guard let name = batch.columns[0].string(at: row)?.lowercased(),
          let sql = batch.columns[1].string(at: row),
          let statement = try? StatementText.single(sql)
        else { continue }
        for reference in statement.relationReferences {
          if let (engine, _) = database.planner.foreignName(reference.name) {
            engines[name, default: []].insert(engine.name)
          } else {
            readers[reference.name.name.lowercased(), default: []].insert(name)
          }
        }
      }
    }
    // What a view reads, its readers read.
    var open = Array(engines.keys)
    while let view = open.popLast() {
      for reader in readers[view] ?? [] where reader != view {
        let known = engines[reader] ?? []
        let all = known.union(engines[view] ?? [])
        guard all != known else { continue }
        engines[reader] = all
        open.append(reader)
      }
    }
    return engines
  }
}

extension Session {
  /// The engines whose tables a statement reads, by their names or through views of ours.
  ///
  /// - Returns: Those behind views only if anybody has to know: while changes wait for an engine, or a transaction has changed one.
  func enginesRead(
    by plan: StatementPlan, in transaction: Transaction?
  ) async throws(DatabaseError) -> [Backend] {
    let mayMatter =
      transaction?.hasBackendWork == true
      || database.engines.all.contains { $0.openOutbox?.outstanding(nil).barrier != nil }
    guard mayMatter, let statement = try? StatementText.single(plan.sql) else {
      return plan.foreignEngines
    }
    let names = statement.relationReferences.map(\.name.name)
    let behind =
      names.isEmpty ? [] : try await database.foreignViews.engines(behind: names, in: self)
    return plan.foreignEngines
      + behind.filter { engine in !plan.foreignEngines.contains { $0 === engine } }
  }
}
