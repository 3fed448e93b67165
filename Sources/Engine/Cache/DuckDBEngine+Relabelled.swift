public import Columnar
internal import DuckDB

extension DuckDBEngine {
  /// Starts a query of the server's own, whose answer has the columns that a client expects of another database: names and metadata
  /// are those of `schema`.
  ///
  /// - Throws: Also when DuckDB gives other types.
  public func start(
    _ sql: String, labelled schema: Schema
  ) async throws(EngineError) -> ResultPump {
    try await admission.enter()
    let instance = self.instance
    return try await startOnWorker { (announcement) throws(EngineError) in
      let open = try instance.prepare(sql, SessionSettings())
      open.isWorthKeeping = true
      let source = StatementSource(
        open.statement, on: open.connection, of: instance, parameters: nil, start: announcement,
        onRelease: { instance.giveBack(open) })
      open.hasSucceeded = false
      source.onEnd = { open.hasSucceeded = true }
      let found: Schema
      do throws(DuckDBError) {
        found = try source.resolvedSchema()
      } catch {
        instance.noteFailure(error, generation: open.connection.generation)
        throw .statement(error)
      }
      guard found.fields.map(\.type) == schema.fields.map(\.type) else {
        source.release()
        throw .outOfTurn("DuckDB gives the answer other types")
      }
      return (schema, LabelledSource(source, schema), open.connection.generation)
    }
  }
}

/// Gives the columns of another source other names and metadata.
private final class LabelledSource: ResultSource {
  private let inner: any ResultSource
  private let schema: Schema

  init(_ inner: any ResultSource, _ schema: Schema) {
    self.inner = inner
    self.schema = schema
  }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    guard let batch = try inner.next(maxRows: maxRows, allocator: allocator) else { return nil }
    return Batch(schema: schema, columns: batch.columns, rowCount: batch.rowCount)
  }

  var changedRowCount: Int? { nil }
  var progress: Double? { inner.progress }
  func interrupt() { inner.interrupt() }
  func noteFailure(_ error: EngineError) { inner.noteFailure(error) }
  func release() { inner.release() }
}
