internal import Columnar
internal import DuckDB

/// An executing statement as a source of batches.
///
/// With parameters of several rows the statement runs once per row, and the results follow each
/// other as one.
final class StatementSource: ResultSource {
  private let statement: PreparedStatement
  private let connection: HeldConnection
  private let instance: DuckDBInstance
  private var parameters: Batch?
  private var nextRow = 0
  private var result: ResultStream?
  private let start: Announcement
  private var onRelease: (() -> Void)?
  /// Called when the statement has got to its end.
  var onEnd: (() -> Void)?
  /// What the client was told before the statement began.
  private let expectedSchema: Schema?
  /// Rows changed by the runs so far; `nil` if the statement changes none.
  private(set) var changedRowCount: Int?

  /// - Parameters:
  ///   - start: Made as soon as the statement turns out not to be a small one.
  ///   - schema: What the client was told already; another one is an error.
  ///   - onRelease: Gives the statement and the connection back, once.
  init(
    _ statement: PreparedStatement, on connection: HeldConnection, of instance: DuckDBInstance,
    parameters: Batch?, start: Announcement, expects schema: Schema? = nil,
    onRelease: @escaping () -> Void
  ) {
    expectedSchema = schema
    self.start = start
    self.statement = statement
    self.connection = connection
    self.instance = instance
    self.parameters = parameters
    self.onRelease = onRelease
  }

  /// The columns of the rows to come.
  ///
  /// Where DuckDB cannot tell a column's type without the values of parameters, the first run is
  /// started to find out.
  func resolvedSchema() throws(DuckDBError) -> Schema {
    let schema = try statement.resultSchema
    guard parameters != nil, schema.fields.contains(where: { $0.type == .null }) else {
      return schema
    }
    guard try startNextRun() else { return schema }
    return result?.schema ?? schema
  }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    do throws(DuckDBError) {
      return try nextBatch(maxRows, allocator)
    } catch {
      throw .statement(error)
    }
  }

  private func nextBatch(
    _ maxRows: Int, _ allocator: any BufferAllocator
  ) throws(DuckDBError) -> Batch? {
    while true {
      if result == nil {
        guard try startNextRun() else {
          onEnd?()
          onEnd = nil
          return nil
        }
      }
      if let batch = try result?.next(maxRows: maxRows, allocator: allocator) { return batch }
      if let changed = result?.rowsChanged {
        changedRowCount = (changedRowCount ?? 0) + changed
      }
      result?.close()
      result = nil
    }
  }

  /// - Returns: Whether there was another row of parameters to run with.
  private func startNextRun() throws(DuckDBError) -> Bool {
    let runCount = parameters?.rowCount ?? 1
    guard nextRow < runCount else { return false }
    if let parameters { try statement.bind(row: nextRow, of: parameters) }
    nextRow += 1
    result = try statement.execute(onLong: { [start] in start.make() })
    if let expectedSchema, let result, result.schema != expectedSchema {
      throw DuckDBError.columnsChanged
    }
    return true
  }

  /// Runs to the end and drops the rows.
  func drain() throws(DuckDBError) {
    while try nextBatch(65_536, HeapAllocator()) != nil {}
  }

  func interrupt() { connection.connection.interrupt() }

  var progress: Double? { connection.connection.progress?.fraction }

  func noteFailure(_ error: EngineError) {
    guard case .statement(let error) = error else { return }
    instance.noteFailure(error, generation: connection.generation)
  }

  func release() {
    result?.close()
    result = nil
    parameters = nil
    onEnd = nil
    onRelease?()
    onRelease = nil
  }
}

extension DuckDBError {
  /// A statement was answered for columns that it no longer has.
  static let columnsChanged = DuckDBError(
    kind: .transactionConflict,
    message: "the columns of the result changed while the statement was on its way: send it again")
}
