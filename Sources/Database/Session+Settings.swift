internal import Synchronization

internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL

extension Session {
  /// What became of one option of a request.
  public enum OptionError: Sendable {
    case unknownName
    case invalidValue
    case failed(String)
  }

  /// Sets an option of the session: one of the server's, or any setting of DuckDB that is open to
  /// sessions. `nil` sets it back.
  public func setOption(
    _ name: String, to value: SessionOption?, _ context: StatementContext
  ) async -> OptionError? {
    touch()
    let key = name.lowercased()
    do {
      switch key {
      case _ where Self.ownSettings.contains(key):
        guard try apply(own: key, value: value?.text) else { return .invalidValue }
      case "catalog":
        try await apply(setting: "schema", statement: value.map { useStatement($0.text) }, context)
      case "schema":
        try await apply(
          setting: "schema", statement: value.map { useSchemaStatement($0.text) }, context)
      default:
        guard key.utf8.allSatisfy({ $0 == 0x5F || ($0 >= 0x30 && $0 <= 0x7A) }) else {
          return .unknownName
        }
        let statement = value.map { "SET \(quotedIfNeeded(key)) = \($0.literal)" }
        try await apply(setting: key, statement: statement, context)
      }
    } catch {
      let isKnown = try? await isSetting(key, context)
      return isKnown == false ? .unknownName : .invalidValue
    }
    state.withLock { $0.options[key] = value.map { (name, $0) } }
    return nil
  }

  /// What was set, and where names without a schema are looked up.
  public func options() -> [String: SessionOption] {
    touch()
    let own = state.withLock { $0.options.values }
    return database.defaultSessionOptions
      .merging(own.map { ($0.name, $0.value) }) { _, own in own }
  }

  /// Whether DuckDB has a setting of that name.
  private func isSetting(_ name: String, _ context: StatementContext) async throws -> Bool {
    let sql = "SELECT 1 FROM duckdb_settings() WHERE lower(name) = \(stringLiteral(name))"
    return try await internalQuery(sql, context).contains { $0.rowCount > 0 }
  }

  private func useStatement(_ catalog: String) -> String { "USE \(quotedName(catalog))" }

  private func useSchemaStatement(_ schema: String) -> String {
    let catalog = state.withLock { $0.options["catalog"] }
    guard let catalog else { return "USE \(quotedName(schema))" }
    return "USE \(quotedName(catalog.value.text)).\(quotedName(schema))"
  }

  /// Changes a setting for all statements that follow, on whatever connection they run.
  ///
  /// The statement is tried on a fresh connection first, so that a wrong value changes nothing.
  func apply(
    setting name: String, statement: String?, _ context: StatementContext
  ) async throws(DatabaseError) {
    if Self.ownSettings.contains(name) {
      let value = statement.map { settingValue(of: $0) }
      guard try apply(own: name, value: value) else {
        throw DatabaseError(.invalidArgument, "\(name) cannot be set to \(value ?? "nothing")")
      }
      return
    }
    var changed = state.withLock { $0.settings }
    changed.reset(name)
    if let statement { changed.set(name, statement: statement) }
    let settings = changed
    let lanes = [
      state.withLock { $0.home }, try transaction(context.transaction)?.lane,
    ].compactMap { $0 }
    let place: MetricsRelation.Session
    do {
      place = try await engine.run(settings) { (connection) throws(DuckDBError) in
        try connection.place()
      }
      for lane in lanes {
        try await lane.run(settings) { (connection) throws(DuckDBError) in
          try connection.execute(statement ?? "RESET \(quotedIfNeeded(name))")
        }
      }
    } catch {
      throw DatabaseError(error)
    }
    state.withLock { state in
      state.settings = settings
      state.place = place
    }
  }

  /// What stands behind the `=` or `TO` of a SET statement, without quotes.
  private func settingValue(of statement: String) -> String {
    guard let text = try? SQLText(statement), let last = text.tokens.last else { return "" }
    return text.stringValue(of: last) ?? text.text(of: last)
  }

  /// What neither DuckDB nor a database behind knows.
  static let ownSettings: Set<String> = [
    "isolation", "statement_timeout", "write", "max_staleness",
  ]

  /// Those that `SET` changes also where statements go to a database behind: none has a setting of that name.
  static let settingsBeforeBackend: Set<String> = ["write", "max_staleness"]

  /// Sets an option that DuckDB does not know.
  private func apply(own name: String, value: String?) throws(DatabaseError) -> Bool {
    switch name {
    case "isolation":
      guard let isolation = Isolation(rawValue: value?.lowercased() ?? "statement") else {
        return false
      }
      state.withLock { $0.isolation = isolation }
      return true
    case "write":
      let mode = value.map { WriteMode(rawValue: $0.lowercased()) }
      if case .some(.none) = mode { return false }
      if mode == .some(.behind) { try database.checkKeepsChanges() }
      state.withLock { $0.writeMode = mode ?? nil }
      return true
    case "max_staleness":
      guard let staleness = Duration(settingText: value ?? "0") else { return false }
      state.withLock { $0.maxStaleness = staleness }
      return true
    default:
      guard let value else {
        state.withLock { $0.statementTimeout = nil }
        return true
      }
      guard let timeout = Duration(settingText: value) else { return false }
      state.withLock { $0.statementTimeout = timeout }
      return true
    }
  }
}

extension Duration {
  /// A length of time as people write it in a setting: `500ms`, `30s`, `5m`, or milliseconds.
  init?(settingText text: String) {
    let digits = text.prefix { $0.isNumber || $0 == "." }
    guard let number = Double(digits), number >= 0, number < 1e12 else { return nil }
    switch text.dropFirst(digits.count).drop(while: { $0 == " " }).lowercased() {
    case "", "ms": self = .milliseconds(number)
    case "s", "sec", "seconds": self = .seconds(number)
    case "m", "min", "minutes": self = .seconds(number * 60)
    case "h", "hours": self = .seconds(number * 3600)
    default: return nil
    }
  }
}

extension Connection {
  /// Where names without a schema are looked up.
  func place() throws(DuckDBError) -> MetricsRelation.Session {
    let result = try prepare("SELECT current_catalog(), current_schema()").execute()
    defer { result.close() }
    guard let row = try result.next(maxRows: 1, allocator: HeapAllocator()), row.rowCount == 1
    else { return MetricsRelation.Session(catalog: "", schema: "") }
    return MetricsRelation.Session(
      catalog: row.columns[0].string(at: 0) ?? "", schema: row.columns[1].string(at: 0) ?? "")
  }
}
