import CDuckDB
public import Columnar

/// The rows of a running statement, computed as they are pulled.
///
/// Memory stays bounded: DuckDB runs ahead of the reader by its setting `streaming_buffer_size`
/// only. A paused result holds no thread. Another statement on the same connection ends it. Used
/// by one thread at a time, as its connection is.
@safe
public final class ResultStream: @unchecked Sendable {
  // Sendable: used by one thread at a time.
  private var result: duckdb_result
  private var isOpen = true
  private let statement: PreparedStatement
  private var help: Help
  private let columns: ResultColumns
  private var writers: [ColumnWriter]?
  /// Fetched, and not wholly delivered; the first `deliveredCount` rows are.
  private var chunk: duckdb_data_chunk?
  private var chunkCount = 0
  private var deliveredCount = 0
  private var fetchedCount = 0
  private var hasEnded = false
  private var batchCount = 0
  /// Rows inserted, updated or deleted, if the statement does such a thing.
  public private(set) var rowsChanged: Int?

  /// The columns of every batch.
  public var schema: Schema { columns.schema }

  /// A batch ends once its text and nested values have about so many bytes.
  public static let defaultBatchByteLimit = 8 << 20

  /// Takes ownership of `result`.
  init(
    _ result: duckdb_result, of statement: PreparedStatement, _ help: consuming Help
  ) throws(DuckDBError) {
    unsafe self.result = unsafe result
    self.help = help
    self.statement = statement
    do {
      let prepared = try statement.resultColumns()
      columns =
        unsafe prepared.describe(&self.result)
        ? prepared : try unsafe ResultColumns(of: &self.result, statement.connection)
    } catch {
      unsafe duckdb_destroy_result(&self.result)
      throw error
    }
    if unsafe duckdb_result_return_type(result) == DUCKDB_RESULT_TYPE_CHANGED_ROWS {
      try readRowsChanged()
    }
  }

  deinit {
    if unsafe chunk != nil { unsafe duckdb_destroy_data_chunk(&chunk) }
    if isOpen { unsafe duckdb_destroy_result(&result) }
  }

  /// Ends the statement, also when rows are left. Doing it again does nothing.
  public func close() {
    hasEnded = true
    if unsafe chunk != nil { unsafe duckdb_destroy_data_chunk(&chunk) }
    if isOpen { unsafe duckdb_destroy_result(&result) }
    isOpen = false
    help = Help(from: nil)
  }

  /// The next rows, or nil at the end.
  ///
  /// - Parameters:
  ///   - maxRows: At most so many rows; fewer only at the end of the result, or at `maxBytes`.
  ///   - maxBytes: About how large text and nested values may become; at most 1 GiB counts.
  ///   - allocator: Makes the memory of the batch.
  public func next(
    maxRows: Int = 65_536, maxBytes: Int = defaultBatchByteLimit,
    allocator: any BufferAllocator = HeapAllocator()
  ) throws(DuckDBError) -> Batch? {
    precondition(maxRows > 0, "a batch has at least one row")
    guard try fetchIfNeeded() else { return nil }
    let writers = try columnWriters()
    // A chunk that is not full is usually the only one.
    let isLikelyLast = batchCount == 0 && chunkCount < Self.fullChunkCount
    let expected = isLikelyLast ? min(chunkCount - deliveredCount, maxRows) : maxRows
    for writer in writers { writer.begin(expectedCount: expected, allocator: allocator) }
    // Offsets have 32 bits.
    let byteLimit = min(maxBytes, 1 << 30)
    var count = 0
    while true {
      let room = min(chunkCount - deliveredCount, maxRows - count)
      let part = try append(atMost: room, to: writers, byteLimit: byteLimit)
      count += part
      deliveredCount += part
      if part < room || count >= maxRows { break }
      if writers.contains(where: { $0.variableByteCount >= byteLimit }) { break }
      guard try fetchIfNeeded() else { break }
    }
    batchCount += 1
    let made = writers.map { $0.finish() }
    return Batch(schema: schema, columns: made, rowCount: count)
  }

  /// Drops the rows of the next chunk; false at the end.
  func skipChunk() throws(DuckDBError) -> Bool {
    let hadChunk = try fetchIfNeeded()
    deliveredCount = chunkCount
    return hadChunk
  }

  private static let fullChunkCount = 2_048

  /// Appends at most `room` rows of the chunk, fewer if text or nested values would become larger
  /// than `byteLimit`, and at least one row if the batch is empty.
  private func append(
    atMost room: Int, to writers: [ColumnWriter], byteLimit: Int
  ) throws(DuckDBError) -> Int {
    var part = room
    for (index, writer) in writers.enumerated() where writer.hasVariableSize {
      let vector = unsafe duckdb_data_chunk_get_vector(chunk, UInt64(index))
      while true {
        let byteCount =
          unsafe writer.variableByteCount
          + writer.measure(vector, from: deliveredCount, count: part)
        if byteCount <= byteLimit || (part <= 1 && byteCount <= Int(Int32.max)) { break }
        if writer.count > 0, part <= 1 { return 0 }
        guard part > 1 else {
          throw DuckDBError(
            kind: .outOfMemory,
            message: "column \(schema.fields[index].name): one value has more than 2 GiB")
        }
        part /= 2
      }
    }
    for (index, writer) in writers.enumerated() {
      let vector = unsafe duckdb_data_chunk_get_vector(chunk, UInt64(index))
      do {
        try unsafe writer.append(vector, from: deliveredCount, count: part)
      } catch {
        var named = error
        named.message = "column \(schema.fields[index].name): \(error.message)"
        named.sql = statement.sql
        throw named
      }
    }
    return part
  }

  private func columnWriters() throws(DuckDBError) -> [ColumnWriter] {
    if let writers { return writers }
    var made: [ColumnWriter] = []
    for (index, field) in schema.fields.enumerated() {
      guard let type = unsafe duckdb_column_logical_type(&result, UInt64(index)) else {
        throw DuckDBError(kind: .other, message: "column \(field.name) has no type")
      }
      made.append(unsafe ColumnWriter.make(for: LogicalType(type), field.type))
    }
    writers = made
    return made
  }

  /// Sees to it that a row is at hand; false at the end.
  private func fetchIfNeeded() throws(DuckDBError) -> Bool {
    while unsafe chunk == nil || deliveredCount >= chunkCount {
      if unsafe chunk != nil { unsafe duckdb_destroy_data_chunk(&chunk) }
      guard !hasEnded else { return false }
      // A small result has one chunk, and needs nobody to find out that it has no second one.
      if fetchedCount > 1 { help.call() }
      guard let fetched = unsafe duckdb_fetch_chunk(result) else {
        hasEnded = true
        help = Help(from: nil)
        guard let reason = unsafe duckdb_result_error(&result) else { return false }
        let message = unsafe String(cString: reason)
        guard !message.isEmpty else { return false }
        throw statement.connection.failure(message, sql: statement.sql)
      }
      fetchedCount += 1
      unsafe chunk = unsafe fetched
      chunkCount = unsafe Int(duckdb_data_chunk_get_size(fetched))
      deliveredCount = 0
    }
    return true
  }

  /// The first and only value of such a result is the count, which `next` delivers too.
  private func readRowsChanged() throws(DuckDBError) {
    rowsChanged = 0
    guard try fetchIfNeeded(), schema.fields.first?.type == .int64,
      let vector = unsafe duckdb_data_chunk_get_vector(chunk, 0),
      let data = unsafe duckdb_vector_get_data(vector)
    else { return }
    rowsChanged = unsafe Int(data.load(as: Int64.self))
  }
}
