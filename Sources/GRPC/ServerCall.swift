public import NIOCore

/// One call as its handler sees it.
///
/// May be used from anywhere; it is fastest on the event loop of the connection, where handlers start:
/// there, receiving a message that is already here and sending below the high-water mark take no hop.
/// One task receives and one sends at a time.
public final class ServerCall: Sendable {
  /// `/package.Service/Method`.
  public let path: String
  /// The request's headers.
  public let metadata: GRPCMetadata
  public let connection: ServerConnection
  /// When the caller stops waiting. The transport enforces it; look at it only to plan work.
  public let deadline: NIODeadline?

  private let stream: ServerStream

  init(
    path: String, metadata: GRPCMetadata, deadline: NIODeadline?, connection: ServerConnection,
    stream: ServerStream
  ) {
    self.path = path
    self.metadata = metadata
    self.deadline = deadline
    self.connection = connection
    self.stream = stream
  }

  /// The next message of the request; `nil` when the caller has sent its last one.
  ///
  /// The bytes may be a view into a larger buffer that arrived with them: copy what is kept for long.
  ///
  /// - Throws: `GRPCError` if the call has ended; `CancellationError` if this task is cancelled.
  public func receive() async throws -> ByteBuffer? {
    while connection.eventLoop.inEventLoop {
      if let message = try stream.takeMessage() { return message }
      if let end = stream.end { throw end }
      if stream.isInboundEnded { return nil }
      try await stream.inboundGate.wait()
    }
    return try await onLoop { try await self.receive() }
  }

  /// Sends a message of the response. Suspends while more than the high-water mark waits to be sent.
  ///
  /// - Throws: `GRPCError` if the call has ended; `CancellationError` if this task is cancelled.
  public func send(_ message: GatherMessage) async throws {
    guard connection.eventLoop.inEventLoop else {
      return try await onLoop { try await self.send(message) }
    }
    try stream.send(message)
    if !stream.isWritable { try await stream.waitForRoom() }
  }

  /// Sends response headers now, with `metadata` among them. Without this they go out before the first
  /// message. Does nothing if they have gone out already.
  public func sendHeaders(_ metadata: GRPCMetadata) {
    onLoop { $0.sendHeaders(metadata, flushes: true) }
  }

  /// Adds to the metadata that is sent with the status at the end.
  public func addTrailer(_ name: String, _ value: String) {
    onLoop { $0.trailers.add(name, value) }
  }

  /// Adds to the metadata that is sent with the status at the end.
  public func addTrailers(_ metadata: GRPCMetadata) {
    onLoop { $0.trailers.add(contentsOf: metadata) }
  }

  /// Compresses the messages of the response with gzip, if the caller accepts that. To be called
  /// before the first message and before ``sendHeaders(_:)``.
  public func compressResponse() {
    onLoop { $0.compressResponse() }
  }

  private func onLoop(_ action: @escaping @Sendable (ServerStream) -> Void) {
    if connection.eventLoop.inEventLoop {
      action(stream)
    } else {
      connection.eventLoop.execute { [stream] in action(stream) }
    }
  }

  private func onLoop<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await connection.executor.run(operation)
  }
}
