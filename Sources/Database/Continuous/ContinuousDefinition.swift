internal import Columnar
internal import Log
internal import SQL

/// What a continuous query is: rows of one stream, computed, into another.
struct ContinuousDefinition: Sendable, Hashable {
  enum Kind: String, Sendable {
    /// `CREATE STREAM t AS SELECT …`.
    case createStream = "create stream"
    /// `INSERT INTO t SELECT … EMIT CHANGES`.
    case insert
  }

  /// Its topic holds how far the query has come. The number is never used again, so it names the query.
  var positions: TopicID
  var kind: Kind
  var source: TopicID
  /// The columns of the source that the query knows.
  var sourceVersion: UInt32
  /// What the query calls the source.
  var sourceName: String
  var sink: TopicID
  /// For each column that the query returns, the column of the sink; empty to go by name.
  var columns: [UInt32]
  /// The SELECT.
  var query: String
  /// The first row that it looks at.
  var start: Offset
  /// Microseconds since 1970.
  var createdMicroseconds: Int64
  var isPaused = false

  /// What people call it.
  var id: String { "c\(positions.rawValue)" }
}

/// The rows of the catalog's topic that are about continuous queries.
enum ContinuousRows {
  enum Change: String {
    case made = "query"
    case paused = "query paused"
    case resumed = "query resumed"
    case ended = "query ended"
  }

  private static let schema = Schema([
    Field("kind", .utf8), Field("topic", .int64), Field("made_by", .utf8), Field("source", .int64),
    Field("source_version", .int64), Field("source_name", .utf8), Field("sink", .int64),
    Field("columns", .utf8), Field("query", .utf8), Field("start", .int64),
    Field("created", .int64),
  ])

  static func batch(_ change: Change, _ definition: ContinuousDefinition) -> Batch {
    Batch(
      schema: schema,
      columns: [
        .strings([change.rawValue]), .int64s([Int64(definition.positions.rawValue)]),
        .strings([definition.kind.rawValue]), .int64s([Int64(definition.source.rawValue)]),
        .int64s([Int64(definition.sourceVersion)]), .strings([definition.sourceName]),
        .int64s([Int64(definition.sink.rawValue)]),
        .strings([definition.columns.map(String.init).joined(separator: ",")]),
        .strings([definition.query]), .int64s([definition.start.rawValue]),
        .int64s([definition.createdMicroseconds]),
      ], rowCount: 1)
  }

  /// - Parameters:
  ///   - definitions: Those that run or are paused.
  ///   - ended: The topics of those that do not any more.
  static func apply(
    _ batch: Batch, to definitions: inout [TopicID: ContinuousDefinition],
    ended: inout Set<TopicID>
  ) {
    guard batch.columns.count == schema.fields.count else { return }
    for row in 0..<batch.rowCount {
      func text(_ column: Int) -> String { batch.columns[column].string(at: row) ?? "" }
      guard let change = Change(rawValue: text(0)), let topic = UInt32(text(1)) else { continue }
      let id = TopicID(rawValue: topic)
      switch change {
      case .made: definitions[id] = definition(id, text)
      case .paused: definitions[id]?.isPaused = true
      case .resumed: definitions[id]?.isPaused = false
      case .ended:
        definitions[id] = nil
        ended.insert(id)
      }
    }
  }

  private static func definition(
    _ id: TopicID, _ text: (Int) -> String
  ) -> ContinuousDefinition? {
    guard let kind = ContinuousDefinition.Kind(rawValue: text(2)), let source = UInt32(text(3)),
      let version = UInt32(text(4)), let sink = UInt32(text(6)), let start = Int64(text(9))
    else { return nil }
    return ContinuousDefinition(
      positions: id, kind: kind, source: TopicID(rawValue: source), sourceVersion: version,
      sourceName: text(5), sink: TopicID(rawValue: sink),
      columns: text(7).split(separator: ",").compactMap { UInt32($0) }, query: text(8),
      start: Offset(start), createdMicroseconds: Int64(text(10)) ?? 0)
  }
}
