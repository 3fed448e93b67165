internal import ADBC
internal import Columnar
internal import DuckDB
internal import Engine
internal import SQL

/// A table of a database behind as DuckDB sees it. Only the columns that a statement reads, and the rows that its WHERE
/// clause leaves, are fetched.
///
/// Two scans of one statement see the table at two moments.
final class ForeignTable: BoundedTable {
  /// By its name at the engine.
  let name: TableName
  /// Its name here: engine, schema, table.
  let localName: QualifiedName
  let columns: [ForeignColumn]
  /// Of the columns that DuckDB can hold.
  let schema: Schema
  let rowCount: Int?
  private let held: [ForeignColumn]
  private let engine: ADBCEngine
  let dialect: Dialect
  /// Called when the engine says that the table is not as it was described.
  private let onMismatch: @Sendable () -> Void

  init(
    _ name: TableName, as localName: QualifiedName, _ columns: [ForeignColumn], rowCount: Int?,
    on engine: ADBCEngine, _ dialect: Dialect, onMismatch: @escaping @Sendable () -> Void
  ) {
    self.name = name
    self.localName = localName
    self.columns = columns
    self.rowCount = rowCount
    self.engine = engine
    self.dialect = dialect
    self.onMismatch = onMismatch
    held = columns.filter { LiveTables.holds($0.field) }
    schema = Schema(held.map(\.field))
  }

  func scan(columns: [Int]) throws -> any BatchSource {
    try scan(columns: columns, in: nil, within: LiveBounds())
  }

  func scan(columns: [Int], in execution: LiveExecution) throws -> any BatchSource {
    try scan(columns: columns, in: execution, within: LiveBounds())
  }

  func scan(
    columns: [Int], in execution: LiveExecution?, within bounds: LiveBounds
  ) throws -> any BatchSource {
    let wanted = Array(Set(columns)).sorted().filter { held.indices.contains($0) }
    let list = wanted.map { held[$0].expression }
    var sql =
      "SELECT \(list.isEmpty ? "1" : list.joined(separator: ", ")) FROM \(dialect.quote(name))"
    if let filter = bounds.filter, !filter.isEmpty { sql += " WHERE \(filter)" }
    return ForeignScan(sql, on: engine, schema, wanted: wanted, onMismatch)
  }

  /// What reads the table in SQL, with all columns as users see them.
  ///
  /// - Parameter filter: An expression whose value is a condition in the engine's SQL, or NULL.
  func relation(_ id: Int64, filter: String?) -> String {
    let argument = filter.map { ", filter := \($0)" } ?? ""
    return "SELECT \(selection) FROM \(DuckDBInstance.liveRelation(id, argument))"
  }

  /// The same from a copy; nil if its columns are others.
  func relation(of copy: CoveringCopy) -> String? {
    guard copy.schema.fields.count == columns.count,
      zip(copy.schema.fields, columns).allSatisfy({
        $0.name == $1.field.name && $0.type == $1.field.type
      })
    else { return nil }
    return "SELECT \(selection) FROM \(copy.relation)"
  }

  private var selection: String {
    if columns.isEmpty { return "1 WHERE false" }
    return columns.map { column in
      let name = quotedName(column.field.name)
      guard LiveTables.holds(column.field) else {
        let sentence =
          "column '\(column.field.name)' of \(localName) has a type that SQL cannot hold here; ask the engine itself "
          + "(USE ENGINE)"
        return "CAST(error(\(stringLiteral(sentence))) AS VARCHAR) AS \(name)"
      }
      guard let type = column.shownType else { return name }
      return "CAST(\(name) AS \(type)) AS \(name)"
    }.joined(separator: ", ")
  }
}

/// A column of a table behind.
struct ForeignColumn: Hashable, Sendable {
  /// As its rows arrive.
  var field: Field
  /// What is selected at the engine.
  var expression: String
  /// The type as which users see it; nil if that is the one in which it arrives.
  var shownType: String?
  /// How constants that it is compared with are written for the engine; nil if it is compared here only.
  var comparison: Comparison?

  enum Comparison: Hashable, Sendable {
    case integer, decimal, double, text, date
    case timestamp(hasTimeZone: Bool)
  }

  /// - Parameter given: As the driver describes it.
  init(_ given: Field, _ dialect: Dialect) {
    field = Field(given.name, given.type)
    expression = dialect.quote(given.name)
    let kind = given.metadataValue("POSTGRESQL:type") ?? ""
    if dialect == .postgresql {
      describe(postgreSQL: kind, given)
    } else if given.metadataValue("ARROW:extension:name") != nil {
      // Compared here, where its type is what users see.
      return
    }
    comparison = comparison ?? Comparison(field.type, dialect)
    if dialect == .postgresql, comparison == .text, !["text", "varchar", "bpchar"].contains(kind) {
      comparison = nil
    }
  }

  private mutating func describe(postgreSQL kind: String, _ given: Field) {
    let isOpaque = given.metadataValue("ARROW:extension:name") == "arrow.opaque"
    switch kind {
    case "numeric":
      // The driver gives texts. Without a precision it may be any number.
      shownType = "DOUBLE"
      guard let modifier = given.metadataValue("POSTGRESQL:typmod").flatMap({ Int($0) }),
        modifier >= 4
      else { return }
      let (precision, scale) = ((modifier - 4) >> 16, (modifier - 4) & 0x7FF)
      guard precision <= 38, scale <= precision else { return }
      shownType = "DECIMAL(\(precision), \(scale))"
      comparison = .decimal
    case "uuid":
      field.type = .utf8
      expression = "CAST(\(expression) AS text)"
      shownType = "UUID"
    case "json", "jsonb": shownType = "JSON"
    default:
      // Types that the database's users have made, such as enumerations.
      guard isOpaque else { return }
      field.type = .utf8
      expression = "CAST(\(expression) AS text)"
    }
  }
}

extension ForeignColumn.Comparison {
  init?(_ type: DataType, _ dialect: Dialect) {
    switch type {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: self = .integer
    case .float64: self = .double
    case .decimal: self = .decimal
    case .utf8, .largeUTF8: self = .text
    case .date32 where dialect.hasTimes: self = .date
    case .timestamp(.microsecond, let zone) where dialect.hasTimes:
      self = .timestamp(hasTimeZone: zone != nil)
    default: return nil
    }
  }
}

extension Dialect {
  /// Whether it has types for times, and literals as the SQL standard writes them.
  fileprivate var hasTimes: Bool {
    switch self {
    case .postgresql, .duckdb, .hyprstream: true
    case .sqlite, .snowflake, .bigquery, .generic: false
    }
  }
}

/// The rows of one scan, with all columns of the table: those that nobody reads are empty.
private final class ForeignScan: InterruptibleSource {
  private let scan: BackendScan
  private let schema: Schema
  private let wanted: [Int]
  private let onMismatch: @Sendable () -> Void

  init(
    _ sql: String, on engine: ADBCEngine, _ schema: Schema, wanted: [Int],
    _ onMismatch: @escaping @Sendable () -> Void
  ) {
    scan = BackendScan(sql, on: engine)
    self.schema = schema
    self.wanted = wanted
    self.onMismatch = onMismatch
  }

  deinit { scan.close() }

  var maxThreads: Int { 1 }

  func interrupt() { scan.interrupt() }

  func next() throws -> Batch? {
    do {
      guard let batch = try scan.next() else {
        scan.close()
        return nil
      }
      return try whole(batch)
    } catch let error as EngineError {
      onMismatch()
      throw DatabaseError(error)
    }
  }

  private func whole(_ batch: Batch) throws -> Batch {
    var columns: [Column] = []
    for (index, field) in schema.fields.enumerated() {
      guard let place = wanted.firstIndex(of: index), place < batch.columns.count else {
        columns.append(.placeholder(field.type, batch.rowCount))
        continue
      }
      guard let column = batch.columns[place].seen(as: field.type) else {
        onMismatch()
        throw DatabaseError(
          .aborted,
          "column '\(field.name)' came with another type (\(batch.columns[place].type)) than it had when the table was "
            + "described (\(field.type)): send the statement again")
      }
      columns.append(column)
    }
    return Batch(schema: schema, columns: columns, rowCount: batch.rowCount)
  }
}

extension Column {
  /// The same values as another type: for drivers that choose types by the first values they see.
  fileprivate func seen(as type: DataType) -> Column? {
    if self.type == type { return self }
    let rows = 0..<count
    if nullCount == count { return .placeholder(type, count) }
    switch (self.type, type) {
    case (_, .float64):
      return Self.converted(rows, { self.string(at: $0) }, Double.init).map(Column.doubles)
    case (_, .int64):
      return Self.converted(rows, { self.string(at: $0) }, Int64.init).map(Column.int64s)
    case (_, .utf8): return .strings(rows.map { string(at: $0) })
    default: return widened(to: type)
    }
  }

  private static func converted<Value>(
    _ rows: Range<Int>, _ text: (Int) -> String?, _ read: (String) -> Value?
  ) -> [Value?]? {
    var values: [Value?] = []
    values.reserveCapacity(rows.count)
    for row in rows {
      guard let text = text(row) else {
        values.append(nil)
        continue
      }
      guard let value = read(text) else { return nil }
      values.append(value)
    }
    return values
  }
}
