#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif
internal import Columnar
internal import Database
internal import FlightProtocol
internal import GRPC
internal import SwiftProtobuf

extension FlightService {
  /// The actions, with a line for `ListActions`.
  private static let actions: [(name: String, description: String)] = [
    (
      FlightSQL.ActionName.createPreparedStatement,
      "Prepares a statement; returns its handle, its columns and its parameters."
    ),
    (FlightSQL.ActionName.closePreparedStatement, "Closes a prepared statement."),
    (FlightSQL.ActionName.beginTransaction, "Begins a transaction; returns its id."),
    (FlightSQL.ActionName.endTransaction, "Commits a transaction or rolls it back."),
    (FlightSQL.ActionName.cancelQuery, "Cancels a statement; CancelFlightInfo is its successor."),
    (Flight.ActionName.cancelFlightInfo, "Cancels the statement behind a FlightInfo."),
    (Flight.ActionName.renewFlightEndpoint, "Keeps the rows behind an endpoint for longer."),
    (Flight.ActionName.setSessionOptions, "Sets options of the session."),
    (Flight.ActionName.getSessionOptions, "Returns the options of the session."),
    (Flight.ActionName.closeSession, "Ends the session and all that it holds."),
    (pingAction, "Answers at once with an empty result."),
  ]

  private static let pingAction = "Ping"

  func listActions(_ call: ServerCall) async throws {
    for action in Self.actions {
      var type = Flight.ActionType()
      type.type = action.name
      type.description_p = action.description
      try await send(type, call)
    }
  }

  func doAction(_ call: ServerCall, _ session: Session) async throws {
    let action = try await request(call, as: Flight.Action.self)
    switch action.type {
    case FlightSQL.ActionName.createPreparedStatement:
      try await createPrepared(try .init(unpacking: action.body), call, session)
    case FlightSQL.ActionName.closePreparedStatement:
      let close = try FlightSQL.ActionClosePreparedStatementRequest(unpacking: action.body)
      session.closePrepared(try Self.handle(close.preparedStatementHandle))
    case FlightSQL.ActionName.beginTransaction:
      var result = FlightSQL.ActionBeginTransactionResult()
      result.transactionID = .init(
        try session.beginTransaction(connectionID: call.connection.id).bytes)
      try await sendResult(try result.packed(), call)
    case FlightSQL.ActionName.endTransaction:
      try await endTransaction(try .init(unpacking: action.body), session)
    case FlightSQL.ActionName.beginSavepoint, FlightSQL.ActionName.endSavepoint:
      throw GRPCError(
        .unimplemented, "savepoints are not supported: the engine has none; use a transaction")
    case FlightSQL.ActionName.createPreparedSubstraitPlan:
      throw GRPCError(.unimplemented, "Substrait plans are not supported; send SQL")
    case FlightSQL.ActionName.cancelQuery:
      try await cancelQuery(try .init(unpacking: action.body), call, session)
    case Flight.ActionName.cancelFlightInfo:
      let cancel = try Flight.CancelFlightInfoRequest(decoding: action.body)
      var result = Flight.CancelFlightInfoResult()
      result.status = try self.cancel(cancel.info, session) ? .cancelled : .notCancellable
      try await sendResult(try result.serializedData(), call)
    case Flight.ActionName.renewFlightEndpoint:
      let renew = try Flight.RenewFlightEndpointRequest(decoding: action.body)
      if let handle = try Self.resultHandle(renew.endpoint) { try session.renew(handle) }
      try await sendResult(try renewed(renew.endpoint).serializedData(), call)
    case Self.pingAction: try await sendResult(Data(), call)
    default: try await sessionAction(action, call, session)
    }
  }

  private func sendResult(_ body: Data, _ call: ServerCall) async throws {
    var result = Flight.Result()
    result.body = body
    try await send(result, call)
  }

  // MARK: Prepared statements and transactions

  private func createPrepared(
    _ request: FlightSQL.ActionCreatePreparedStatementRequest, _ call: ServerCall,
    _ session: Session
  ) async throws {
    let transaction = try Self.transaction(request.hasTransactionID ? request.transactionID : nil)
    let prepared = try await session.prepare(
      request.query,
      StatementContext(transaction: transaction, connectionID: call.connection.id))
    var result = FlightSQL.ActionCreatePreparedStatementResult()
    result.preparedStatementHandle = .init(prepared.handle.bytes)
    if !prepared.resultSchema.fields.isEmpty {
      result.datasetSchema = .init(IPCStream.schemaBytes(prepared.resultSchema))
    }
    if !prepared.parameterSchema.fields.isEmpty {
      result.parameterSchema = .init(IPCStream.schemaBytes(prepared.parameterSchema))
    }
    result.isUpdate = prepared.isUpdate
    try await sendResult(try result.packed(), call)
  }

  private func endTransaction(
    _ request: FlightSQL.ActionEndTransactionRequest, _ session: Session
  ) async throws {
    guard let handle = try Self.transaction(request.transactionID) else {
      throw GRPCError(.invalidArgument, "the request names no transaction")
    }
    switch request.action {
    case .commit: try await session.endTransaction(handle, commits: true)
    case .rollback: try await session.endTransaction(handle, commits: false)
    default:
      throw GRPCError(.invalidArgument, "the request says neither commit nor rollback")
    }
  }

  // MARK: Cancelling and leases

  private func cancelQuery(
    _ request: FlightSQL.ActionCancelQueryRequest, _ call: ServerCall, _ session: Session
  ) async throws {
    let info = try Flight.FlightInfo(decoding: request.info)
    var result = FlightSQL.ActionCancelQueryResult()
    result.result = try cancel(info, session) ? .cancelled : .notCancellable
    try await sendResult(try result.packed(), call)
  }

  /// - Returns: Whether there was something to cancel.
  private func cancel(_ info: Flight.FlightInfo, _ session: Session) throws -> Bool {
    var isCancelled = false
    for endpoint in info.endpoint {
      guard let handle = try Self.resultHandle(endpoint) else { continue }
      isCancelled = try session.cancel(handle) || isCancelled
    }
    return isCancelled
  }

  /// The handle in an endpoint's ticket; `nil` for an answer that needs none, as metadata.
  private static func resultHandle(_ endpoint: Flight.FlightEndpoint) throws -> Handle? {
    let command = try FlightSQL.Command(unpacking: endpoint.ticket.ticket)
    guard case .statementTicket(let statement) = command else { return nil }
    return try handle(statement.statementHandle)
  }

  private func renewed(_ endpoint: Flight.FlightEndpoint) -> Flight.FlightEndpoint {
    var renewed = endpoint
    renewed.expirationTime = expiration
    return renewed
  }

  /// When a lease that begins now ends.
  var expiration: Google_Protobuf_Timestamp {
    let seconds = WallClock.secondsSince1970
    return .with { $0.seconds = seconds + database.options.handleLease.components.seconds }
  }
}
