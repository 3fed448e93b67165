public import Columnar
internal import FlightProtocol
internal import SwiftProtobuf

/// Where batches go, and what to do about the table.
public struct IngestTarget: Hashable, Sendable {
  public enum Mode: Hashable, Sendable {
    /// The table must not exist; it is made.
    case create
    /// The table must exist.
    case append
    /// The table is made anew.
    case replace
    /// The table is made if it does not exist.
    case createOrAppend
  }

  public var table: String
  public var schema: String?
  public var catalog: String?
  public var mode: Mode
  public var isTemporary = false
  /// What the server offers beyond the protocol.
  public var options: [String: String] = [:]

  public init(
    _ table: String, schema: String? = nil, catalog: String? = nil, mode: Mode = .append
  ) {
    self.table = table
    self.schema = schema
    self.catalog = catalog
    self.mode = mode
  }

  func command(in transaction: FlightTransaction?) -> FlightSQL.CommandStatementIngest {
    var command = FlightSQL.CommandStatementIngest()
    command.table = table
    if let schema { command.schema = schema }
    if let catalog { command.catalog = catalog }
    if let transaction { command.transactionID = transaction.id }
    command.temporary = isTemporary
    command.options = options
    switch mode {
    case .create:
      command.tableDefinitionOptions.ifNotExist = .create
      command.tableDefinitionOptions.ifExists = .fail
    case .append:
      command.tableDefinitionOptions.ifNotExist = .fail
      command.tableDefinitionOptions.ifExists = .append
    case .replace:
      command.tableDefinitionOptions.ifNotExist = .create
      command.tableDefinitionOptions.ifExists = .replace
    case .createOrAppend:
      command.tableDefinitionOptions.ifNotExist = .create
      command.tableDefinitionOptions.ifExists = .append
    }
    return command
  }
}

extension FlightClient {
  /// Appends batches to a table, all of them or none.
  ///
  /// - Returns: The number of rows appended; -1 if the server does not say.
  public func ingest(
    _ batches: some Sequence<Batch>, schema: Schema, into target: IngestTarget,
    in transaction: FlightTransaction? = nil
  ) async throws -> Int64 {
    try await putUpdate(target.command(in: transaction), schema: schema, batches: batches)
  }

  /// Appends batches to a table as they come, all of them or none.
  ///
  /// - Returns: The number of rows appended; -1 if the server does not say.
  public func ingest<Batches: AsyncSequence>(
    _ batches: Batches, schema: Schema, into target: IngestTarget,
    in transaction: FlightTransaction? = nil
  ) async throws -> Int64 where Batches.Element == Batch {
    let put = try await beginPut(target.command(in: transaction), schema: schema)
    for try await batch in batches { try await put.write(batch) }
    return try await put.rowCount()
  }
}
