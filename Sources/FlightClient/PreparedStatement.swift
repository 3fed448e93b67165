public import Columnar
internal import FlightProtocol
#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif
internal import SwiftProtobuf
internal import Synchronization

/// A statement that the server has prepared. Close it when it is no longer needed; the server
/// forgets it some time after its last use anyway.
public final class PreparedStatement: Sendable {
  /// The schema of the rows it returns; empty if it returns none, or if they are not yet known.
  public let resultSchema: Schema
  /// One field per parameter; the type is null where the server cannot tell.
  public let parameterSchema: Schema
  /// Whether it is run with `update`.
  public let isUpdate: Bool

  private let client: FlightClient
  /// A bind may replace it.
  private let handle: Mutex<Data>

  init(
    _ answer: FlightSQL.ActionCreatePreparedStatementResult, client: FlightClient
  ) throws {
    self.client = client
    handle = Mutex(answer.preparedStatementHandle)
    resultSchema =
      answer.datasetSchema.isEmpty
      ? Schema() : try IPCStream.schema(fromEncapsulated: [UInt8](answer.datasetSchema))
    parameterSchema =
      answer.parameterSchema.isEmpty
      ? Schema() : try IPCStream.schema(fromEncapsulated: [UInt8](answer.parameterSchema))
    isUpdate = answer.hasIsUpdate ? answer.isUpdate : resultSchema.fields.isEmpty
  }

  private var currentHandle: Data { handle.withLock { $0 } }

  /// Sets the parameters for the queries that follow. With several rows, the result is that of
  /// each row behind the other.
  public func bind(_ parameters: Batch) async throws {
    var command = FlightSQL.CommandPreparedStatementQuery()
    command.preparedStatementHandle = currentHandle
    let put = try await client.beginPut(command, schema: parameters.schema)
    try await put.write(parameters)
    for result in try await put.results() where !result.appMetadata.isEmpty {
      let answer = try FlightSQL.DoPutPreparedStatementResult(decoding: result.appMetadata)
      guard answer.hasPreparedStatementHandle else { continue }
      handle.withLock { $0 = answer.preparedStatementHandle }
    }
  }

  /// Runs it and returns rows.
  public func query() async throws -> QueryResult {
    var command = FlightSQL.CommandPreparedStatementQuery()
    command.preparedStatementHandle = currentHandle
    return try await client.result(of: command)
  }

  /// Runs it once per row of the parameters, all or nothing; once if there are none.
  ///
  /// - Returns: How many rows changed; -1 if not known.
  public func update(_ parameters: Batch? = nil) async throws -> Int64 {
    var command = FlightSQL.CommandPreparedStatementUpdate()
    command.preparedStatementHandle = currentHandle
    return try await client.putUpdate(
      command, schema: parameters?.schema ?? Schema(), batches: parameters.map { [$0] } ?? [])
  }

  /// Tells the server to forget it.
  public func close() async throws {
    var request = FlightSQL.ActionClosePreparedStatementRequest()
    request.preparedStatementHandle = currentHandle
    _ = try await client.action(
      FlightSQL.ActionName.closePreparedStatement, body: try request.packed())
  }
}

extension FlightClient {
  /// Prepares a statement.
  public func prepare(
    _ sql: String, in transaction: FlightTransaction? = nil
  ) async throws -> PreparedStatement {
    var request = FlightSQL.ActionCreatePreparedStatementRequest()
    request.query = sql
    if let transaction { request.transactionID = transaction.id }
    let answer: FlightSQL.ActionCreatePreparedStatementResult = try await packedAction(
      FlightSQL.ActionName.createPreparedStatement, request)
    return try PreparedStatement(answer, client: self)
  }
}
