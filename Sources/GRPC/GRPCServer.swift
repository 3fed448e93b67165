public import Logging
internal import NIOCore
internal import NIOHTTP2
internal import NIOPosix
internal import Synchronization

/// A gRPC server over plaintext HTTP/2.
///
/// ``start()`` once, ``shutDown(gracePeriod:)`` once; both from anywhere.
public final class GRPCServer: Sendable {
  /// The standard health service of this server.
  public let health = GRPCHealth()

  private enum State {
    /// Can become `starting`.
    case idle
    /// Can become `running`, or `stopped` if it fails.
    case starting
    /// Can become `stopped`.
    case running(group: MultiThreadedEventLoopGroup, listener: any Channel)
    /// Terminal: a server is not started again.
    case stopped
  }

  private let configuration: GRPCServerConfiguration
  private let runtime: ServerRuntime
  private let state = Mutex(State.idle)

  public init(
    configuration: GRPCServerConfiguration, service: any GRPCService, logger: Logger? = nil
  ) {
    self.configuration = configuration
    runtime = ServerRuntime(
      configuration: configuration, service: service, health: health,
      logger: logger ?? Logger(label: "grpc", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  /// Begins to listen.
  ///
  /// - Returns: Where; the port is the one chosen if the configured one is 0.
  /// - Throws: The error of the system if it cannot listen there.
  public func start() async throws -> (host: String, port: Int) {
    try state.withLock { state in
      guard case .idle = state else {
        throw GRPCError(.failedPrecondition, "The server has been started before.")
      }
      state = .starting
    }
    let group = MultiThreadedEventLoopGroup(
      numberOfThreads: configuration.eventLoopCount ?? System.coreCount)
    do {
      let listener = try await listen(group)
      let mayRun = state.withLock { state in
        guard case .starting = state else { return false }  // shut down meanwhile
        state = .running(group: group, listener: listener)
        return true
      }
      guard mayRun else {
        throw GRPCError(.unavailable, "The server was shut down while it started.")
      }
      return (
        listener.localAddress?.ipAddress ?? configuration.host,
        listener.localAddress?.port ?? configuration.port
      )
    } catch {
      state.withLock { $0 = .stopped }
      try? await group.shutdownGracefully()
      throw error
    }
  }

  private func listen(_ group: MultiThreadedEventLoopGroup) async throws -> any Channel {
    var executors: [ObjectIdentifier: LoopExecutor] = [:]
    for loop in group.makeIterator() {
      executors[ObjectIdentifier(loop)] = LoopExecutor(eventLoop: loop)
    }
    return try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.recvAllocator, value: TransportSettings.receiveAllocator)
      .childChannelInitializer { [runtime, executors] channel in
        channel.eventLoop.makeCompletedFuture {
          let executor =
            executors[ObjectIdentifier(channel.eventLoop)]
            ?? LoopExecutor(eventLoop: channel.eventLoop)
          try ServerPipeline.configure(channel, executor: executor, runtime: runtime)
        }
      }
      .bind(host: configuration.host, port: configuration.port)
      .get()
  }

  /// Stops the server: accepts no more connections or calls, lets the calls that run finish for as
  /// long as `gracePeriod`, then cancels them. Returns when all is over.
  public func shutDown(gracePeriod: Duration) async {
    let running: (group: MultiThreadedEventLoopGroup, listener: any Channel)? = state.withLock {
      state in
      defer { state = .stopped }
      if case .running(let group, let listener) = state { return (group, listener) }
      return nil
    }
    guard let running else { return }

    health.shutDown()
    try? await running.listener.close()
    for channel in runtime.openChannels {
      channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
    await closeConnections(after: gracePeriod)
    await waitForHandlers()
    try? await running.group.shutdownGracefully()
  }

  private func closeConnections(after gracePeriod: Duration) async {
    let channels = runtime.openChannels
    guard !channels.isEmpty else { return }
    await withTaskGroup { tasks in
      tasks.addTask {
        for channel in channels { try? await channel.closeFuture.get() }
      }
      tasks.addTask {
        try? await Task.sleep(for: gracePeriod)
        // Connections that were accepted while the listener closed are in the newer list.
        for channel in self.runtime.openChannels { channel.close(promise: nil) }
      }
      await tasks.next()
      tasks.cancelAll()
    }
    for channel in runtime.openChannels {
      channel.close(promise: nil)
      try? await channel.closeFuture.get()
    }
  }

  /// A loop must not end while a handler would still run on it.
  private func waitForHandlers() async {
    while runtime.hasRunningHandlers {
      try? await Task.sleep(for: .milliseconds(5))
    }
  }
}
