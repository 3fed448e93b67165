internal import Columnar
internal import FlightProtocol
internal import GRPC
internal import NIOCore
internal import Telemetry

/// The batches of a put, decoded as they arrive.
struct Upload: Sendable {
  /// Parameters are held in memory until the statement has run; more bytes than this are refused.
  private static let maxParameterByteCount = 256 << 20

  private static let maxCompactedByteCount = 64 << 10

  private let call: ServerCall
  private var decoder = IPCDecoder()
  private var first: FlightData?
  private var foundSchema: Schema?

  private let metrics: ServerMetrics

  init(_ call: ServerCall, _ metrics: ServerMetrics) {
    self.call = call
    self.metrics = metrics
  }

  /// Receives the first message, which says what the put is for.
  mutating func begin() async throws -> Flight.FlightDescriptor? {
    guard let message = try await call.receive() else { return nil }
    let data = try FlightData.decode(message)
    first = data
    return data.descriptor ?? Flight.FlightDescriptor()
  }

  private mutating func nextMessage() async throws -> FlightData? {
    if let data = first {
      first = nil
      return data
    }
    return try await call.receive().map { try FlightData.decode($0) }
  }

  /// The columns of the batches that follow.
  mutating func schema() async throws -> Schema {
    while foundSchema == nil {
      guard let data = try await nextMessage() else {
        throw GRPCError(.invalidArgument, "the put ended before its schema came")
      }
      _ = try decode(data)
    }
    return foundSchema ?? Schema([])
  }

  /// The next message that says something: a batch, or metadata of the producer alone. `nil` when the
  /// client has sent its last one.
  mutating func nextPut() async throws -> (batch: Batch?, metadata: String)? {
    while let data = try await nextMessage() {
      let metadata = data.appMetadata.map { String(buffer: $0) } ?? ""
      let batch = try decode(data)
      if batch != nil || !metadata.isEmpty { return (batch, metadata) }
    }
    return nil
  }

  /// The next batch; `nil` when the client has sent its last one.
  mutating func nextBatch() async throws -> Batch? {
    while let data = try await nextMessage() {
      if let batch = try decode(data) { return batch }
    }
    return nil
  }

  /// All batches as one; `nil` when there is none, or none with columns.
  mutating func parameters() async throws -> Batch? {
    var batches: [Batch] = []
    var byteCount = 0
    while let data = try await nextMessage() {
      byteCount += data.bodyByteCount
      guard byteCount <= Self.maxParameterByteCount else {
        throw GRPCError(
          .resourceExhausted,
          "the parameters are larger than \(Self.maxParameterByteCount) bytes; use bulk ingest")
      }
      if let batch = try decode(data) { batches.append(batch) }
    }
    guard let schema = foundSchema, !schema.fields.isEmpty, !batches.isEmpty else { return nil }
    if batches.count == 1 { return batches[0] }
    do {
      return try Batch.concatenate(batches)
    } catch {
      throw GRPCError(.invalidArgument, "the parameters cannot be put together: \(error)")
    }
  }

  private mutating func decode(_ data: FlightData) throws -> Batch? {
    guard data.header.readableBytes > 0 else { return nil }
    do {
      var body = data.columnarBody
      // Rows of streams are kept a while in memory: a small body must not keep all that the network
      // received with it.
      if body.count <= Self.maxCompactedByteCount { body = body.compacted() }
      switch try decoder.decode(header: data.columnarHeader, body: body) {
      case .schema(let schema):
        foundSchema = schema
        return nil
      case .dictionary: return nil
      case .batch(let batch):
        metrics.received(rowCount: batch.rowCount, byteCount: data.bodyByteCount)
        return batch
      }
    } catch {
      throw GRPCError(.invalidArgument, "the Arrow message cannot be read: \(error)")
    }
  }
}
