public import NIOCore

/// One call as the one who makes it sees it.
///
/// May be used from anywhere; it is fastest from a task on the client's executor. Receive until `nil` or
/// an error, or cancel: a call that is dropped half-way stays open until its timeout.
public final class ClientCall: Sendable {
  private let stream: ClientStream
  private let executor: LoopExecutor

  init(stream: ClientStream, executor: LoopExecutor) {
    self.stream = stream
    self.executor = executor
  }

  /// Sends a message of the request. Suspends while more than the high-water mark waits to be sent.
  ///
  /// - Parameter isLast: Says in the same breath that no more will come.
  /// - Throws: `GRPCError` if the call has ended, with its status.
  public func send(_ message: GatherMessage, isLast: Bool = false) async throws {
    guard executor.eventLoop.inEventLoop else {
      return try await executor.run { try await self.send(message, isLast: isLast) }
    }
    try stream.send(message, isLast: isLast)
    if !stream.isWritable && !isLast { try await stream.waitForRoom() }
  }

  /// Says that no more messages will be sent.
  public func halfClose() async throws {
    guard executor.eventLoop.inEventLoop else {
      return try await executor.run { try await self.halfClose() }
    }
    try stream.halfClose()
  }

  /// The next message of the response; `nil` when the call has ended with OK.
  ///
  /// - Throws: `GRPCError` with the status and its trailers if the call ended with another status;
  ///   `CancellationError` if this task is cancelled (the call itself goes on).
  public func receive() async throws -> ByteBuffer? {
    while executor.eventLoop.inEventLoop {
      if let message = try stream.takeMessage() { return message }
      if let end = stream.end {
        if end.code == .ok { return nil }
        throw end
      }
      try await stream.waitForMore()
    }
    return try await executor.run { try await self.receive() }
  }

  /// The headers of the response, once they are here.
  ///
  /// - Throws: `GRPCError` if the call ended before any came.
  public func headers() async throws -> GRPCMetadata {
    while executor.eventLoop.inEventLoop {
      if let headers = stream.responseHeaders { return headers }
      if let end = stream.end {
        // A response without a message may consist of trailers alone.
        if end.code == .ok { return end.metadata }
        throw end
      }
      try await stream.waitForMore()
    }
    return try await executor.run { try await self.headers() }
  }

  /// The trailers of the response, after ``receive()`` has returned `nil` or thrown.
  public func trailers() async throws -> GRPCMetadata {
    guard executor.eventLoop.inEventLoop else {
      return try await executor.run { try await self.trailers() }
    }
    return stream.end?.metadata ?? GRPCMetadata()
  }

  /// Gives the call up: the server is told, and whoever waits gets CANCELLED.
  public func cancel() {
    if executor.eventLoop.inEventLoop {
      stream.cancel(GRPCError(.cancelled, "The call was cancelled here."))
    } else {
      executor.eventLoop.execute { [stream] in
        stream.cancel(GRPCError(.cancelled, "The call was cancelled here."))
      }
    }
  }
}
