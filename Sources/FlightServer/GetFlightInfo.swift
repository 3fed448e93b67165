#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif
internal import Columnar
internal import Database
internal import FlightProtocol
internal import GRPC
internal import SQL
internal import SwiftProtobuf

extension FlightService {
  func getFlightInfo(_ call: ServerCall, _ session: Session) async throws {
    let descriptor = try await request(call, as: Flight.FlightDescriptor.self)
    try await send(try await info(descriptor, call, session), call)
  }

  /// Says where the rows of a descriptor are to be fetched.
  ///
  /// A statement is started; one that changes something has done so when this returns, since many
  /// clients never fetch the rows of a statement that has none.
  func info(
    _ descriptor: Flight.FlightDescriptor, _ call: ServerCall, _ session: Session
  ) async throws -> Flight.FlightInfo {
    let context = StatementContext(connectionID: call.connection.id)
    switch descriptor.type {
    case .path:
      let query = try await session.query(
        "SELECT * FROM " + Self.relation(descriptor.path), context)
      return try info(query, descriptor)
    case .cmd:
      let command = try FlightSQL.Command(unpacking: descriptor.cmd)
      if let schema = Metadata.schema(of: command) {
        return flightInfo(
          schema, descriptor, ticket: Flight.Ticket.with { $0.ticket = descriptor.cmd })
      }
      return try info(try await start(command, call, session), descriptor)
    default:
      throw GRPCError(.invalidArgument, "the descriptor holds neither a path nor a command")
    }
  }

  /// Starts the statement of a command that has rows to fetch.
  func start(
    _ command: FlightSQL.Command, _ call: ServerCall, _ session: Session
  ) async throws -> OpenQuery {
    let connectionID = call.connection.id
    switch command {
    case .statementQuery(let statement):
      let transaction = try Self.transaction(
        statement.hasTransactionID ? statement.transactionID : nil)
      return try await session.query(
        statement.query,
        StatementContext(transaction: transaction, connectionID: connectionID))
    case .preparedStatementQuery(let statement):
      let prepared = try session.prepared(try Self.handle(statement.preparedStatementHandle))
      return try await session.query(prepared, connectionID: connectionID)
    case .substraitPlan:
      throw GRPCError(.unimplemented, "Substrait plans are not supported; send SQL")
    case .unknown(let name):
      throw GRPCError(.invalidArgument, "the command \(name) is not one of Flight SQL")
    default:
      throw GRPCError(.invalidArgument, "the command has no rows to fetch")
    }
  }

  func info(_ query: OpenQuery, _ descriptor: Flight.FlightDescriptor) throws -> Flight.FlightInfo {
    var ticket = FlightSQL.TicketStatementQuery()
    ticket.statementHandle = .init(query.handle.bytes)
    let packed = try ticket.packed()
    var info = flightInfo(
      query.schema, descriptor, ticket: Flight.Ticket.with { $0.ticket = packed })
    if let cache = query.cache { info.appMetadata = .init(cache.json.utf8) }
    return info
  }

  /// - Parameter ticket: `nil` for something that has to be asked for before it can be fetched.
  func flightInfo(
    _ schema: Schema, _ descriptor: Flight.FlightDescriptor, ticket: Flight.Ticket?
  ) -> Flight.FlightInfo {
    var info = Flight.FlightInfo()
    info.schema = .init(IPCStream.schemaBytes(schema))
    info.flightDescriptor = descriptor
    if let ticket {
      var endpoint = Flight.FlightEndpoint()
      endpoint.ticket = ticket
      info.endpoint = [endpoint]
    }
    info.totalRecords = -1
    info.totalBytes = -1
    info.ordered = true
    return info
  }

  // MARK: GetSchema

  func getSchema(_ call: ServerCall, _ session: Session) async throws {
    let descriptor = try await request(call, as: Flight.FlightDescriptor.self)
    var result = Flight.SchemaResult()
    result.schema = .init(IPCStream.schemaBytes(try await schema(descriptor, call, session)))
    try await send(result, call)
  }

  /// The columns that a descriptor's rows have. Runs nothing.
  private func schema(
    _ descriptor: Flight.FlightDescriptor, _ call: ServerCall, _ session: Session
  ) async throws -> Schema {
    let context = StatementContext(connectionID: call.connection.id)
    guard descriptor.type == .cmd else {
      return try await session.schema(
        of: "SELECT * FROM " + Self.relation(descriptor.path), context)
    }
    let command = try FlightSQL.Command(unpacking: descriptor.cmd)
    if let schema = Metadata.schema(of: command) { return schema }
    switch command {
    case .statementQuery(let statement):
      let transaction = try Self.transaction(
        statement.hasTransactionID ? statement.transactionID : nil)
      return try await session.schema(
        of: statement.query,
        StatementContext(transaction: transaction, connectionID: call.connection.id))
    case .preparedStatementQuery(let statement):
      return try session.prepared(try Self.handle(statement.preparedStatementHandle)).resultSchema
    default:
      throw GRPCError(.invalidArgument, "the command has no rows, so it has no schema")
    }
  }

  // MARK: Names and handles

  /// A path of one to three names as a quoted relation.
  static func relation(_ path: [String]) throws -> String {
    guard (1...3).contains(path.count), path.allSatisfy({ !$0.isEmpty }) else {
      throw GRPCError(
        .invalidArgument, "a path names a table, with its schema and catalog before it if needed")
    }
    return path.map(quotedName).joined(separator: ".")
  }

  static func handle(_ bytes: some Collection<UInt8>) throws -> Handle {
    guard let handle = Handle(bytes: bytes) else {
      throw GRPCError(.notFound, "there is no such handle: it is not one that this server gave out")
    }
    return handle
  }

  static func transaction(_ bytes: (some Collection<UInt8>)?) throws -> Handle? {
    guard let bytes, !bytes.isEmpty else { return nil }
    guard let handle = Handle(bytes: bytes) else {
      throw GRPCError(.notFound, "there is no such transaction: its id is not one of this server's")
    }
    return handle
  }
}
