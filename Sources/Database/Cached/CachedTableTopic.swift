internal import Columnar
internal import Log

/// The definitions of cached tables as rows of the catalog's topic.
enum CachedTableTopic {
  private static let made = "cached table"
  private static let ended = "uncached table"
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

  /// Reads what the catalog knows.
  static func stored(_ log: any LogStore) throws(DatabaseError) -> [CachedTableDefinition] {
    guard let topic = log.topic(.catalog) else { return [] }
    var definitions: [CachedTableDefinition] = []
    do {
      let range = topic.state.start..<topic.state.head
      for unit in try topic.units(in: range, ScanFilter()) {
        for case .batch(let stored) in try topic.read(unit) {
          apply(try stored.decoded(), to: &definitions)
        }
      }
    } catch {
      throw DatabaseError(.internal, "the cached tables cannot be read: \(error)")
    }
    return definitions
  }

  private static func apply(_ batch: Batch, to definitions: inout [CachedTableDefinition]) {
    guard batch.schema.fields.map(\.name) == schema.fields.map(\.name) else { return }
    for row in 0..<batch.rowCount {
      func text(_ column: Int) -> String? { batch.columns[column].string(at: row) }
      guard let kind = text(0), kind == made || kind == ended, let engine = text(1),
        let name = text(3), let written = text(4)
      else { continue }
      func time(_ column: Int) -> Duration? {
        text(column).flatMap { Int64($0) }.map { .microseconds($0) }
      }
      let definition = CachedTableDefinition(
        engine: engine, schema: text(2), name: name, written: written, condition: text(5),
        refresh: time(6), changeColumn: text(7), poll: time(8) ?? .seconds(1))
      definitions.removeAll { $0.engine == engine && $0.display == definition.display }
      if kind == made { definitions.append(definition) }
    }
  }
}

extension Duration {
  fileprivate var microseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
