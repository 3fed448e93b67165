internal import Columnar
internal import DuckDB
internal import Log
internal import Synchronization

/// A stream as a table of DuckDB: the rows that were visible when the scan began.
///
/// Its columns are those of the stream that DuckDB can hold, then `_offset` and `_ingest_time`.
final class StreamTable: BoundedTable {
  private let stream: Stream
  private let version: StreamDefinition.Version
  /// The columns of the version that DuckDB can hold.
  private let visible: [Int]
  let schema: Schema

  static let offsetColumn = "_offset"
  static let ingestTimeColumn = "_ingest_time"

  static let hiddenFields = [
    Field(offsetColumn, .int64, isNullable: false),
    Field(ingestTimeColumn, .timestamp(.microsecond, timeZone: "UTC"), isNullable: false),
  ]

  private let cache: BlockCache

  init(_ stream: Stream, _ version: StreamDefinition.Version, _ cache: BlockCache) {
    self.cache = cache
    self.stream = stream
    self.version = version
    visible = Self.visible(version)
    schema = Self.schema(version)
  }

  private static func visible(_ version: StreamDefinition.Version) -> [Int] {
    version.columns.indices.filter { LiveTables.holds(version.columns[$0].field) }
  }

  static func schema(_ version: StreamDefinition.Version) -> Schema {
    Schema(visible(version).map { version.columns[$0].field } + hiddenFields)
  }

  var rowCount: Int? {
    let state = stream.topic.state
    return Int(state.head.rawValue - state.start.rawValue)
  }

  func scan(columns: [Int]) throws -> any BatchSource {
    let state = stream.topic.state
    return try scan(columns, of: state.start..<state.head)
  }

  func scan(columns: [Int], in execution: LiveExecution) throws -> any BatchSource {
    try scan(columns, of: stream.range(seenBy: execution))
  }

  func scan(
    columns: [Int], in execution: LiveExecution?, within bounds: LiveBounds
  ) throws -> any BatchSource {
    let state = stream.topic.state
    let range = execution.map { stream.range(seenBy: $0) } ?? state.start..<state.head
    let low = max(range.lowerBound, bounds["offset_from"].map { Offset($0) } ?? range.lowerBound)
    let end = bounds["offset_to"].map { Offset($0).advanced(by: 1) } ?? range.upperBound
    let high = max(low, min(range.upperBound, end))
    return try scan(
      columns, of: min(low, range.upperBound)..<min(high, range.upperBound),
      ScanFilter(
        ingestMicroseconds: Self.times(bounds, "ingest"),
        eventMicroseconds: Self.times(bounds, "event")))
  }

  private static func times(_ bounds: LiveBounds, _ name: String) -> ClosedRange<Int64>? {
    let (low, high) = (bounds[name + "_from"], bounds[name + "_to"])
    guard low != nil || high != nil else { return nil }
    return (low ?? .min)...max(low ?? .min, high ?? .max)
  }

  private func scan(
    _ columns: [Int], of range: Range<Offset>, _ given: ScanFilter = ScanFilter()
  ) throws -> any BatchSource {
    var filter = given
    filter.preferredUnitRowCount = 1
    filter.namesPlaces = true
    filter.columns = Set(
      columns.filter { $0 < visible.count }.map { version.columns[visible[$0]].id })
    let units = range.isEmpty ? [] : try stream.topic.units(in: range, filter)
    return StreamScan(
      StreamReader(
        stream, version, visible: visible, hidden: Self.hiddenFields, range: range,
        columns: Set(columns), cache: cache), units: units)
  }
}

/// One scan of a stream. Several threads may take units at a time.
final class StreamScan: BatchSource {
  private let reader: StreamReader
  private let units: [ScanUnit]
  private let state = Mutex(State())

  private struct State {
    var unit = 0
    /// Batches of a unit that have been read and not yet taken.
    var ready: [Batch] = []
  }

  init(_ reader: StreamReader, units: [ScanUnit]) {
    self.reader = reader
    self.units = units
  }

  /// What is scanned with one thread comes in order; more than this is worth several.
  private static let parallelByteCount = 8 << 20

  var maxThreads: Int {
    let byteCount = units.reduce(0) { $0 + $1.byteCount }
    return byteCount < Self.parallelByteCount ? 1 : min(units.count, 8)
  }

  func next() throws -> Batch? {
    while true {
      let (batch, unit) = state.withLock { state -> (Batch?, ScanUnit?) in
        if let batch = state.ready.popLast() { return (batch, nil) }
        guard state.unit < units.count else { return (nil, nil) }
        defer { state.unit += 1 }
        return (nil, units[state.unit])
      }
      if let batch { return batch }
      guard let unit else { return nil }
      var batches = try reader.block(unit, isLast: unit == units.last)
      guard !batches.isEmpty else { continue }
      let first = batches.removeFirst()
      if !batches.isEmpty {
        state.withLock { $0.ready += batches.reversed() }
      }
      return first
    }
  }
}

/// Reads units of a stream as batches of one version of its columns.
final class StreamReader: Sendable {
  private let stream: Stream
  private let version: StreamDefinition.Version
  private let visible: [Int]
  private let hidden: [Field]
  private let schema: Schema
  private let range: Range<Offset>
  private let columns: Set<Int>
  private let cache: BlockCache?
  private let decoders = Mutex<[ObjectIdentifier: (context: LogContext, decoder: IPCDecoder)]>([:])

  /// - Parameters:
  ///   - visible: Which columns of the version are wanted, in that order.
  ///   - hidden: `_offset` and `_ingest_time`, or nothing.
  ///   - columns: Which columns of the result are read at all.
  init(
    _ stream: Stream, _ version: StreamDefinition.Version, visible: [Int], hidden: [Field],
    range: Range<Offset>, columns: Set<Int>, cache: BlockCache? = nil
  ) {
    self.cache = cache
    self.stream = stream
    self.version = version
    self.visible = visible
    self.hidden = hidden
    schema = Schema(visible.map { version.columns[$0].field } + hidden)
    self.range = range
    self.columns = columns
  }

  /// All columns of a stream as they were stored, and no hidden ones.
  convenience init(whole stream: Stream, range: Range<Offset>) {
    let version = stream.definition.current
    self.init(
      stream, version, visible: Array(version.columns.indices), hidden: [], range: range,
      columns: Set(version.columns.indices))
  }

  /// Units with fewer rows a record than this are worth keeping in one piece.
  private static let maxSmallRowCount = 256
  /// The log puts no more small records into a unit than these bytes.
  private static let maxBlockByteCount = 64 << 10

  /// The rows of a unit of small records in one batch, decoded once for all scans.
  ///
  /// - Parameter isLast: Whether rows may still be added to the unit.
  func block(_ unit: ScanUnit, isLast: Bool) throws -> [Batch] {
    if unit.isCold { return try batches(of: unit) }
    if isLast, unit.byteCount <= Self.maxBlockByteCount, let rows = try growingBlock(unit) {
      return rows
    }
    let isWhole =
      range.contains(unit.offsets.lowerBound) && unit.offsets.upperBound <= range.upperBound
    guard let cache, !isLast, isWhole, unit.byteCount <= Self.maxBlockByteCount else {
      return try batches(of: unit)
    }
    let key = BlockCache.Key(
      topic: stream.topicID, file: unit.file, position: unit.position, byteCount: unit.byteCount,
      version: version.id)
    if let known = cache.batch(key) { return [known] }
    let all = StreamReader(
      stream, version, visible: visible, hidden: hidden, range: unit.offsets,
      columns: Set(schema.fields.indices))
    let batches = try all.batches(of: unit)
    let rowCount = batches.reduce(0) { $0 + $1.rowCount }
    guard batches.count > 1, rowCount / batches.count <= Self.maxSmallRowCount else {
      return batches
    }
    let joined = try Batch.concatenate(batches)
    cache.keep(joined, as: key)
    return [joined]
  }

  /// The rows of the newest block: those that an earlier scan has put together, and what came since.
  ///
  /// - Returns: Nil if it is simpler to read the unit.
  private func growingBlock(_ unit: ScanUnit) throws -> [Batch]? {
    guard let cache, !unit.wasPrepared, range.lowerBound <= unit.offsets.lowerBound else {
      return nil
    }
    let end = min(unit.offsets.upperBound, range.upperBound)
    let wanted = Int(end.rawValue - unit.offsets.lowerBound.rawValue)
    let key = BlockCache.Key(
      topic: stream.topicID, file: unit.file, position: unit.position, byteCount: 0,
      version: version.id)
    let known = cache.batch(key)
    if let known, known.rowCount >= wanted { return [known.slice(from: 0, count: wanted)] }
    let start = unit.offsets.lowerBound.advanced(by: known?.rowCount ?? 0)
    let newer = StreamReader(
      stream, version, visible: visible, hidden: hidden, range: start..<end,
      columns: Set(schema.fields.indices))
    var batches = known.map { [$0] } ?? []
    for unit in try stream.topic.units(in: start..<end, ScanFilter()) {
      batches += try newer.batches(of: unit)
    }
    guard !batches.isEmpty, batches.reduce(0, { $0 + $1.rowCount }) == wanted else { return nil }
    let joined = try Batch.concatenate(batches)
    cache.keep(joined, as: key)
    return [joined]
  }

  func batches(of unit: ScanUnit) throws -> [Batch] {
    var batches: [Batch] = []
    for case .batch(let stored) in try stream.topic.read(unit) {
      if let batch = try batch(stored) { batches.append(batch) }
    }
    return batches
  }

  /// The rows of a record that are in the range, with the hidden columns.
  func batch(_ stored: StoredBatch) throws -> Batch? {
    let low = max(stored.firstOffset, range.lowerBound)
    let high = min(stored.endOffset, range.upperBound)
    guard low < high else { return nil }
    var rows = try conformed(try decoded(stored), from: stored.context.schemaID)
    let count = Int(high.rawValue - low.rawValue)
    if count < rows.rowCount {
      rows = rows.slice(from: Int(low.rawValue - stored.firstOffset.rawValue), count: count)
    }
    var all = visible.map { rows.columns[$0] }
    if let time = hidden.last?.type {
      let first = visible.count
      all.append(
        columns.contains(first)
          ? .int64Sequence(from: low.rawValue, count: count) : .placeholder(.int64, count))
      all.append(
        columns.contains(first + 1)
          ? stored.ingestTimes(from: low, count: count, as: time) : .placeholder(time, count))
    }
    return Batch(schema: schema, columns: all, rowCount: count)
  }

  private func decoded(_ stored: StoredBatch) throws -> Batch {
    if let batch = stored.batch { return batch }
    let key = ObjectIdentifier(stored.context)
    var decoder: IPCDecoder
    if let known = decoders.withLock({ $0[key] }) {
      decoder = known.decoder
    } else {
      decoder = IPCDecoder()
      _ = try decoder.decode(stored.context.schema)
      for dictionary in stored.context.dictionaries { _ = try decoder.decode(dictionary) }
      let made = decoder
      decoders.withLock { $0[key] = (stored.context, made) }
    }
    guard case .batch(let batch) = try decoder.decode(stored.message) else {
      throw LogError.damaged("a record of the stream is no batch")
    }
    return batch
  }

  /// Columns of an older version as columns of this one: by id, so that names may have changed.
  private func conformed(_ batch: Batch, from id: UInt32) throws -> Batch {
    guard id != version.id else { return batch }
    let old = stream.definition.version(id)?.columns ?? []
    let columns = try version.columns.map { column throws -> Column in
      guard let index = old.firstIndex(where: { $0.id == column.id }), index < batch.columns.count
      else { return .placeholder(column.field.type, batch.rowCount) }
      let stored = batch.columns[index]
      if stored.type == column.field.type { return stored }
      guard let widened = stored.widened(to: column.field.type) else {
        throw DatabaseError(
          .internal,
          "column '\(column.field.name)' was stored as another type, which cannot be read as "
            + column.sqlType)
      }
      return widened
    }
    return Batch(schema: version.schema, columns: columns, rowCount: batch.rowCount)
  }
}
