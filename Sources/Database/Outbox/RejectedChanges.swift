internal import ADBC
internal import Columnar
internal import Log

/// The stream `hyprstream_outbox_rejected`: changes that were acknowledged and that a database behind refused for good.
struct RejectedChanges {
  static let name = "hyprstream_outbox_rejected"
  /// A row of the stream holds at most so many rows of a change.
  private static let maxRowCount = 1_000

  private static let columns: [StreamDefinition.Column] = [
    .init(id: 1, field: Field("engine", .utf8), sqlType: "VARCHAR"),
    .init(
      id: 2, field: Field("rejected_at", .timestamp(.microsecond, timeZone: "UTC")),
      sqlType: "TIMESTAMP WITH TIME ZONE"),
    .init(
      id: 3, field: Field("acknowledged_at", .timestamp(.microsecond, timeZone: "UTC")),
      sqlType: "TIMESTAMP WITH TIME ZONE"),
    .init(id: 4, field: Field("producer", .utf8), sqlType: "VARCHAR"),
    .init(id: 5, field: Field("sequence", .int64), sqlType: "BIGINT"),
    .init(id: 6, field: Field("statement", .utf8), sqlType: "VARCHAR"),
    .init(id: 7, field: Field("table_name", .utf8), sqlType: "VARCHAR"),
    .init(id: 8, field: Field("rows", .utf8), sqlType: "VARCHAR"),
    .init(id: 9, field: Field("error", .utf8), sqlType: "VARCHAR"),
  ]

  private let session: Session

  init(_ database: StreamingDatabase) { session = Session(database) }

  private var stream: Stream? {
    session.database.streams.stream(StreamName(schema: "main", name: Self.name))
  }

  /// Makes the stream if it is not there.
  func open() async throws(DatabaseError) {
    guard stream == nil else { return }
    do throws(DatabaseError) {
      _ = try await session.make(
        StreamDefinition(
          topic: .catalog, schemaName: "main", name: Self.name,
          versions: [StreamDefinition.Version(id: 1, columns: Self.columns)]))
    } catch {
      // Two at once.
      guard error.code == .alreadyExists, stream != nil else { throw error }
    }
  }

  /// Stores a change with the reason, once.
  func add(
    _ stored: StoredChange, _ reason: DatabaseError, engine: String, outbox: String, at time: Int64
  ) async throws(DatabaseError) {
    try await open()
    guard let stream else { throw DatabaseError(.internal, "there is no \(Self.name)") }
    let change = stored.change
    let rows = Self.json(change)
    let count = rows.count
    func all(_ text: String?) -> Column { .strings(Array(repeating: text, count: count)) }
    func times(_ time: Int64) -> Column {
      .fixedWidth(
        .timestamp(.microsecond, timeZone: "UTC"), [Int64?](repeating: time, count: count))
    }
    var (statement, table): (String?, String?) = (nil, nil)
    switch change.action {
    case .statement(let sql, _): statement = sql
    case .load(let target):
      table = TableName(target.table, schema: target.schema, catalog: target.catalog).description
    }
    let batch = Batch(
      schema: Schema(Self.columns.map(\.field)),
      columns: [
        all(engine), times(time), times(stored.acknowledgedMicroseconds),
        all(change.key?.producer), .int64s(Array(repeating: change.key?.sequence, count: count)),
        all(statement), all(table), .strings(rows), all(reason.message),
      ], rowCount: count)
    // The same change may be refused twice, if the server ends in between.
    _ = try await session.append(
      [batch], to: stream,
      StreamMarks(producer: outbox, sequence: stored.offsets.lowerBound.rawValue))
  }

  /// The rows of a change as arrays of JSON objects; one nil without rows.
  private static func json(_ change: OutboxChange) -> [String?] {
    var texts: [String?] = []
    for batch in change.rows {
      let names = batch.schema.fields.map { Column.strings([$0.name]).json(at: 0) }
      for start in stride(from: 0, to: batch.rowCount, by: maxRowCount) {
        let rows = (start..<min(batch.rowCount, start + maxRowCount)).map { row in
          let values = zip(names, batch.columns).map { "\($0):\($1.json(at: row))" }
          return "{" + values.joined(separator: ",") + "}"
        }
        texts.append("[" + rows.joined(separator: ",") + "]")
      }
    }
    return texts.isEmpty ? [nil] : texts
  }
}
