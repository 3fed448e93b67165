import CDuckDB
public import Columnar

/// The fast way into a table, for large loads: DuckDB's own scan of an Arrow stream.
///
/// It knows which part of the input each row is in, so an INSERT runs on all threads and keeps the
/// order of rows; one from a live table runs on one thread. It has two traps, which is why it
/// serves loads only: it ignores that a statement reads fewer columns or rows than there are and
/// gives wrong results then, and it converts some types with other values than they had.
public enum OrderedView {
  /// Whether every column goes in with the type and the values it has.
  public static func holds(_ schema: Schema) -> Bool {
    !schema.fields.isEmpty && schema.fields.allSatisfy { !$0.name.isEmpty && holds($0.type) }
  }

  private static func holds(_ type: DataType) -> Bool {
    switch type {
    case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float32,
      .float64, .date32, .timestamp(_, timeZone: nil), .timestamp(.microsecond, _), .utf8,
      .largeUTF8, .binary, .largeBinary:
      true
    default: false
    }
  }
}

extension Connection {
  /// Calls `body` while the rows of `source` can be read, once, as the view `name`. The view is
  /// seen by no other connection and is gone afterwards, or with the transaction if that failed.
  ///
  /// - Parameter body: Reads all columns of the view in their order and all rows: `SELECT * FROM`.
  /// - Precondition: a transaction is open, and `OrderedView.holds(schema)`.
  public func withOrderedView<Value>(
    named name: String, of source: any BatchSource, schema: Schema,
    _ body: () throws(DuckDBError) -> Value
  ) throws(DuckDBError) -> Value {
    precondition(isInTransaction, "a view outside a transaction would be seen by others")
    // Without metadata: DuckDB would take some of it for types of its own.
    let plain = Schema(schema.fields.map { Field($0.name, $0.type) })
    let groups = RowGroups(source, schema: plain)
    let stream = UnsafeMutableRawPointer.allocate(
      byteCount: CData.structByteCount, alignment: 8)
    unsafe CData.exportStream(schema: plain, to: stream) { try groups.next() }
    defer {
      // Taking the stream over and dropping it releases it.
      _ = unsafe try? CData.importStream(moving: stream)
      unsafe stream.deallocate()
    }
    let state = unsafe duckdb_arrow_scan(unsafeHandle, name, stream)
    guard state == DuckDBSuccess else {
      throw DuckDBError(kind: .other, message: "DuckDB made no view of the rows to load")
    }
    let value = try body()
    try execute("DROP VIEW \"\(name)\"")
    return value
  }
}

/// Batches cut and joined to the size of DuckDB's row groups, each of which one thread then writes
/// without moving rows again. Called by one thread at a time.
private final class RowGroups: @unchecked Sendable {
  // Sendable: DuckDB pulls a stream under a lock.
  private static let rowCount = 122_880
  /// Rows can be large; so many bytes are passed on, whatever their number of rows.
  private static let maxByteCount = 64 << 20

  private let source: any BatchSource
  private let schema: Schema
  /// Rows that were not passed on yet.
  private var rest: [Batch] = []

  init(_ source: any BatchSource, schema: Schema) {
    self.source = source
    self.schema = schema
  }

  func next() throws -> Batch? {
    var taken = rest
    rest = []
    var count = taken.reduce(0) { $0 + $1.rowCount }
    var byteCount = taken.reduce(0) { $0 + $1.byteCount }
    while count < Self.rowCount, byteCount < Self.maxByteCount, let batch = try source.next() {
      for (column, field) in zip(batch.columns, schema.fields) where column.type != field.type {
        throw DuckDBTypes.refusal(field.name, "a batch comes with another type than the table has")
      }
      taken.append(Batch(schema: schema, columns: batch.columns, rowCount: batch.rowCount))
      count += batch.rowCount
      byteCount += batch.byteCount
    }
    if count > Self.rowCount, let last = taken.popLast() {
      let kept = last.rowCount - (count - Self.rowCount)
      // A batch of several row groups is cut here again and again; what is left shares its memory.
      taken.append(last.rows(from: 0, count: kept))
      rest = [last.rows(from: kept, count: last.rowCount - kept)]
    }
    guard let first = taken.first else { return nil }
    return taken.count == 1 ? first : try Batch.concatenate(taken)
  }
}

extension Batch {
  fileprivate func rows(from start: Int, count: Int) -> Batch {
    Batch(
      schema: schema, columns: columns.map { $0.slice(from: start, count: count) },
      rowCount: count)
  }
}
