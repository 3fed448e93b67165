internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// One call on an HTTP/2 stream: what server and client have in common.
///
/// Loop-bound: every member is used on `eventLoop` only, so there are no locks; hence `@unchecked
/// Sendable`. The tasks of the call run on the same loop (``LoopExecutor``) and call it directly.
///
/// Inbound, the stream is read while less than `maxUnreadBytes` of whole messages wait for
/// ``nextMessage()``; then reading stops, the peer's flow-control window runs dry, and the peer waits.
/// Outbound, a sender waits while the stream is above its high-water mark.
class CallStream: ChannelDuplexHandler, @unchecked Sendable {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  let eventLoop: any EventLoop
  private let limits: CallLimits
  private(set) var context: ChannelHandlerContext?
  /// What was written before there was a stream.
  private var early: [HTTP2Frame.FramePayload] = []

  /// Why the call can no longer be used; set once.
  private(set) var end: GRPCError?
  /// The peer will send no more messages.
  private(set) var isInboundEnded = false
  /// The encoding that compressed messages of the peer have.
  var inboundCompression = GRPCCompression.identity
  /// How messages are sent.
  var outboundCompression = GRPCCompression.identity

  private var decoder: MessageDecoder
  private var unread: CircularBuffer<MessageDecoder.Message>
  private var unreadBytes = 0
  /// The channel asked to read while too much was unread.
  private var isReadHeld = false
  /// More messages have arrived, or none will.
  private(set) lazy var inboundGate = LoopGate(eventLoop: eventLoop)

  private(set) var isWritable = true
  private var isFlushScheduled = false
  /// A batch is being delivered; its end flushes.
  private var isDelivering = false
  private var hasUnflushedWrites = false
  /// There is room to write, or there never will be.
  private lazy var outboundGate = LoopGate(eventLoop: eventLoop)

  init(eventLoop: any EventLoop, limits: CallLimits) {
    self.eventLoop = eventLoop
    self.limits = limits
    decoder = MessageDecoder(maxMessageBytes: limits.maxMessageBytes)
    unread = CircularBuffer(initialCapacity: 1)
  }

  // MARK: What a side adds

  /// Headers of the peer: the first block, or trailers.
  func received(_ headers: HPACKHeaders, endsStream: Bool) {}
  /// What arrived together has been delivered.
  func receivedBatch() {}
  /// The peer broke the protocol or a limit.
  func received(violation error: GRPCError) {}
  /// The stream has closed; `error` if it was reset or lost.
  func closed(_ error: (any Error)?) {}

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    isWritable = context.channel.isWritable
    let waiting = early
    early = []
    if end != nil {
      context.close(promise: nil)
    } else if !waiting.isEmpty {
      for payload in waiting { context.write(wrapOutboundOut(payload), promise: nil) }
      context.flush()
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .data(let frame):
      guard end == nil, case .byteBuffer(let bytes) = frame.data else { return }
      receive(bytes, endsStream: frame.endStream)
    case .headers(let frame):
      guard end == nil else { return }
      received(frame.headers, endsStream: frame.endStream)
    default:
      break  // resets arrive as errors, the rest concerns the connection
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isDelivering = true
    receivedBatch()
    isDelivering = false
    flush()
  }

  func read(context: ChannelHandlerContext) {
    if unreadBytes < limits.maxUnreadBytes || end != nil {
      context.read()
    } else {
      isReadHeld = true
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    isWritable = context.channel.isWritable
    if isWritable { outboundGate.open() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    closed(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    closed(nil)
  }

  // MARK: Ending

  /// Ends the call for its users: whoever waits is woken, whatever is unread is dropped.
  ///
  /// - Returns: `false` if it had ended before.
  @discardableResult
  func finish(_ error: GRPCError, keepsUnread: Bool = false) -> Bool {
    guard end == nil else { return false }
    end = error
    if !keepsUnread {
      unread.removeAll()
      unreadBytes = 0
    }
    inboundGate.fail(error)
    outboundGate.fail(error)
    resumeReading()
    return true
  }
}

// MARK: Inbound

extension CallStream {
  private func receive(_ bytes: ByteBuffer, endsStream: Bool) {
    do throws(GRPCError) {
      try decoder.decode(bytes) { message in
        unreadBytes += message.payload.readableBytes
        unread.append(message)
      }
      if endsStream { try endInbound() }
    } catch {
      received(violation: error)
      return
    }
    inboundGate.open()
  }

  /// The peer has sent its last message.
  func endInbound() throws(GRPCError) {
    isInboundEnded = true
    guard decoder.isBetweenMessages else { throw .truncated }
    inboundGate.open()
  }

  /// Takes the next message if one is here.
  func takeMessage() throws(GRPCError) -> ByteBuffer? {
    guard let message = unread.popFirst() else { return nil }
    unreadBytes -= message.payload.readableBytes
    if isReadHeld, unreadBytes <= limits.maxUnreadBytes / 2 { resumeReading() }
    guard message.isCompressed else { return message.payload }
    guard inboundCompression == .gzip else {
      throw GRPCError(.internal, "A message is marked as compressed, but no encoding was named.")
    }
    return try Gzip.decompress(message.payload, limit: limits.maxMessageBytes)
  }

  private func resumeReading() {
    guard isReadHeld else { return }
    isReadHeld = false
    context?.read()
  }
}

// MARK: Outbound

extension CallStream {
  /// Writes one message; it leaves with the next flush, at the latest at the end of this turn of the loop.
  func write(_ message: GatherMessage, endsStream: Bool = false) throws(GRPCError) {
    var last: ByteBuffer?
    let emit = { (bytes: ByteBuffer) in
      if let previous = last.take() { self.write(previous, endsStream: false) }
      last = bytes
    }
    if outboundCompression == .gzip {
      let compressed = GatherMessage(head: try Gzip.compress(message))
      try MessageEncoder.encode(compressed, isCompressed: true, emit)
    } else {
      try MessageEncoder.encode(message, emit)
    }
    if let last { write(last, endsStream: endsStream) }
    scheduleFlush()
  }

  private func write(_ bytes: ByteBuffer, endsStream: Bool) {
    write(.data(HTTP2Frame.FramePayload.Data(data: .byteBuffer(bytes), endStream: endsStream)))
  }

  func write(_ payload: HTTP2Frame.FramePayload, promise: EventLoopPromise<Void>? = nil) {
    hasUnflushedWrites = true
    guard let context else {
      // Only a client writes before there is a stream; after it, nobody listens any more.
      if end == nil { early.append(payload) }
      promise?.fail(GRPCError.connectionClosed)
      return
    }
    context.write(wrapOutboundOut(payload), promise: promise)
  }

  func flush() {
    guard hasUnflushedWrites else { return }
    hasUnflushedWrites = false
    context?.flush()
  }

  /// Waits until less than the high-water mark is unsent.
  func waitForRoom() async throws {
    flush()  // often this alone makes room, at once
    if let end { throw end }
    if !isWritable { try await outboundGate.wait() }
  }

  /// One flush for everything that is written in this turn of the loop.
  func scheduleFlush() {
    guard !isFlushScheduled && !isDelivering else { return }
    isFlushScheduled = true
    eventLoop.execute {
      self.isFlushScheduled = false
      self.flush()
    }
  }
}

/// The limits of one call, in bytes.
struct CallLimits: Sendable {
  /// A longer message from the peer ends the call.
  var maxMessageBytes: Int
  /// How much may wait to be received before the peer is made to wait.
  var maxUnreadBytes: Int
}
