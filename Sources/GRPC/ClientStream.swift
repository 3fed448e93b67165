internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// The client's side of one call.
final class ClientStream: CallStream, @unchecked Sendable {
  private let requestHeaders: HPACKHeaders
  private let timeout: TimeAmount?
  private var deadlineTimer: NIOScheduledCallback?
  /// The first block of the server's headers.
  private(set) var responseHeaders: GRPCMetadata?
  private var isHalfClosed = false

  init(
    eventLoop: any EventLoop, limits: CallLimits, headers: HPACKHeaders, timeout: TimeAmount?,
    compression: GRPCCompression
  ) {
    requestHeaders = headers
    self.timeout = timeout
    super.init(eventLoop: eventLoop, limits: limits)
    outboundCompression = compression
  }

  /// Asks for a stream. Until it is there, what is written waits.
  func open(on multiplexer: NIOHTTP2Handler.StreamMultiplexer) {
    if eventLoop.inEventLoop {
      openOnLoop(multiplexer)
    } else {
      eventLoop.execute { self.openOnLoop(multiplexer) }
    }
  }

  private func openOnLoop(_ multiplexer: NIOHTTP2Handler.StreamMultiplexer) {
    write(.headers(HTTP2Frame.FramePayload.Headers(headers: requestHeaders)))
    if let timeout {
      deadlineTimer = try? eventLoop.scheduleCallback(
        in: timeout, handler: DeadlineTimer(stream: self))
    }
    let promise = eventLoop.makePromise(of: (any Channel).self)
    promise.futureResult.whenFailure { _ in self.end(.connectionClosed) }
    multiplexer.createStreamChannel(promise: promise) { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(self)
      }
    }
  }

  func send(_ message: GatherMessage, isLast: Bool) throws(GRPCError) {
    try checkMaySend()
    try write(message, endsStream: isLast)
    if isLast { isHalfClosed = true }
  }

  func halfClose() throws(GRPCError) {
    guard !isHalfClosed else { return }
    try checkMaySend()
    isHalfClosed = true
    let empty = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer()), endStream: true)
    write(.data(empty))
    scheduleFlush()
  }

  private func checkMaySend() throws(GRPCError) {
    if let end { throw end.code == .ok ? .callFinished : end }
    guard !isHalfClosed else {
      throw GRPCError(.failedPrecondition, "The last message has been sent before.")
    }
  }

  /// Waits until something has arrived or the call has ended.
  func waitForMore() async throws {
    flush()
    if end == nil { try await inboundGate.wait() }
  }

  func cancel(_ reason: GRPCError) {
    guard end(reason, keepsUnread: false) else { return }
    context?.close(promise: nil)
  }

  /// - Returns: `false` if it had ended before.
  @discardableResult
  private func end(_ status: GRPCError, keepsUnread: Bool = true) -> Bool {
    guard finish(status, keepsUnread: keepsUnread) else { return false }
    deadlineTimer?.cancel()
    deadlineTimer = nil
    return true
  }

  // MARK: What the server says

  override func received(_ headers: HPACKHeaders, endsStream: Bool) {
    if responseHeaders == nil, headers.first(name: ":status")?.first == "1" { return }
    if endsStream {
      endReceived(headers)
    } else if responseHeaders == nil {
      firstReceived(headers)
    }
  }

  private func firstReceived(_ headers: HPACKHeaders) {
    if let error = ResponseHead.httpError(headers) {
      cancel(error)
      return
    }
    if let name = headers.first(name: "grpc-encoding") {
      guard let compression = GRPCCompression(rawValue: name) else {
        cancel(GRPCError(.internal, "The server used the unknown encoding \(name)."))
        return
      }
      inboundCompression = compression
    }
    responseHeaders = GRPCMetadata(received: headers)
    inboundGate.open()
  }

  private func endReceived(_ headers: HPACKHeaders) {
    do throws(GRPCError) {
      try endInbound()
    } catch {
      cancel(error)
      return
    }
    end(ResponseHead.status(headers, isFirst: responseHeaders == nil))
    if !isHalfClosed { context?.close(promise: nil) }
  }

  override func received(violation error: GRPCError) {
    cancel(error)
  }

  override func closed(_ error: (any Error)?) {
    end(error.map(ResponseHead.status(of:)) ?? .connectionClosed)
  }
}

private struct DeadlineTimer: NIOScheduledCallbackHandler, Sendable {
  let stream: ClientStream

  func handleScheduledCallback(eventLoop: some EventLoop) {
    stream.cancel(.deadlinePassed)
  }
}
