internal import Columnar
internal import Log

/// The topic that says how far a continuous query has come.
///
/// Its records are appended in one group with the rows that they are about: rows and place survive a
/// crash together or not at all. Only the last record counts; retention takes the others.
struct PositionTopic: Sendable {
  static let settings = TopicSettings(durability: .os, retentionByteCount: 64 << 10)

  private static let schema = Schema([Field("offset", .int64)])

  let id: TopicID
  /// One for all records, so that the log writes it once per file.
  private let context: LogContext

  init(_ id: TopicID) {
    self.id = id
    context = LogContext(schemaID: 1, schema: IPCEncoder(schema: Self.schema).schemaMessage)
  }

  /// What says that everything of the source below `offset` is dealt with.
  func write(_ offset: Offset) throws(DatabaseError) -> TopicWrite {
    let batch = Batch(schema: Self.schema, columns: [.int64s([offset.rawValue])], rowCount: 1)
    do {
      var encoder = IPCEncoder(schema: Self.schema)
      let records = try encoder.encode(batch).map { message in
        LogRecord.batch(
          BatchRecord(context: context, message: message, rowCount: 1, batch: batch))
      }
      return TopicWrite(id, records)
    } catch {
      throw DatabaseError(.internal, "a position cannot be written: \(error)")
    }
  }

  /// What the last record says; nil if there is none. Blocks on the disk.
  func last(_ log: any LogStore) throws(DatabaseError) -> Offset? {
    guard let topic = log.topic(id), topic.state.head > .zero else { return nil }
    let head = topic.state.head
    do {
      var last: Offset?
      for unit in try topic.units(in: head.advanced(by: -1)..<head, ScanFilter()) {
        for case .batch(let stored) in try topic.read(unit) where stored.endOffset == head {
          let text = try stored.decoded().columns.first?.string(at: stored.rowCount - 1)
          last = text.flatMap { Int64($0) }.map { Offset($0) }
        }
      }
      guard let last else { throw LogError.damaged("the position of a query is not there") }
      return last
    } catch {
      throw DatabaseError(.internal, "the position of a query cannot be read: \(error)")
    }
  }
}
