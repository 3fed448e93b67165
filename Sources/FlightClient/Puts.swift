internal import Columnar
internal import FlightProtocol
internal import GRPC
internal import NIOCore
internal import SwiftProtobuf

extension FlightClient {
  /// Puts a command and batches, and reads how many rows changed; -1 if the server does not say.
  func putUpdate(
    _ command: some FlightSQLMessage, schema: Schema, batches: some Sequence<Batch>
  ) async throws -> Int64 {
    let put = try await beginPut(command, schema: schema)
    for batch in batches { try await put.write(batch) }
    return try await put.rowCount()
  }

  func beginPut(
    _ command: some FlightSQLMessage, schema: Schema
  ) async throws -> BatchWriter {
    let writer = BatchWriter(client: self, call: begin(Flight.Method.doPut), schema: schema)
    try await writer.start(Flight.FlightDescriptor(command: command))
    return writer
  }
}

/// Sends batches of one schema to the server in one DoPut. Used by one task.
///
/// Sending waits when the server is slower. Dropping it before it is finished cancels the call.
final class BatchWriter {
  private let client: FlightClient
  private let call: ClientCall
  private var encoder: IPCEncoder

  init(client: FlightClient, call: ClientCall, schema: Schema) {
    self.client = client
    self.call = call
    encoder = IPCEncoder(schema: schema)
  }

  deinit { call.cancel() }

  func start(_ descriptor: Flight.FlightDescriptor) async throws {
    try await send(FlightData(encoder.schemaMessage, descriptor: descriptor))
  }

  func write(_ batch: Batch) async throws {
    for message in try encoder.encode(batch) { try await send(FlightData(message)) }
  }

  private func send(_ data: FlightData) async throws {
    let (head, body) = try data.encode()
    do {
      try await call.send(GatherMessage(head: head, body: body))
    } catch {
      call.cancel()
      throw error
    }
  }

  /// Ends the request and returns what the server answers.
  func results() async throws -> [Flight.PutResult] {
    do {
      try await call.halfClose()
      var results: [Flight.PutResult] = []
      while let answer = try await call.receive() {
        results.append(try Flight.PutResult(decoding: answer))
      }
      await client.rememberHeaders(of: call)
      return results
    } catch {
      call.cancel()
      throw error
    }
  }

  /// Ends the request and adds up the row counts that the server answers.
  func rowCount() async throws -> Int64 {
    var total: Int64?
    // A count of 0 has no bytes.
    for result in try await results() {
      let count = try FlightSQL.DoPutUpdateResult(decoding: result.appMetadata).recordCount
      let sum = (total ?? 0).addingReportingOverflow(count)
      total = sum.overflow ? -1 : sum.partialValue
    }
    return total ?? -1
  }
}
