internal import ADBC
internal import Columnar
internal import Engine

/// What SHOW ENGINES and SHOW CACHE answer.
enum BackendListing {
  /// One row per engine: where statements run.
  static func engines(_ database: StreamingDatabase) async -> Batch {
    var rows: [[String: Value]] = [
      [
        "name": .text(database.catalogName), "kind": .text("duckdb"),
        "version": .text("DuckDB \(database.duckDBVersion)"), "state": .text("ready"),
        "connection": .text(database.options.path ?? ":memory:"),
        "is_default": .flag(database.backend == nil),
      ]
    ]
    let backends = database.engines.all
    let found = await withTaskGroup(of: (Int, [String: Value]).self) { group in
      for (index, backend) in backends.enumerated() {
        group.addTask { (index, await row(of: backend)) }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for (index, backend) in backends.enumerated() {
      var row = found[index] ?? [:]
      row["is_default"] = .flag(backend === database.backend)
      rows.insert(row, at: index)
    }
    return batch(
      rows,
      [
        ("name", .utf8), ("kind", .utf8), ("is_default", .bool), ("state", .utf8),
        ("version", .utf8), ("connection", .utf8), ("error", .utf8), ("pool_max", .int64),
        ("connections", .int64), ("idle", .int64), ("in_use", .int64), ("waiting", .int64),
        ("made", .int64), ("failed", .int64), ("write", .utf8), ("outbox_rows", .int64),
        ("outbox_bytes", .int64), ("lag_ms", .int64), ("rejected", .int64),
      ])
  }

  private static func row(of backend: Backend) async -> [String: Value] {
    let version = try? await backend.reach()
    let figures = backend.engine.figures
    let isLost = version == nil || (figures.lastError != nil && figures.open == 0)
    let state =
      isLost
      ? "unreachable" : figures.breaker == .closed ? "ready" : "breaker \(figures.breaker.rawValue)"
    let outbox = backend.openOutbox
    let backlog = outbox?.backlog
    return [
      "write": .text(backend.options.writeMode.rawValue),
      "outbox_rows": .number(backlog?.rowCount ?? 0),
      "outbox_bytes": .number(backlog?.byteCount ?? 0),
      "lag_ms": .number(backlog.map { Int($0.lag.milliseconds) } ?? 0),
      "rejected": .number(outbox?.figures.rejected ?? 0),
      "name": .text(backend.engine.name), "kind": .text("adbc"),
      "state": .text(state), "version": .text(version),
      "connection": .text(backend.engine.displayText),
      "error": .text(figures.lastError?.description),
      "pool_max": .number(figures.maxCount), "connections": .number(figures.open),
      "idle": .number(figures.idle), "in_use": .number(figures.inUse),
      "waiting": .number(figures.waiting), "made": .number(figures.made),
      "failed": .number(figures.failed),
    ]
  }

  /// One row per table of which a copy is kept, and one per result that is, those used last first.
  static func cache(_ database: StreamingDatabase) -> Batch {
    let entries = database.cache?.listing ?? []
    let rows =
      database.engines.all.flatMap { $0.tables.map(tables) ?? [] }
      + entries.map { entry in
        [
          "kind": .text("result"), "statement": .text(entry.sql), "hits": .number(entry.hitCount),
          "rows": .number(entry.rowCount), "bytes": .number(entry.byteCount),
          "age_ms": .real(entry.age.milliseconds), "idle_ms": .real(entry.idle.milliseconds),
          "cost_ms": .real(entry.cost.milliseconds),
          "state": .text(entry.isStale ? "stale" : "fresh"),
        ]
      }
    return batch(
      rows,
      [
        ("kind", .utf8), ("statement", .utf8), ("hits", .int64), ("rows", .int64),
        ("bytes", .int64), ("age_ms", .float64), ("idle_ms", .float64), ("cost_ms", .float64),
        ("state", .utf8), ("version", .int64), ("error", .utf8),
      ])
  }

  private static func tables(_ tables: CachedTables) -> [[String: Value]] {
    let now = ContinuousClock.now
    return tables.all.map { table in
      let listing = table.listing { tables.isServed($0, of: table) }
      let condition = table.definition.condition.map { " WHERE \($0)" } ?? ""
      var row: [String: Value] = [
        "kind": .text("table"), "statement": .text(table.definition.display + condition),
        "hits": .number(listing.hitCount), "state": .text(listing.condition.rawValue),
        "version": .number(listing.loadCount), "error": .text(listing.error),
      ]
      if let copy = listing.copy {
        row["rows"] = .number(copy.rowCount)
        row["bytes"] = .number(copy.byteCount)
        row["age_ms"] = .real((now - copy.began).milliseconds)
        row["cost_ms"] = .real(copy.cost.milliseconds)
      }
      if let lastUse = listing.lastUse { row["idle_ms"] = .real((now - lastUse).milliseconds) }
      return row
    }
  }

  private enum Value: Sendable {
    case text(String?)
    case number(Int)
    case real(Double)
    case flag(Bool)
  }

  private static func batch(
    _ rows: [[String: Value]], _ columns: [(String, DataType)]
  ) -> Batch {
    Batch(
      columns: columns.map { name, type in
        let values = rows.map { $0[name] }
        switch type {
        case .bool:
          return (name, .bools(values.map { if case .flag(let flag) = $0 { flag } else { nil } }))
        case .int64:
          return (
            name,
            .int64s(values.map { if case .number(let number) = $0 { Int64(number) } else { nil } })
          )
        case .float64:
          return (
            name, .doubles(values.map { if case .real(let number) = $0 { number } else { nil } })
          )
        default:
          return (
            name, .strings(values.map { if case .text(let text) = $0 { text } else { nil } })
          )
        }
      }, rowCount: rows.count)
  }
}

extension Batch {
  fileprivate init(columns: [(String, Column)], rowCount: Int) {
    self.init(
      schema: Schema(columns.map { Field($0.0, $0.1.type, isNullable: true) }),
      columns: columns.map(\.1), rowCount: rowCount)
  }
}

extension Duration {
  var milliseconds: Double {
    let parts = components
    return Double(parts.seconds) * 1e3 + Double(parts.attoseconds) / 1e15
  }
}
