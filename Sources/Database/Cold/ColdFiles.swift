internal import Columnar
internal import DuckDB
internal import Engine
internal import Log
internal import SQL
internal import Synchronization

/// Cold rows as Parquet files, which DuckDB's instance for the machine writes and reads.
final class ColdFiles: ColdStore {
  let places: ColdPlaces
  private let machine: @Sendable () throws(DuckDBError) -> DuckDBInstance
  private let stream: @Sendable (TopicID) -> Stream?

  /// - Parameters:
  ///   - machine: An instance that reaches files; asked for when there is something to do.
  ///   - stream: Finds the stream of a topic.
  init(
    _ places: ColdPlaces, machine: @escaping @Sendable () throws(DuckDBError) -> DuckDBInstance,
    stream: @escaping @Sendable (TopicID) -> Stream?
  ) {
    self.places = places
    self.machine = machine
    self.stream = stream
  }

  // MARK: Reading

  func read(
    _ offsets: Range<Offset>, of file: ColdFile, topic: TopicID, columns: Set<UInt32>?
  ) throws(LogError) -> [StoredBatch] {
    guard let stream = stream(topic) else { throw .noTopic(topic) }
    guard let version = stream.definition.version(file.schemaID) else {
      throw .damaged("\(file.location) has columns that the stream never had")
    }
    do {
      return try rows(offsets, of: version, columns, at: places.path(of: file.location))
    } catch {
      throw .damaged("the rows in \(file.location) cannot be read: \(error)")
    }
  }

  /// - Parameter wanted: The ids of the columns that are read; nil for all.
  private func rows(
    _ offsets: Range<Offset>, of version: StreamDefinition.Version, _ wanted: Set<UInt32>? = nil,
    at path: String
  ) throws -> [StoredBatch] {
    let isRead = version.columns.map { wanted?.contains($0.id) ?? true }
    let columns = try zip(version.columns, isRead).filter(\.1).map {
      column, _ throws(ColdFailure) in
      let field = column.field
      guard let type = ColdTypes.sqlType(field.type) else {
        throw ColdFailure("column '\(field.name)' has a type that Parquet cannot hold")
      }
      return "CAST(\(quotedName(field.name)) AS \(type))"
    }
    let hidden = StreamTable.hiddenFields.map { quotedName($0.name) }
    let sql = """
      SELECT \((columns + hidden).joined(separator: ", ")) FROM read_parquet(\(stringLiteral(path))) \
      WHERE \(hidden[0]) >= \(offsets.lowerBound.rawValue) \
      AND \(hidden[0]) < \(offsets.upperBound.rawValue)
      """
    let context = LogContext(
      schemaID: version.id, schema: IPCMessage(header: [], body: [], bodyByteCount: 0))
    var stored: [StoredBatch] = []
    var next = offsets.lowerBound
    try withConnection { connection in
      let result = try connection.prepare(sql).execute()
      defer { result.close() }
      while let batch = try result.next() {
        let rows = try Self.stored(batch, version.schema, isRead, context, at: next)
        next = rows.endOffset
        stored.append(rows)
      }
    }
    return stored
  }

  /// Rows of a file with the types of the stream, if they begin where they should and have no gaps.
  private static func stored(
    _ batch: Batch, _ schema: Schema, _ isRead: [Bool], _ context: LogContext, at first: Offset
  ) throws -> StoredBatch {
    let count = batch.columns.count - 2
    guard count >= 0 else { throw ColdFailure("there are no rows") }
    let (offsets, times) = (batch.columns[count], batch.columns[count + 1])
    guard offsets.hasSameValues(as: .int64Sequence(from: first.rawValue, count: batch.rowCount)),
      times.buffers.count == 2, times.nullCount == 0
    else { throw ColdFailure("the rows from offset \(first.rawValue) on are not in order") }
    var found = batch.columns.prefix(count)
    let columns = try zip(schema.fields, isRead).map { field, isRead throws(ColdFailure) in
      guard isRead else { return Column.placeholder(field.type, batch.rowCount) }
      guard let restored = found.popFirst()?.restored(as: field.type) else {
        throw ColdFailure("column '\(field.name)' has another type than the stream")
      }
      return restored
    }
    let buffer = times.buffers[1]
    let values = buffer.values(as: Int64.self)
    var rows = StoredBatch(
      firstOffset: first, rowCount: batch.rowCount, ingestMicroseconds: values[0],
      eventMicroseconds: nil, context: context,
      message: IPCMessage(header: [], body: [], bodyByteCount: 0),
      batch: Batch(schema: schema, columns: columns, rowCount: batch.rowCount))
    rows.ingestTimes = times
    return rows
  }

  private func withConnection(_ body: (Connection) throws -> Void) throws {
    let instance = try machine()
    let held = try instance.connect(SessionSettings())
    do {
      try body(held.connection)
    } catch {
      if let error = error as? DuckDBError {
        instance.noteFailure(error, generation: held.generation)
      }
      throw error
    }
    instance.giveBack(held)
  }

  // MARK: Writing

  /// Writes rows, and makes sure that they come back as they are.
  ///
  /// - Returns: A file that would survive a power cut and that nobody knows of yet.
  func write(
    _ candidate: ColdCandidate, of stream: Stream, in folder: String,
    step: (TieringStep) throws -> Void
  ) throws -> ColdFile {
    let version = stream.definition.current
    var file = ColdFile(
      offsets: candidate.offsets,
      location: folder + "/" + ColdPlaces.fileName(candidate.offsets), byteCount: 0,
      schemaID: version.id, ingestMicroseconds: candidate.ingestMicroseconds,
      eventMicroseconds: candidate.eventMicroseconds, hasUntimed: candidate.hasUntimed)
    let path = places.path(of: file.location)
    let isRemote = ColdPlaces.isRemote(path)
    let first = isRemote ? path : path + ColdPlaces.partSuffix
    do {
      if !isRemote { try LocalFiles.makeFolder(places.path(of: folder)) }
      let rows = ColdSource(stream, version, candidate)
      file.byteCount = try copy(rows, to: first)
      try step(.written)
      if !isRemote {
        try LocalFiles.sync(first)
        let (byteCount, checksum) = try LocalFiles.checksum(first)
        (file.byteCount, file.checksum) = (byteCount, checksum)
      }
      file.marks = try compare(rows, with: first)
      try step(.compared)
      if !isRemote {
        try LocalFiles.move(first, to: path)
        try LocalFiles.sync(places.path(of: folder))
      }
      try step(.named)
      return file
    } catch {
      if !(error is SimulatedCrash) { discard(first) }
      throw error
    }
  }

  /// - Returns: The size of the file in bytes.
  private func copy(_ rows: ColdSource, to path: String) throws -> Int {
    let tables = try machine().liveTables
    let id = try tables.add(rows)
    defer { tables.remove(id) }
    var byteCount = 0
    try withConnection { connection in
      let result = try connection.prepare(
        """
        COPY (SELECT * FROM \(DuckDBInstance.liveRelation(id))) TO \(stringLiteral(path)) \
        (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE \(rows.groupRowCount), RETURN_STATS)
        """
      ).execute()
      defer { result.close() }
      let size = result.schema.index(of: "file_size_bytes")
      while let batch = try result.next() {
        guard let size, batch.rowCount > 0 else { continue }
        byteCount += batch.columns[size].string(at: 0).flatMap { Int($0) } ?? 0
      }
    }
    return byteCount
  }

  /// Reads a file and the rows in the log side by side.
  ///
  /// - Returns: What producers have said between the rows.
  private func compare(_ rows: ColdSource, with path: String) throws -> [ColdMark] {
    var marks: [ColdMark] = []
    var next = rows.offsets.lowerBound
    while next < rows.offsets.upperBound {
      let end = min(next.advanced(by: rows.groupRowCount), rows.offsets.upperBound)
      let found = try self.rows(next..<end, of: rows.version, at: path)
      let stored = try rows.rows(in: next..<end, &marks)
      try Self.compare(found, stored, rows.version.schema)
      next = end
    }
    return marks
  }

  private static func compare(
    _ found: [StoredBatch], _ stored: [Batch], _ schema: Schema
  ) throws {
    let batches = found.compactMap { rows -> Batch? in
      guard let batch = rows.batch, let times = rows.ingestTimes else { return nil }
      let offsets = Column.int64Sequence(from: rows.firstOffset.rawValue, count: rows.rowCount)
      let all = Schema(schema.fields + StreamTable.hiddenFields)
      return Batch(
        schema: all, columns: batch.columns + [offsets, times], rowCount: rows.rowCount)
    }
    guard !batches.isEmpty, !stored.isEmpty else {
      throw ColdFailure("rows are missing in the file")
    }
    let (one, other) = (try Batch.concatenate(batches), try Batch.concatenate(stored))
    guard one.rowCount == other.rowCount else { throw ColdFailure("rows are missing in the file") }
    for (index, field) in one.schema.fields.enumerated()
    where !one.columns[index].hasSameValues(as: other.columns[index]) {
      throw ColdFailure("column '\(field.name)' has values that do not come back from Parquet")
    }
  }

  // MARK: Removing and checking

  func remove(_ file: ColdFile) throws(LogError) {
    let path = places.path(of: file.location)
    do {
      if ColdPlaces.isRemote(path) { return try empty(path) }
      try LocalFiles.remove(path)
      if let slash = path.lastIndex(of: "/") {
        LocalFiles.removeEmptyFolder(String(path[..<slash]))
      }
    } catch {
      throw .invalid("\(file.location) cannot be removed: \(error)")
    }
  }

  /// DuckDB removes no objects: what is left of one is a file without rows.
  private func empty(_ path: String) throws {
    try withConnection { connection in
      try connection.execute(
        "COPY (SELECT 0 AS removed WHERE false) TO \(stringLiteral(path)) (FORMAT parquet)")
    }
  }

  /// Lets go of a file that nobody was told of.
  func discard(_ path: String) {
    if !ColdPlaces.isRemote(path) { try? LocalFiles.remove(path) }
  }

  func problem(with file: ColdFile) -> String? {
    let path = places.path(of: file.location)
    guard let checksum = file.checksum, !ColdPlaces.isRemote(path) else { return nil }
    do throws(LocalFiles.Failure) {
      let found = try LocalFiles.checksum(path)
      guard found.byteCount == file.byteCount, found.checksum == checksum else {
        return "\(path) is not what was written"
      }
      return nil
    } catch {
      return "\(path) cannot be read: \(error)"
    }
  }
}

/// Why rows stay in the log: a sentence.
struct ColdFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
