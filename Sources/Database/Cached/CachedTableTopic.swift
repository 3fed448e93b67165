internal import Columnar
internal import Log
internal import SQL

/// The definitions of cached tables as rows of the catalog's topic.
enum CachedTableTopic {
  private static let made = "cached table"
  private static let ended = "uncached table"
  private static let madeQuery = "cached query"
  private static let endedQuery = "uncached query"
  private static let schema = Schema([
    Field("kind", .utf8), Field("engine", .utf8), Field("schema", .utf8), Field("table", .utf8),
    Field("written", .utf8), Field("condition", .utf8), Field("refresh_us", .int64),
    Field("change_column", .utf8), Field("poll_us", .int64), Field("cached_table_version", .int64),
  ])

  /// - Parameter isKept: Whether copies of the table are made from now on, or not any more.
  static func batch(_ definition: CachedTableDefinition, isKept: Bool) -> Batch {
    Batch(
      schema: schema,
      columns: [
        .strings([isKept ? made : ended]), .strings([definition.engine]),
        .strings([definition.schema]), .strings([definition.name]),
        .strings([definition.written]), .strings([definition.condition]),
        .int64s([definition.refresh?.microseconds]), .strings([definition.changeColumn]),
        .int64s([definition.poll.microseconds]), .int64s([1]),
      ], rowCount: 1)
  }

  /// The same for `CACHE SELECT`: the statement stands where the name is.
  static func batch(_ definition: PinnedQueries.Definition, isKept: Bool) -> Batch {
    Batch(
      schema: schema,
      columns: [
        .strings([isKept ? madeQuery : endedQuery]), .strings([definition.engine]),
        .strings([nil]), .strings([definition.canonical]), .strings([definition.sql]),
        .strings([nil]), .int64s([definition.refresh?.microseconds]), .strings([nil]),
        .int64s([nil]), .int64s([1]),
      ], rowCount: 1)
  }

  /// What the catalog knows.
  struct Stored {
    var tables: [CachedTableDefinition] = []
    var queries: [PinnedQueries.Definition] = []
  }

  /// Reads what the catalog knows.
  static func stored(_ log: any LogStore) throws(DatabaseError) -> Stored {
    var definitions = Stored()
    try log.readCatalog(for: "the cached tables") { apply($0, to: &definitions) }
    return definitions
  }

  private static func apply(_ batch: Batch, to definitions: inout Stored) {
    guard batch.schema.fields.map(\.name) == schema.fields.map(\.name) else { return }
    for row in 0..<batch.rowCount {
      func text(_ column: Int) -> String? { batch.columns[column].string(at: row) }
      guard let kind = text(0), let engine = text(1), let name = text(3), let written = text(4)
      else { continue }
      func time(_ column: Int) -> Duration? {
        text(column).flatMap { Int64($0) }.map { .microseconds($0) }
      }
      if kind == madeQuery || kind == endedQuery {
        definitions.queries.removeAll { $0.engine == engine && $0.canonical == name }
        guard kind == madeQuery, let statement = try? StatementText.single(written) else {
          continue
        }
        definitions.queries.append(
          PinnedQueries.Definition(
            engine: engine, sql: written, canonical: name, names: statement.traits.names,
            refresh: time(6)))
        continue
      }
      guard kind == made || kind == ended else { continue }
      let definition = CachedTableDefinition(
        engine: engine, schema: text(2), name: name, written: written, condition: text(5),
        refresh: time(6), changeColumn: text(7), poll: time(8) ?? .seconds(1))
      definitions.tables.removeAll { $0.engine == engine && $0.display == definition.display }
      if kind == made { definitions.tables.append(definition) }
    }
  }
}

extension Duration {
  fileprivate var microseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
