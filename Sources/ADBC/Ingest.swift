public import Columnar

/// Where a bulk load goes.
public struct IngestTarget: Hashable, Sendable {
  public enum Mode: String, Hashable, Sendable, CaseIterable {
    /// The table must not exist.
    case create = "adbc.ingest.mode.create"
    /// The table must exist.
    case append = "adbc.ingest.mode.append"
    /// An existing table is dropped.
    case replace = "adbc.ingest.mode.replace"
    /// The table is made if it does not exist.
    case createOrAppend = "adbc.ingest.mode.create_append"
  }

  public var table: String
  public var schema: String?
  public var catalog: String?
  public var mode: Mode
  public var isTemporary: Bool

  public init(
    table: String, schema: String? = nil, catalog: String? = nil, mode: Mode = .append,
    isTemporary: Bool = false
  ) {
    self.table = table
    self.schema = schema
    self.catalog = catalog
    self.mode = mode
    self.isTemporary = isTemporary
  }
}

extension ADBCStatement {
  /// Makes this statement a bulk load; bind the rows, then `executeUpdate()`.
  public func setIngest(_ target: IngestTarget) throws(ADBCError) {
    try setOption("adbc.ingest.target_table", .text(target.table))
    try setOption("adbc.ingest.mode", .text(target.mode.rawValue))
    if let catalog = target.catalog { try setOption("adbc.ingest.target_catalog", .text(catalog)) }
    if let schema = target.schema { try setOption("adbc.ingest.target_db_schema", .text(schema)) }
    if target.isTemporary { try setOption("adbc.ingest.temporary", true) }
  }
}

extension ADBCConnection {
  /// Loads a batch into a table.
  ///
  /// - Returns: The number of rows, if the driver tells.
  @discardableResult
  public func ingest(_ batch: Batch, into target: IngestTarget) throws(ADBCError) -> Int? {
    let statement = try statement()
    try statement.setIngest(target)
    try statement.bind(batch)
    return try statement.executeUpdate()
  }

  /// Loads a stream of batches into a table.
  ///
  /// - Parameter next: The next batch; nil ends the stream. Called on the thread of the caller.
  @discardableResult
  public func ingest(
    into target: IngestTarget, schema: Schema, next: @escaping @Sendable () throws -> Batch?
  ) throws(ADBCError) -> Int? {
    let statement = try statement()
    try statement.setIngest(target)
    try statement.bind(schema: schema, next: next)
    return try statement.executeUpdate()
  }
}
