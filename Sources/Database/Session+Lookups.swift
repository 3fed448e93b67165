internal import Synchronization

internal import Columnar
internal import Engine
internal import SQL

extension Session {
  /// Answers a query for the row of one key from a look-up that is planned already.
  ///
  /// What it returns is known before the key is looked up, so this does not wait for the rows.
  ///
  /// - Returns: `nil` if the statement has to go the ordinary way.
  func lookUp(
    _ query: PointQuery, _ sql: String, _ parameters: Batch?, _ context: StatementContext
  ) async throws(DatabaseError) -> OpenQuery? {
    guard (query.value == .parameter) == (parameters != nil), context.transaction == nil,
      let settings = settingsForLookups(),
      let lookup = engine.instance.lookup(query.template, settings)
    else { return nil }
    let key =
      switch query.value {
      case .integer(let value): lookup.key(value)
      case .text(let text): lookup.key(text)
      case .parameter: parameters.flatMap { lookup.key(bound: $0) }
      }
    guard let key else { return nil }
    let pump: ResultPump
    do {
      pump = try await engine.start(lookup, key: key)
    } catch {
      throw DatabaseError(error)
    }
    database.log.started(sql, pump, session: id)
    let open = OpenQuery(
      sql: sql, pump: pump, isUpdate: false, transaction: nil, parameters: parameters)
    try keep(open)
    return open
  }

  /// With a connection of its own a session may see other tables than others do.
  private func settingsForLookups() -> SessionSettings? {
    state.withLock { state in
      guard state.home == nil, state.sqlTransaction == nil else { return nil }
      state.lastUse = .now
      return state.settings
    }
  }

  /// A query for one key has gone the ordinary way. If there are more like it, it is found out on a
  /// worker whether they can be answered by a look-up.
  func remember(_ query: PointQuery) {
    guard let settings = settingsForLookups(),
      engine.instance.noteForLookup(query.template, settings)
    else { return }
    let plan = DuckDBInstance.LookupPlan(
      plain: query.template + "NULL", table: query.table, column: query.column,
      columns: query.columns
    ) { keys, alias, key in query.joined(with: keys, as: alias, key: key) }
    engine.makeLookup(plan, template: query.template, settings)
  }

  /// Waits for the queries of this session that were answered before they began: they must not see what
  /// the statement changes that is about to run.
  func untilQueriesHaveBegun() async {
    let waiting = state.withLock { state in
      state.results.values.filter { !$0.pump.hasBegun }
    }
    for query in waiting { await query.pump.untilBegun() }
  }
}
