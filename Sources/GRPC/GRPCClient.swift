public import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import NIOPosix

/// A connection to a gRPC server over plaintext HTTP/2.
///
/// Any number of calls may run on it at a time. It does not reconnect: when ``isOpen`` turns false, make
/// another. Calls cost least from tasks that run on ``executor``.
public final class GRPCClient: Sendable {
  /// The loop that all I/O of the connection happens on.
  public let eventLoop: any EventLoop
  /// Runs tasks on ``eventLoop``: `Task(executorPreference: client.executor) { … }`.
  public let executor: LoopExecutor

  let configuration: GRPCClientConfiguration
  let limits: CallLimits
  private let channel: any Channel
  private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
  private let authority: String

  private init(
    channel: any Channel, multiplexer: NIOHTTP2Handler.StreamMultiplexer, authority: String,
    configuration: GRPCClientConfiguration
  ) {
    self.channel = channel
    self.multiplexer = multiplexer
    self.authority = authority
    self.configuration = configuration
    eventLoop = channel.eventLoop
    executor = LoopExecutor(eventLoop: channel.eventLoop)
    limits = CallLimits(
      maxMessageBytes: configuration.maxResponseMessageBytes,
      maxUnreadBytes: configuration.maxUnreadBytes)
  }

  /// Connects.
  ///
  /// - Parameter group: Where the connection gets its event loop. Without one, a loop that all such
  ///   clients of the process share.
  /// - Throws: `GRPCError` with UNAVAILABLE if nobody answers.
  public static func connect(
    host: String, port: Int, configuration: GRPCClientConfiguration = GRPCClientConfiguration(),
    group: (any EventLoopGroup)? = nil
  ) async throws -> GRPCClient {
    let settings = TransportSettings(configuration)
    do {
      let (channel, multiplexer) = try await ClientBootstrap(
        group: group ?? MultiThreadedEventLoopGroup.singleton
      )
      .connectTimeout(TimeAmount(configuration.connectTimeout))
      .channelOption(.recvAllocator, value: TransportSettings.receiveAllocator)
      .connect(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          let http2 = NIOHTTP2Handler(
            mode: .client, eventLoop: channel.eventLoop,
            connectionConfiguration: settings.connection, streamConfiguration: settings.stream
          ) { pushed in
            pushed.close()
          }
          try channel.pipeline.syncOperations.addHandlers([http2, ClientConnectionHandler()])
          return (channel, try http2.syncMultiplexer())
        }
      }
      return GRPCClient(
        channel: channel, multiplexer: multiplexer, authority: "\(host):\(port)",
        configuration: configuration)
    } catch {
      throw GRPCError(.unavailable, "Cannot connect to \(host):\(port): \(error)")
    }
  }

  /// Whether the connection is up.
  public var isOpen: Bool { channel.isActive }

  /// Begins a call. Errors, the lack of a connection among them, appear when the call is used.
  ///
  /// - Parameters:
  ///   - path: `/package.Service/Method`.
  ///   - timeout: How long the call may take; told to the server and enforced here too.
  public func call(
    _ path: String, metadata: GRPCMetadata = GRPCMetadata(), timeout: Duration? = nil
  ) -> ClientCall {
    var headers: HPACKHeaders = [
      ":method": "POST", ":scheme": "http", ":path": path, ":authority": authority,
      "content-type": "application/grpc", "te": "trailers",
      "user-agent": configuration.userAgent,
      "grpc-accept-encoding": GRPCCompression.accepted,
    ]
    if configuration.compression != .identity {
      headers.add(name: "grpc-encoding", value: configuration.compression.rawValue)
    }
    let timeout = timeout.map { TimeAmount($0) }
    if let timeout { headers.add(name: "grpc-timeout", value: GRPCTimeout.format(timeout)) }
    for (name, value) in metadata { headers.add(name: name, value: value) }

    let stream = ClientStream(
      eventLoop: eventLoop, limits: limits, headers: headers, timeout: timeout,
      compression: configuration.compression)
    stream.open(on: multiplexer)
    return ClientCall(stream: stream, executor: executor)
  }

  /// Sends one message and returns the one message of the response.
  ///
  /// - Throws: `GRPCError` if the call fails, or if there is no response message.
  public func unary(
    _ path: String, _ message: GatherMessage, metadata: GRPCMetadata = GRPCMetadata(),
    timeout: Duration? = nil
  ) async throws -> ByteBuffer {
    let call = call(path, metadata: metadata, timeout: timeout)
    try await call.send(message, isLast: true)
    guard let response = try await call.receive() else {
      throw GRPCError(.internal, "The server sent no response message.")
    }
    guard try await call.receive() == nil else {
      call.cancel()
      throw GRPCError(.internal, "The server sent more than one response message.")
    }
    return response
  }

  /// Closes the connection; calls that run fail.
  public func close() async {
    try? await channel.close()
  }
}

extension TransportSettings {
  init(_ configuration: GRPCClientConfiguration) {
    self.init(
      windowBytes: configuration.windowBytes,
      maxFrameBytes: configuration.maxFrameBytes,
      maxHeaderBytes: configuration.maxHeaderBytes,
      maxConcurrentStreams: nil,
      maxUnsentBytes: configuration.maxUnsentBytes,
      maxStreamResets: 100_000,
      maxControlFrames: 10_000)
  }
}

/// The end of a client connection's pipeline.
private final class ClientConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error is NIOHTTP2Errors.StreamError { return }
    context.close(promise: nil)
  }
}
