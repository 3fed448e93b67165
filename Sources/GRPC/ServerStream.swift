internal import Logging
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// The server's side of one call: checks the request's headers, runs the handler, answers.
final class ServerStream: CallStream, @unchecked Sendable {
  private let runtime: ServerRuntime
  private let connection: ServerConnection
  private var call: ServerCall?
  private var task: Task<Void, Never>?
  private var deadlineTimer: NIOScheduledCallback?
  private var acceptsGzip = false
  private var areHeadersSent = false
  /// Metadata of the handler for the end of the call.
  var trailers = GRPCMetadata()

  init(runtime: ServerRuntime, connection: ServerConnection) {
    self.runtime = runtime
    self.connection = connection
    super.init(eventLoop: connection.eventLoop, limits: runtime.limits)
  }

  override func received(_ headers: HPACKHeaders, endsStream: Bool) {
    do throws(GRPCError) {
      if endsStream { try endInbound() }
    } catch {
      received(violation: error)
      return
    }
    guard call == nil else { return }  // trailers of a request say nothing
    switch RequestHead.check(headers) {
    case .success(let head):
      accept(head, GRPCMetadata(received: headers))
    case .failure(let refusal):
      refuse(refusal)
    }
  }

  private func accept(_ head: RequestHead, _ metadata: GRPCMetadata) {
    inboundCompression = head.compression
    acceptsGzip = head.acceptsGzip
    let deadline = head.timeout.map { NIODeadline.now() + $0 }
    call = ServerCall(
      path: head.path, metadata: metadata, deadline: deadline, connection: connection, stream: self)
    if let deadline {
      deadlineTimer = try? eventLoop.scheduleCallback(
        at: deadline, handler: DeadlineTimer(stream: self))
    }
  }

  /// The handler starts when everything that came with the headers is here, so that a short call
  /// finds its message and its end and never suspends.
  override func receivedBatch() {
    guard task == nil, end == nil, let call else { return }
    let runtime = runtime
    runtime.handlerStarted()
    let task = Task.immediate(executorPreference: connection.executor) {
      do {
        try await runtime.service(for: call).handle(call)
        self.handlerEnded(nil)
      } catch {
        self.handlerEnded(error)
      }
      runtime.handlerEnded()
    }
    if end == nil { self.task = task }
  }

  private func handlerEnded(_ error: (any Error)?) {
    guard eventLoop.inEventLoop else {
      eventLoop.execute { self.handlerEnded(error) }
      return
    }
    task = nil
    guard end == nil else { return }
    if let error {
      respond(runtime.status(for: error))
    } else {
      respond(nil)
    }
  }

  override func received(violation error: GRPCError) {
    guard end == nil else { return }
    respond(error)
    cancelTask()
  }

  override func closed(_ error: (any Error)?) {
    guard finish(error == nil ? .connectionClosed : .cancelledByPeer) else { return }
    cancelTask()
  }

  fileprivate func deadlinePassed() {
    guard end == nil else { return }
    if isWritable {
      respond(.deadlinePassed)
    } else {
      // The caller does not read: a status would wait behind what it has not read. Let go of it all.
      finish(.deadlinePassed)
      context?.close(promise: nil)
    }
    cancelTask()
  }

  private func cancelTask() {
    deadlineTimer?.cancel()
    deadlineTimer = nil
    task?.cancel()
    task = nil
  }
}

// MARK: The response

extension ServerStream {
  func send(_ message: GatherMessage) throws(GRPCError) {
    if let end { throw end }
    if !areHeadersSent { sendHeaders(GRPCMetadata(), flushes: false) }
    try write(message)
  }

  func compressResponse() {
    if acceptsGzip && !areHeadersSent { outboundCompression = .gzip }
  }

  func sendHeaders(_ metadata: GRPCMetadata, flushes: Bool) {
    guard end == nil, !areHeadersSent else { return }
    areHeadersSent = true
    var headers = ResponseHead.plain
    if outboundCompression == .gzip { headers.add(name: "grpc-encoding", value: "gzip") }
    for (name, value) in metadata { headers.add(name: name, value: value) }
    write(.headers(HTTP2Frame.FramePayload.Headers(headers: headers)))
    if flushes { scheduleFlush() }
  }

  /// Ends the call with `error`, or with OK.
  fileprivate func respond(_ error: GRPCError?) {
    var headers = areHeadersSent ? HPACKHeaders() : ResponseHead.plain
    if let error {
      headers.add(name: "grpc-status", value: String(error.code.rawValue))
      headers.add(name: "grpc-message", value: PercentEncoding.encode(error.message))
      for (name, value) in error.metadata { headers.add(name: name, value: value) }
    } else {
      headers.add(name: "grpc-status", value: "0")
    }
    for (name, value) in trailers { headers.add(name: name, value: value) }
    end(with: headers, error ?? .callFinished)
  }

  private func refuse(_ refusal: RequestHead.Refusal) {
    switch refusal {
    case .http(let headers): end(with: headers, .callFinished)
    case .grpc(let error): respond(error)
    }
  }

  private func end(with headers: HPACKHeaders, _ reason: GRPCError) {
    let frame = HTTP2Frame.FramePayload.headers(
      HTTP2Frame.FramePayload.Headers(headers: headers, endStream: true))
    if isInboundEnded {
      write(frame)
    } else {
      // The caller would go on sending. The reset follows once the status is out: before, it would
      // overtake what flow control still holds back.
      let promise = eventLoop.makePromise(of: Void.self)
      promise.futureResult.whenSuccess {
        self.write(.rstStream(.noError))
        self.flush()
      }
      write(frame, promise: promise)
    }
    areHeadersSent = true
    deadlineTimer?.cancel()
    deadlineTimer = nil
    finish(reason)
    flush()
  }
}

private struct DeadlineTimer: NIOScheduledCallbackHandler, Sendable {
  let stream: ServerStream

  func handleScheduledCallback(eventLoop: some EventLoop) {
    stream.deadlinePassed()
  }
}
