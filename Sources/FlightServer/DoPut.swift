internal import Columnar
internal import Database
internal import Engine
internal import FlightProtocol
internal import GRPC
internal import NIOCore
internal import SwiftProtobuf

extension FlightService {
  func doPut(_ call: ServerCall, _ session: Session) async throws {
    var upload = Upload(call, metrics)
    guard let descriptor = try await upload.begin() else {
      throw GRPCError(.invalidArgument, "the put has no message")
    }
    switch descriptor.type {
    case .path:
      var request = IngestRequest(table: descriptor.path.last ?? "", ifMissing: .create)
      _ = try Self.relation(descriptor.path)
      if let writer = session.streamWriter(descriptor.path) {
        return try await put(to: writer, upload, call)
      }
      request.schema = descriptor.path.dropLast().last
      request.catalog = descriptor.path.dropLast(2).last
      try await ingest(request, upload, call, session)
    case .cmd:
      try await put(try FlightSQL.Command(unpacking: descriptor.cmd), upload, call, session)
    default:
      throw GRPCError(
        .invalidArgument, "the first message of a put needs a descriptor with a path or a command")
    }
  }

  private func put(
    _ command: FlightSQL.Command, _ upload: consuming Upload, _ call: ServerCall,
    _ session: Session
  ) async throws {
    var upload = upload
    let connectionID = call.connection.id
    switch command {
    case .statementUpdate(let statement):
      let transaction = try Self.transaction(
        statement.hasTransactionID ? statement.transactionID : nil)
      let context = StatementContext(transaction: transaction, connectionID: connectionID)
      try await answer(rowCount: try await session.update(statement.query, context), call)
    case .preparedStatementUpdate(let statement):
      let prepared = try session.prepared(try Self.handle(statement.preparedStatementHandle))
      let parameters = try await upload.parameters()
      let count = try await session.update(
        prepared, parameters: parameters, connectionID: connectionID)
      try await answer(rowCount: count, call)
    case .preparedStatementQuery(let statement):
      let prepared = try session.prepared(try Self.handle(statement.preparedStatementHandle))
      prepared.bind(try await upload.parameters())
      var result = FlightSQL.DoPutPreparedStatementResult()
      result.preparedStatementHandle = statement.preparedStatementHandle
      var answer = Flight.PutResult()
      answer.appMetadata = try result.serializedData()
      try await send(answer, call)
    case .statementIngest(let statement):
      try await ingest(try IngestRequest(statement), upload, call, session)
    case .substraitPlan:
      throw GRPCError(.unimplemented, "Substrait plans are not supported; send SQL")
    case .unknown(let name):
      throw GRPCError(.invalidArgument, "the command \(name) is not one of Flight SQL")
    default:
      throw GRPCError(.invalidArgument, "nothing can be put to this command")
    }
  }

  func answer(rowCount: Int, _ call: ServerCall) async throws {
    var result = FlightSQL.DoPutUpdateResult()
    result.recordCount = Int64(rowCount)
    var answer = Flight.PutResult()
    answer.appMetadata = try result.serializedData()
    try await send(answer, call)
  }
}
