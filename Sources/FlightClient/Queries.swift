public import Columnar
public import FlightProtocol
public import SwiftProtobuf

/// A result: where it can be fetched, and its schema.
public struct QueryResult: Sendable {
  public let info: Flight.FlightInfo
  public let schema: Schema
  /// The rows, once. Fetching starts with the first batch.
  public let batches: BatchStream

  init(_ info: Flight.FlightInfo, client: FlightClient) throws {
    self.info = info
    schema =
      info.schema.isEmpty ? Schema() : try IPCStream.schema(fromEncapsulated: [UInt8](info.schema))
    batches = BatchStream(client: client, tickets: info.endpoint.map(\.ticket))
  }

  /// All rows. For results that fit into memory.
  public func collect() async throws -> [Batch] {
    var collected: [Batch] = []
    for try await batch in batches { collected.append(batch) }
    return collected
  }
}

/// What a statement of unknown kind did.
public enum StatementResult: Sendable {
  case rows(QueryResult)
  /// -1: not known how many.
  case changed(rowCount: Int64)
}

extension FlightClient {
  /// Runs a statement that returns rows.
  public func query(
    _ sql: String, in transaction: FlightTransaction? = nil
  ) async throws -> QueryResult {
    var command = FlightSQL.CommandStatementQuery()
    command.query = sql
    if let transaction { command.transactionID = transaction.id }
    return try await result(of: command)
  }

  /// Runs a statement that changes something, and says how many rows it changed; -1 if not known.
  public func update(
    _ sql: String, in transaction: FlightTransaction? = nil
  ) async throws -> Int64 {
    var command = FlightSQL.CommandStatementUpdate()
    command.query = sql
    if let transaction { command.transactionID = transaction.id }
    return try await putUpdate(command, schema: Schema(), batches: [])
  }

  /// Runs a statement of either kind. Prepares it first, to learn which.
  public func run(
    _ sql: String, in transaction: FlightTransaction? = nil
  ) async throws -> StatementResult {
    let statement = try await prepare(sql, in: transaction)
    do {
      let result: StatementResult =
        statement.isUpdate
        ? .changed(rowCount: try await statement.update()) : .rows(try await statement.query())
      // The ticket of a result may need the statement; who reads it closes the statement.
      if case .rows(let rows) = result {
        rows.batches.atEnd { try? await statement.close() }
      } else {
        try await statement.close()
      }
      return result
    } catch {
      try? await statement.close()
      throw error
    }
  }

  /// The result of a packed command: GetFlightInfo now, DoGet when it is read.
  public func result(of command: some FlightSQLMessage) async throws -> QueryResult {
    try QueryResult(
      try await flightInfo(Flight.FlightDescriptor(command: command)), client: self)
  }

  public func flightInfo(
    _ descriptor: Flight.FlightDescriptor
  ) async throws -> Flight.FlightInfo {
    try await unary(Flight.Method.getFlightInfo, descriptor)
  }

  /// Starts a statement and says how far it is; ask again with the descriptor in the answer.
  public func pollInfo(_ descriptor: Flight.FlightDescriptor) async throws -> Flight.PollInfo {
    try await unary(Flight.Method.pollFlightInfo, descriptor)
  }

  /// The schema that a command's result would have.
  public func schema(of command: some FlightSQLMessage) async throws -> Schema {
    let answer: Flight.SchemaResult = try await unary(
      Flight.Method.getSchema, Flight.FlightDescriptor(command: command))
    return try IPCStream.schema(fromEncapsulated: [UInt8](answer.schema))
  }

  /// The batches behind tickets, one after the other.
  public func batches(_ tickets: [Flight.Ticket]) -> BatchStream {
    BatchStream(client: self, tickets: tickets)
  }

  /// The messages behind a ticket, not decoded.
  public func messages(_ ticket: Flight.Ticket) throws -> FlightDataStream {
    FlightDataStream(client: self, call: begin(Flight.Method.doGet), request: try ticket.encoded())
  }
}
