internal import Columnar
internal import DuckDB
internal import Log
internal import SQL
internal import Synchronization

/// A stream while the database is open.
final class Stream: Sendable {
  fileprivate struct State {
    var definition: StreamDefinition
    /// The encoder of the version that was encoded last, with the context of what it encoded.
    var encoder: IPCEncoder?
    var encodedVersion: UInt32 = 0
    var context: LogContext?
    var dictionaries: [Int64: IPCMessage] = [:]
    /// The number of the live table behind the stream's relation.
    var liveTable: Int64?
    var isDropped = false
    var hasHiddenRelation = false
    /// Which rows the last statement of each connection has seen.
    var seen: [UInt64: (execution: UInt64, range: Range<Offset>)] = [:]
  }

  /// Larger batches are cut, so that readers need not hold them whole.
  private static let maxRecordRowCount = 65_536

  let topic: any Topic
  let topicID: TopicID
  private let state: Mutex<State>

  init(_ definition: StreamDefinition, _ topic: any Topic) {
    self.topic = topic
    topicID = definition.topic
    state = Mutex(State(definition: definition))
  }

  var definition: StreamDefinition { state.withLock { $0.definition } }
  var isDropped: Bool { state.withLock { $0.isDropped } }
  func drop() { state.withLock { $0.isDropped = true } }

  var liveTable: Int64? {
    get { state.withLock { $0.liveTable } }
  }

  /// Whether there is a relation with the hidden columns too.
  var hasHiddenRelation: Bool { state.withLock { $0.hasHiddenRelation } }
  func setHasHiddenRelation(_ value: Bool) { state.withLock { $0.hasHiddenRelation = value } }

  func setLiveTable(_ id: Int64?) { state.withLock { $0.liveTable = id } }

  /// Takes over a changed definition.
  func redefine(_ definition: StreamDefinition) {
    state.withLock { state in
      state.definition = definition
      state.encoder = nil
      state.context = nil
      state.dictionaries = [:]
    }
  }

  /// The rows that one execution of a statement sees: those that were visible at its first scan.
  func range(seenBy execution: LiveExecution) -> Range<Offset> {
    let now = topic.state
    return state.withLock { state in
      if let seen = state.seen[execution.connection], seen.execution == execution.number {
        return seen.range
      }
      if state.seen.count > Self.maxSeenCount { state.seen = [:] }
      let range = now.start..<now.head
      state.seen[execution.connection] = (execution.number, range)
      return range
    }
  }

  /// More connections than are open at a time.
  private static let maxSeenCount = 4_096

  // MARK: Rows to records

  /// The records for a batch of the columns of any version, in order.
  ///
  /// Rows that were brought into the columns of one version are stored under it, also when the stream
  /// was altered meanwhile.
  func records(for batch: Batch) throws(DatabaseError) -> [LogRecord] {
    var records: [LogRecord] = []
    var start = 0
    repeat {
      let part =
        batch.rowCount <= Self.maxRecordRowCount
        ? batch : batch.slice(from: start, count: Self.maxRecordRowCount)
      let encoded = state.withLock { state in
        Result { () throws(IPCError) in try state.encode(part) }
      }
      do {
        records.append(.batch(try encoded.get()))
      } catch {
        throw DatabaseError(.invalidArgument, "the rows cannot be stored: \(error)")
      }
      start += part.rowCount
    } while start < batch.rowCount
    return records
  }
}

extension Stream.State {
  fileprivate mutating func encode(_ batch: Batch) throws(IPCError) -> BatchRecord {
    let version = definition.versions.last { $0.schema == batch.schema } ?? definition.current
    if encoder == nil || encodedVersion != version.id {
      encoder = IPCEncoder(schema: version.schema)
      encodedVersion = version.id
      context = nil
    }
    let whole = Batch(
      schema: version.schema, columns: batch.columns, rowCount: batch.rowCount,
      metadata: batch.metadata)
    guard var messages = try encoder?.encode(whole), let message = messages.popLast() else {
      throw .cannotEncode("there is no batch")
    }
    if context == nil || !messages.isEmpty {
      context = LogContext(
        schemaID: version.id, schema: IPCEncoder(schema: version.schema).schemaMessage,
        dictionaries: try dictionaryMessages(whole, changed: messages))
    }
    guard let context else { throw .cannotEncode("there is no schema") }
    return BatchRecord(
      context: context, message: message, rowCount: batch.rowCount,
      eventMicroseconds: eventTimes(whole, version), batch: whole)
  }

  /// All dictionaries that a batch needs: an encoder that has sent none yet makes all of them.
  private func dictionaryMessages(
    _ batch: Batch, changed: [IPCMessage]
  ) throws(IPCError) -> [IPCMessage] {
    if changed.isEmpty { return [] }
    var fresh = IPCEncoder(schema: batch.schema)
    return Array(try fresh.encode(batch).dropLast())
  }

  /// The smallest and the largest time of the column of event times, which may have another name in an
  /// older version.
  private func eventTimes(
    _ batch: Batch, _ version: StreamDefinition.Version
  ) -> ClosedRange<Int64>? {
    guard let column = definition.eventTimeColumn,
      let index = version.columns.firstIndex(where: { $0.id == column.id }),
      batch.columns.indices.contains(index)
    else { return nil }
    return batch.columns[index].microsecondBounds
  }
}

extension Column {
  /// The smallest and the largest time of a timestamp column, rounded outwards to microseconds.
  var microsecondBounds: ClosedRange<Int64>? {
    guard case .timestamp(let unit, _) = type, buffers.count == 2, count > nullCount else {
      return nil
    }
    var (low, high) = (Int64.max, Int64.min)
    let buffer = buffers[1]
    let values = buffer.values(as: Int64.self)
    for index in 0..<min(count, values.count) where nullCount == 0 || !isNull(at: index) {
      let value = values[index]
      if value < low { low = value }
      if value > high { high = value }
    }
    guard low <= high else { return nil }
    switch unit {
    case .second: return low.scaled(by: 1_000_000)...high.scaled(by: 1_000_000)
    case .millisecond: return low.scaled(by: 1_000)...high.scaled(by: 1_000)
    case .microsecond: return low...high
    case .nanosecond: return (low / 1_000 - 1)...(high / 1_000 + 1)
    }
  }
}

extension Int64 {
  /// The product, cut at the ends of the range.
  func scaled(by factor: Int64) -> Int64 {
    let (product, overflow) = multipliedReportingOverflow(by: factor)
    return overflow ? (self < 0 ? .min : .max) : product
  }
}
