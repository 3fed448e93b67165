public import FlightProtocol
#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
internal import NIOCore
internal import SwiftProtobuf

/// A transaction that the server has begun. Ends with `commit` or `rollback`.
public struct FlightTransaction: Hashable, Sendable {
  public let id: Data
}

extension FlightClient {
  /// Calls an action by name and collects the bodies of its results.
  public func action(_ type: String, body: Data = Data()) async throws -> [Data] {
    var action = Flight.Action()
    action.type = type
    action.body = body
    let answers = try await finish(
      begin(Flight.Method.doAction), sending: try action.encoded())
    return try answers.map { try Flight.Result(decoding: $0).body }
  }

  /// An action of Flight SQL that has a result.
  func packedAction<Answer: SwiftProtobuf.Message & Sendable>(
    _ type: String, _ request: some SwiftProtobuf.Message
  ) async throws -> Answer {
    try Answer(unpacking: try first(await action(type, body: try request.packed()), of: type))
  }

  /// An action of Flight that has a result.
  private func plainAction<Answer: SwiftProtobuf.Message & Sendable>(
    _ type: String, _ request: some SwiftProtobuf.Message
  ) async throws -> Answer {
    let body = Data(try request.encoded().readableBytesView)
    return try Answer(decoding: try first(await action(type, body: body), of: type))
  }

  private func first(_ results: [Data], of type: String) throws -> Data {
    guard let result = results.first else {
      throw FlightClientError.incompleteAnswer("no result of \(type)")
    }
    return result
  }

  /// The actions that the server offers.
  public func actions() async throws -> [Flight.ActionType] {
    let answers = try await finish(
      begin(Flight.Method.listActions), sending: try Flight.Empty().encoded())
    return try answers.map { try Flight.ActionType(decoding: $0) }
  }

  /// What the server has to offer without being asked for something.
  public func flights(_ criteria: Data = Data()) async throws -> [Flight.FlightInfo] {
    var request = Flight.Criteria()
    request.expression = criteria
    let answers = try await finish(
      begin(Flight.Method.listFlights), sending: try request.encoded())
    return try answers.map { try Flight.FlightInfo(decoding: $0) }
  }

  public func beginTransaction() async throws -> FlightTransaction {
    let answer: FlightSQL.ActionBeginTransactionResult = try await packedAction(
      FlightSQL.ActionName.beginTransaction, FlightSQL.ActionBeginTransactionRequest())
    return FlightTransaction(id: answer.transactionID)
  }

  public func commit(_ transaction: FlightTransaction) async throws {
    try await end(transaction, .commit)
  }

  public func rollback(_ transaction: FlightTransaction) async throws {
    try await end(transaction, .rollback)
  }

  private func end(
    _ transaction: FlightTransaction,
    _ how: FlightSQL.ActionEndTransactionRequest.EndTransaction
  ) async throws {
    var request = FlightSQL.ActionEndTransactionRequest()
    request.transactionID = transaction.id
    request.action = how
    _ = try await action(FlightSQL.ActionName.endTransaction, body: try request.packed())
  }

  /// Stops computing what `info` describes.
  public func cancel(_ info: Flight.FlightInfo) async throws -> Flight.CancelStatus {
    var request = Flight.CancelFlightInfoRequest()
    request.info = info
    let answer: Flight.CancelFlightInfoResult = try await plainAction(
      Flight.ActionName.cancelFlightInfo, request)
    return answer.status
  }

  /// Asks the server to keep the data behind an endpoint for longer.
  public func renew(_ endpoint: Flight.FlightEndpoint) async throws -> Flight.FlightEndpoint {
    var request = Flight.RenewFlightEndpointRequest()
    request.endpoint = endpoint
    return try await plainAction(Flight.ActionName.renewFlightEndpoint, request)
  }

  /// Sets options of the session.
  ///
  /// - Returns: The options that could not be set, and why.
  public func setSessionOptions(
    _ options: [String: Flight.SessionOptionValue]
  ) async throws -> [String: Flight.SetSessionOptionsResult.ErrorValue] {
    var request = Flight.SetSessionOptionsRequest()
    request.sessionOptions = options
    let answer: Flight.SetSessionOptionsResult = try await plainAction(
      Flight.ActionName.setSessionOptions, request)
    return answer.errors.mapValues(\.value)
  }

  public func sessionOptions() async throws -> [String: Flight.SessionOptionValue] {
    let answer: Flight.GetSessionOptionsResult = try await plainAction(
      Flight.ActionName.getSessionOptions, Flight.GetSessionOptionsRequest())
    return answer.sessionOptions
  }

  /// Ends the session: its settings, temporary tables, transactions and prepared statements.
  public func closeSession() async throws -> Flight.CloseSessionResult.Status {
    let answer: Flight.CloseSessionResult = try await plainAction(
      Flight.ActionName.closeSession, Flight.CloseSessionRequest())
    return answer.status
  }
}
