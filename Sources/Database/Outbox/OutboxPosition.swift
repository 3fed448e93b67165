internal import ADBC
internal import Columnar
internal import Log

/// How far a database behind has come with the changes of an outbox: its row in `hyprstream_applied`, written in the transaction
/// of the changes.
struct OutboxPosition: Sendable {
  let applied: AppliedLoads
  let producer: String

  /// Reads the row; makes it if there is none.
  ///
  /// - Parameter start: What the row says if it is made: the end of what this server knows to be there.
  func find(
    _ connection: ADBCConnection, startingAt start: Offset, at microseconds: Int64
  ) throws(ADBCError) -> Offset {
    let statement = try connection.statement(
      "SELECT max(sequence) FROM \(table) WHERE producer = \(applied.dialect.placeholder(1))")
    try statement.prepare()
    try statement.bind(Self.batch([("producer", .strings([producer]))]))
    let batch = try statement.executeQuery().firstBatch()
    if let batch, batch.rowCount == 1, let text = batch.columns[0].string(at: 0),
      let found = Int64(text)
    {
      return Offset(found)
    }
    try applied.insert(
      AppliedLoads.Key(producer: producer, sequence: start.rawValue), at: microseconds, connection)
    return start
  }

  /// Moves the row on. First in its transaction: another one that pushes the same changes is waited for here, and found out.
  ///
  /// - Throws: ``OutboxFailure/movedError`` if the row says something else than expected.
  func move(
    _ connection: ADBCConnection, from old: Offset, to new: Offset, at microseconds: Int64
  ) throws(ADBCError) {
    let dialect = applied.dialect
    let statement = try connection.statement(
      "UPDATE \(table) SET sequence = \(dialect.placeholder(1)), applied_at = \(dialect.placeholder(2)) "
        + "WHERE producer = \(dialect.placeholder(3)) AND sequence = \(dialect.placeholder(4))")
    try statement.prepare()
    let time = Column.fixedWidth(
      .timestamp(.microsecond, timeZone: "UTC"), [microseconds as Int64?])
    try statement.bind(
      Self.batch([
        ("new", .int64s([new.rawValue])), ("applied_at", time), ("producer", .strings([producer])),
        ("old", .int64s([old.rawValue])),
      ]))
    let count = try statement.executeUpdate()
    if count == 1 { return }
    // Not every driver counts.
    if count == nil, try rowCount(connection, new) == 1 { return }
    throw OutboxFailure.movedError
  }

  private func rowCount(_ connection: ADBCConnection, _ offset: Offset) throws(ADBCError) -> Int {
    let dialect = applied.dialect
    let statement = try connection.statement(
      "SELECT count(*) FROM \(table) WHERE producer = \(dialect.placeholder(1)) AND sequence = \(dialect.placeholder(2))"
    )
    try statement.prepare()
    try statement.bind(
      Self.batch([("producer", .strings([producer])), ("sequence", .int64s([offset.rawValue]))]))
    let batch = try statement.executeQuery().firstBatch()
    guard let batch, batch.rowCount == 1 else { return 0 }
    return batch.columns[0].string(at: 0).flatMap { Int($0) } ?? 0
  }

  private var table: String { applied.dialect.quote(AppliedLoads.table) }

  private static func batch(_ columns: [(String, Column)]) -> Batch {
    Batch(
      schema: Schema(columns.map { Field($0.0, $0.1.type) }), columns: columns.map(\.1), rowCount: 1
    )
  }
}
