internal import ADBC
internal import Columnar
internal import Engine

extension ADBCConnection {
  /// Loads rows as part of the transaction that is open.
  ///
  /// - Parameter next: The next batch; nil ends the rows.
  /// - Returns: The number of rows, if the driver tells.
  func ingestInTransaction(
    _ target: IngestTarget, _ schema: Schema, _ dialect: Dialect,
    next: @escaping @Sendable () throws -> Batch?
  ) throws(ADBCError) -> Int? {
    let table = TableName(target.table, schema: target.schema, catalog: target.catalog)
    // The driver for Flight SQL sends bulk loads beside its transaction.
    guard dialect == .hyprstream, [.append, .createOrAppend].contains(target.mode) else {
      return try ingest(into: target, schema: schema, next: next)
    }
    if target.mode == .createOrAppend {
      try execute(try dialect.createTable(table, schema, ifNotExists: true))
    }
    let sql = dialect.insert(into: table, columns: schema.fields.map(\.name))
    var count = 0
    while let batch = try rows(next) {
      _ = try prepared(sql, batch).executeUpdate()
      count += batch.rowCount
    }
    return count
  }

  private func rows(_ next: () throws -> Batch?) throws(ADBCError) -> Batch? {
    do {
      while let batch = try next() { if batch.rowCount > 0 { return batch } }
      return nil
    } catch {
      throw ADBCError(.invalidData, "\(error)")
    }
  }
}
