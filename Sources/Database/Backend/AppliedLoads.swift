internal import ADBC
internal import Columnar
internal import Engine

/// The table `hyprstream_applied` of a database behind: which loads of which producers it has. A load and its row are one
/// transaction, so a load that is sent again, because its answer was lost, is stored once.
struct AppliedLoads: Sendable {
  /// A load by the name that its producer gave it.
  struct Key: Hashable, Sendable {
    var producer: String
    var sequence: Int64
  }

  static let table = TableName("hyprstream_applied")
  /// Rows are removed after so many days: by then nobody sends a load again.
  private static let keptDays = 7

  let dialect: Dialect

  /// Makes the table if it is not there.
  func make(_ connection: ADBCConnection) throws(ADBCError) {
    let sql = try dialect.createTable(
      Self.table,
      Schema([
        Field("producer", .utf8, isNullable: false), Field("sequence", .int64, isNullable: false),
        Field("row_count", .int64, isNullable: false),
        Field("applied_at", .timestamp(.microsecond, timeZone: "UTC"), isNullable: false),
      ]), primaryKey: ["producer", "sequence"], ifNotExists: true)
    do throws(ADBCError) {
      try connection.execute(sql)
    } catch {
      // Two at once: the other one has made it.
      let probe = "SELECT 1 FROM \(dialect.quote(Self.table)) WHERE 1 = 0"
      guard (try? connection.query(probe).drain()) != nil else { throw error }
    }
  }

  /// Runs a load in a transaction, unless it was applied before. Called outside of one.
  ///
  /// - Returns: How many rows the load has stored, now or then.
  func once(
    _ key: Key, at microseconds: Int64, _ connection: ADBCConnection,
    _ load: () throws(ADBCError) -> Int
  ) throws(ADBCError) -> Int {
    if let rowCount = try rowCount(of: key, connection) { return rowCount }
    do throws(ADBCError) {
      return try connection.inTransaction { () throws(ADBCError) in
        // The key is unique: an equal load that runs just now is waited for here.
        try insert(key, at: microseconds, connection)
        let rowCount = try load()
        try note(rowCount, key, connection)
        return rowCount
      }
    } catch {
      // The equal load has come first.
      guard
        error.status == .alreadyExists || error.sqlState == "23505" || error.status == .integrity,
        let rowCount = try rowCount(of: key, connection)
      else { throw error }
      return rowCount
    }
  }

  /// How many rows a load has stored; nil if it was not applied.
  private func rowCount(of key: Key, _ connection: ADBCConnection) throws(ADBCError) -> Int? {
    let statement = try connection.statement(
      "SELECT row_count FROM \(dialect.quote(Self.table)) WHERE producer = \(dialect.placeholder(1)) "
        + "AND sequence = \(dialect.placeholder(2))")
    try statement.prepare()
    try statement.bind(key.batch([]))
    let batch = try statement.executeQuery().firstBatch()
    guard let batch, batch.rowCount > 0 else { return nil }
    return batch.columns[0].string(at: 0).flatMap { Int($0) }
  }

  /// Which of these loads were applied.
  func known(_ keys: [Key], _ connection: ADBCConnection) throws(ADBCError) -> Set<Key> {
    var found: Set<Key> = []
    for start in stride(from: 0, to: keys.count, by: Self.maxKeyCount) {
      let conditions = keys[start..<min(keys.count, start + Self.maxKeyCount)].map {
        "(producer = \(dialect.literal($0.producer)) AND sequence = \($0.sequence))"
      }
      let result = try connection.query(
        "SELECT producer, sequence FROM \(dialect.quote(Self.table)) WHERE "
          + conditions.joined(separator: " OR "))
      while let batch = try result.next() {
        guard batch.columns.count == 2 else { continue }
        for row in 0..<batch.rowCount {
          guard let producer = batch.columns[0].string(at: row),
            let sequence = batch.columns[1].string(at: row).flatMap({ Int64($0) })
          else { continue }
          found.insert(Key(producer: producer, sequence: sequence))
        }
      }
    }
    return found
  }

  /// How many loads are asked for in one query.
  private static let maxKeyCount = 100

  /// Notes loads with the number of their rows.
  func insert(
    _ loads: [(key: Key, rowCount: Int)], at microseconds: Int64, _ connection: ADBCConnection
  ) throws(ADBCError) {
    guard !loads.isEmpty else { return }
    let statement = try connection.statement(
      dialect.insert(
        into: Self.table, columns: ["producer", "sequence", "row_count", "applied_at"]))
    try statement.prepare()
    let time = Column.fixedWidth(
      .timestamp(.microsecond, timeZone: "UTC"), loads.map { _ in microseconds as Int64? })
    let columns: [(String, Column)] = [
      ("producer", .strings(loads.map(\.key.producer))),
      ("sequence", .int64s(loads.map(\.key.sequence))),
      ("row_count", .int64s(loads.map { Int64($0.rowCount) })), ("applied_at", time),
    ]
    try statement.bind(
      Batch(
        schema: Schema(columns.map { Field($0.0, $0.1.type) }), columns: columns.map(\.1),
        rowCount: loads.count))
    try statement.executeUpdate()
  }

  func insert(
    _ key: Key, at microseconds: Int64, _ connection: ADBCConnection
  ) throws(ADBCError) {
    try insert([(key, 0)], at: microseconds, connection)
  }

  private func note(_ rowCount: Int, _ key: Key, _ connection: ADBCConnection) throws(ADBCError) {
    let statement = try connection.statement(
      "UPDATE \(dialect.quote(Self.table)) SET row_count = \(rowCount) WHERE producer = \(dialect.placeholder(1)) "
        + "AND sequence = \(dialect.placeholder(2))")
    try statement.prepare()
    try statement.bind(key.batch([]))
    try statement.executeUpdate()
  }

  /// Removes rows that nobody needs any more.
  func forgetOld(at microseconds: Int64, _ connection: ADBCConnection) throws(ADBCError) {
    let limit = microseconds - Int64(Self.keptDays) * 86_400_000_000
    let statement = try connection.statement(
      "DELETE FROM \(dialect.quote(Self.table)) WHERE applied_at < \(dialect.placeholder(1)) "
        + "AND producer NOT LIKE '\(Outbox.producerPrefix)%'")
    try statement.prepare()
    let time = Column.fixedWidth(.timestamp(.microsecond, timeZone: "UTC"), [limit as Int64?])
    try statement.bind(
      Batch(schema: Schema([Field("applied_at", time.type)]), columns: [time], rowCount: 1))
    try statement.executeUpdate()
  }
}

extension AppliedLoads.Key {
  /// - Throws: INVALID_ARGUMENT for a sequence that is no number.
  init?(_ request: IngestRequest) throws(DatabaseError) {
    guard let producer = request.options["producer"] else { return nil }
    guard let sequence = request.options["sequence"].flatMap({ Int64($0) }) else {
      throw DatabaseError(
        .invalidArgument,
        "the load names its producer, \"\(producer)\", but no sequence, which must be a whole number"
      )
    }
    self.init(producer: producer, sequence: sequence)
  }

  fileprivate func batch(_ more: [(String, Column)]) -> Batch {
    let columns: [(String, Column)] =
      [("producer", .strings([producer])), ("sequence", .int64s([sequence]))] + more
    return Batch(
      schema: Schema(columns.map { Field($0.0, $0.1.type) }), columns: columns.map(\.1), rowCount: 1
    )
  }
}
