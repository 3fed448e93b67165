public import Columnar
public import DuckDB
public import Log
internal import SQL
internal import Synchronization

/// The streams of a log as they are on disk, for programs that look at a data folder without a server.
///
/// Nothing is changed: the log may be one that was opened for reading only.
public struct StoredStreams: Sendable {
  /// In the order of their names.
  public let all: [StoredStream]
  /// What finds the columns of rows that are outside of the log.
  private let catalog: StreamCatalog

  /// - Parameter cold: How rows are read that are outside of the log; without it they are not.
  public init(_ log: any LogStore, cold: ColdReading? = nil) throws(DatabaseError) {
    let catalog = StreamCatalog(log)
    self.catalog = catalog
    if let cold { cold.rows.setColdStore(cold.files(catalog)) }
    try catalog.fold()
    all = catalog.all.map { stream in
      StoredStream(stream, cold: cold?.rows.coldFiles(of: stream.topicID) ?? [])
    }
  }

  /// Finds a stream as SQL does: without regard to case, in the schema `main` unless another is named.
  public func stream(named name: String) -> StoredStream? {
    let wanted = name.lowercased()
    return all.first { $0.name.lowercased() == wanted || "main.\($0.name)".lowercased() == wanted }
  }
}

/// One stream of a log.
public struct StoredStream: Sendable {
  private let stream: Stream
  /// The files that hold the rows before those in the log, in order.
  public let coldFiles: [ColdFile]

  init(_ stream: Stream, cold: [ColdFile]) {
    self.stream = stream
    coldFiles = cold
  }

  /// As a person would write it, with the schema if that is not `main`.
  public var name: String {
    let definition = stream.definition
    return definition.schemaName == "main"
      ? definition.name : "\(definition.schemaName).\(definition.name)"
  }

  public var topic: TopicID { stream.topicID }
  public var state: TopicState { stream.topic.state }
  /// The columns as they are now. Rows that were stored earlier are read as these.
  public var schema: Schema { stream.definition.schema }

  /// Where the rows lie that are in the log, in order. Costs memory per unit, not per row.
  public var hotUnits: [ScanUnit] {
    get throws(LogError) { try units(in: state.hotStart..<state.head) }
  }

  /// Where the rows lie, in order. Costs memory per unit, not per row.
  public func units(in offsets: Range<Offset>) throws(LogError) -> [ScanUnit] {
    try stream.topic.units(in: offsets, ScanFilter())
  }

  /// The rows of `offsets` in order, unit by unit. What is outside of it is cut off.
  public func rows(in offsets: Range<Offset>) throws(LogError) -> StoredRows {
    let version = stream.definition.current
    return StoredRows(
      StreamReader(whole: stream, range: offsets), schema: version.schema,
      units: try units(in: offsets), begin: offsets.lowerBound)
  }

  /// The same rows as a table of DuckDB.
  ///
  /// - Throws: If DuckDB has no such type as that of one of the columns; the message names it.
  public func table(of offsets: Range<Offset>) throws(DatabaseError) -> any LiveTable {
    for field in schema.fields where !LiveTables.holds(field) {
      throw DatabaseError(
        .invalidArgument,
        "column '\(field.name)' of stream '\(name)' has a type that DuckDB does not hold, "
          + "and Parquet is written by DuckDB; export it as Arrow instead")
    }
    return StoredTable(stream: self, offsets: offsets)
  }
}

/// Reads the rows of a stream in order.
public final class StoredRows: BatchSource {
  private struct Place {
    var unit = 0
    /// Batches of a unit that have been read and not yet taken, the next one last.
    var ready: [Batch] = []
    var offset: Offset
  }

  public let schema: Schema
  private let reader: StreamReader
  private let units: [ScanUnit]
  private let place: Mutex<Place>

  init(_ reader: StreamReader, schema: Schema, units: [ScanUnit], begin: Offset) {
    self.reader = reader
    self.schema = schema
    self.units = units
    place = Mutex(Place(offset: begin))
  }

  public var maxThreads: Int { 1 }

  /// The offset behind the last row that was taken.
  public var offset: Offset { place.withLock { $0.offset } }

  /// The next rows, or nil at the end. Blocks on the disk.
  public func next() throws -> Batch? {
    try place.withLock { place in
      while place.ready.isEmpty, place.unit < units.count {
        place.ready = try reader.batches(of: units[place.unit]).reversed()
        place.unit += 1
      }
      guard let batch = place.ready.popLast() else { return nil }
      place.offset = place.offset.advanced(by: batch.rowCount)
      return batch
    }
  }
}

private struct StoredTable: LiveTable {
  let stream: StoredStream
  let offsets: Range<Offset>

  var schema: Schema { stream.schema }

  var rowCount: Int? { Int(offsets.upperBound.rawValue - offsets.lowerBound.rawValue) }

  func scan(columns: [Int]) throws -> any BatchSource { try stream.rows(in: offsets) }
}
