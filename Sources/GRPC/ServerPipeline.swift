internal import Logging
internal import NIOCore
internal import NIOHTTP2

/// What a server puts on each connection.
enum ServerPipeline {
  static func configure(
    _ channel: any Channel, executor: LoopExecutor, runtime: ServerRuntime
  ) throws {
    let configuration = runtime.configuration
    let connection = ServerConnection(
      remoteAddress: channel.remoteAddress.map(describe) ?? "unknown", executor: executor)
    let management = NIOHTTP2ServerConnectionManagementHandler(
      eventLoop: channel.eventLoop, configuration: lifetime(configuration))
    let settings = TransportSettings(configuration)
    let http2 = NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop,
      connectionConfiguration: settings.connection, streamConfiguration: settings.stream,
      streamDelegate: management.http2StreamDelegate
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(
          ServerStream(runtime: runtime, connection: connection))
      }
    }
    let end = ServerConnectionHandler(runtime: runtime, connection: connection)
    try channel.pipeline.syncOperations.addHandlers([http2, management, end])
  }

  private static func lifetime(
    _ configuration: GRPCServerConfiguration
  ) -> NIOHTTP2ServerConnectionManagementHandler.Configuration {
    NIOHTTP2ServerConnectionManagementHandler.Configuration(
      maxIdleTime: configuration.maxConnectionIdle.map { TimeAmount($0) },
      maxAge: configuration.maxConnectionAge.map { TimeAmount($0) },
      maxGraceTime: configuration.maxConnectionAgeGrace.map { TimeAmount($0) },
      keepalive: configuration.keepaliveInterval.map {
        .init(
          pingInterval: TimeAmount($0), ackTimeout: TimeAmount(configuration.keepaliveTimeout))
      })
  }

  private static func describe(_ address: SocketAddress) -> String {
    guard let host = address.ipAddress, let port = address.port else { return "\(address)" }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

extension TransportSettings {
  init(_ configuration: GRPCServerConfiguration) {
    self.init(
      windowBytes: configuration.windowBytes,
      maxFrameBytes: configuration.maxFrameBytes,
      maxHeaderBytes: configuration.maxHeaderBytes,
      maxConcurrentStreams: configuration.maxConcurrentStreams,
      maxUnsentBytes: configuration.maxUnsentBytes,
      maxStreamResets: configuration.maxStreamResets,
      maxControlFrames: configuration.maxControlFrames)
  }
}

/// The end of a connection's pipeline: knows when it opens and closes.
private final class ServerConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  private let runtime: ServerRuntime
  private let connection: ServerConnection

  init(runtime: ServerRuntime, connection: ServerConnection) {
    self.runtime = runtime
    self.connection = connection
  }

  func channelActive(context: ChannelHandlerContext) {
    guard runtime.add(context.channel) else {
      runtime.logger.warning(
        "connection refused: as many are open as may be",
        metadata: ["limit": "\(runtime.configuration.maxConnections)"])
      return context.close(promise: nil)
    }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    runtime.remove(context.channel)
    connection.didClose()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // An error of one stream is that call's business; any other leaves the connection unusable.
    if error is NIOHTTP2Errors.StreamError { return }
    runtime.logger.debug(
      "connection closed after an error",
      metadata: ["peer": "\(connection.remoteAddress)", "error": "\(error)"])
    context.close(promise: nil)
  }
}
