internal import ADBC
internal import Columnar
internal import Engine
internal import Log

/// Changes as records of the log: a batch of one row that says what the change is, and behind it the batches of its rows as they
/// are. See `docs/formats/outbox.md`.
enum OutboxFormat {
  static let schema = Schema([
    Field("kind", .utf8), Field("text", .utf8), Field("catalog", .utf8), Field("db_schema", .utf8),
    Field("table", .utf8), Field("mode", .utf8), Field("columns", .binary),
    Field("row_count", .int64), Field("producer", .utf8), Field("sequence", .int64),
    Field("names", .utf8),
  ])

  /// Larger batches are cut, so that whoever pushes need not hold them whole.
  static let maxRecordRowCount = 65_536

  static func head(of change: OutboxChange) -> Batch {
    var (kind, text, target): (String, String?, IngestTarget?) = ("load", nil, nil)
    switch change.action {
    case .statement(let sql, let hasParameters):
      (kind, text) = (hasParameters ? "statement with parameters" : "statement", sql)
    case .load(let table): target = table
    }
    let names: String? =
      switch change.reach {
      case .everything: nil
      case .nothing: ""
      case .names(let names): names.sorted().joined(separator: "\n")
      }
    return Batch(
      schema: schema,
      columns: [
        .strings([kind]), .strings([text]), .strings([target?.catalog]),
        .strings([target?.schema]), .strings([target?.table]), .strings([target?.mode.rawValue]),
        .binaries([IPCStream.schemaBytes(change.schema)]), .int64s([Int64(change.rowCount)]),
        .strings([change.key?.producer]), .int64s([change.key?.sequence]), .strings([names]),
      ], rowCount: 1)
  }

  /// - Returns: The change without its rows, and how many there are; nil if the row is no such thing.
  static func change(_ head: Batch) -> (OutboxChange, rowCount: Int)? {
    guard head.rowCount == 1, head.columns.count >= schema.fields.count else { return nil }
    func text(_ column: Int) -> String? { head.columns[column].string(at: 0) }
    guard let rowCount = text(7).flatMap({ Int($0) }), rowCount >= 0,
      let columns = try? IPCStream.schema(
        fromEncapsulated: unsafe Array(head.columns[6].bytes(at: 0).unsafeBytes))
    else { return nil }
    let action: OutboxChange.Action
    switch text(0) {
    case "statement": action = .statement(text(1) ?? "", hasParameters: false)
    case "statement with parameters": action = .statement(text(1) ?? "", hasParameters: true)
    case "load":
      guard let table = text(4), let mode = text(5).flatMap(IngestTarget.Mode.init(rawValue:))
      else { return nil }
      action = .load(IngestTarget(table: table, schema: text(3), catalog: text(2), mode: mode))
    default: return nil
    }
    var change = OutboxChange(action: action, schema: columns, reach: .everything)
    if let names = text(10) {
      let names = Set(names.split(separator: "\n").map(String.init))
      change.reach = names.isEmpty ? .nothing : .names(names)
    }
    if let producer = text(8), let sequence = text(9).flatMap({ Int64($0) }) {
      change.key = AppliedLoads.Key(producer: producer, sequence: sequence)
    }
    return (change, rowCount)
  }

  /// What a record counts against the limit of an outbox.
  static func byteCount(of message: IPCMessage) -> Int {
    message.header.count + message.bodyByteCount + 64
  }
}

/// Makes the records of changes. Schemas that come again are in the log once per file.
struct OutboxWriter {
  private static let maxContextCount = 64

  private var contexts: [Schema: LogContext] = [:]

  mutating func records(
    of change: OutboxChange
  ) throws(DatabaseError) -> (records: [LogRecord], byteCount: Int) {
    var result: (records: [LogRecord], byteCount: Int) = ([], 0)
    do throws(IPCError) {
      try add(OutboxFormat.head(of: change), schemaID: 1, to: &result)
      for batch in change.rows {
        var start = 0
        while start < batch.rowCount {
          let count = min(OutboxFormat.maxRecordRowCount, batch.rowCount - start)
          let part = count == batch.rowCount ? batch : batch.slice(from: start, count: count)
          try add(part, schemaID: 2, to: &result)
          start += count
        }
      }
    } catch {
      throw DatabaseError(.invalidArgument, "the rows cannot be kept in the outbox: \(error)")
    }
    return result
  }

  private mutating func add(
    _ batch: Batch, schemaID: UInt32, to result: inout (records: [LogRecord], byteCount: Int)
  ) throws(IPCError) {
    var encoder = IPCEncoder(schema: batch.schema)
    var messages = try encoder.encode(batch)
    guard let message = messages.popLast() else { return }
    let context: LogContext
    if messages.isEmpty, let known = contexts[batch.schema] {
      context = known
    } else {
      context = LogContext(
        schemaID: schemaID, schema: encoder.schemaMessage, dictionaries: messages)
      if messages.isEmpty {
        if contexts.count >= Self.maxContextCount { contexts = [:] }
        contexts[batch.schema] = context
      }
    }
    result.byteCount += OutboxFormat.byteCount(of: message)
    result.records.append(
      .batch(
        BatchRecord(context: context, message: message, rowCount: batch.rowCount, batch: batch)))
  }
}

/// Puts changes together from the records of an outbox, in their order.
struct OutboxReader {
  private var open:
    (change: OutboxChange, rowCount: Int, first: Offset, byteCount: Int, time: Int64)?

  /// - Returns: A change, when its last record was taken.
  mutating func take(_ stored: StoredBatch) throws(DatabaseError) -> StoredChange? {
    let batch: Batch
    do { batch = try stored.decoded() } catch {
      throw Self.damaged(stored.firstOffset, "\(error)")
    }
    let byteCount = OutboxFormat.byteCount(of: stored.message)
    if var current = open {
      current.change.rows.append(batch)
      current.byteCount += byteCount
      current.rowCount -= batch.rowCount
      open = current
    } else {
      guard let (change, rowCount) = OutboxFormat.change(batch) else {
        throw Self.damaged(stored.firstOffset, "it does not say what it is")
      }
      open = (change, rowCount, stored.firstOffset, byteCount, stored.ingestMicroseconds)
    }
    guard let current = open, current.rowCount <= 0 else { return nil }
    open = nil
    return StoredChange(
      change: current.change, offsets: current.first..<stored.endOffset,
      byteCount: current.byteCount, acknowledgedMicroseconds: current.time)
  }

  private static func damaged(_ offset: Offset, _ why: String) -> DatabaseError {
    DatabaseError(
      .internal, "the change at \(offset.rawValue) of the outbox cannot be read: \(why)")
  }
}
