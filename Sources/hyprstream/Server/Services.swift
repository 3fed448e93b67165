internal import Console
internal import Logging
internal import ServiceLifecycle
internal import Settings
private import Synchronization

/// Runs the Flight SQL server and prints the line that scripts wait for.
final class ListenerService: Service {
  private struct State {
    var isReady = false
    var address = ""
    var start = ContinuousClock.now
  }

  private let server: any RunningServer
  private let network: ServerOptions.Network
  private let portSpelling: String
  private let consoleDecided: AsyncStream<Void>
  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameter portSpelling: How the operator wrote the port, for the error when it is taken.
  init(
    server: any RunningServer, network: ServerOptions.Network, portSpelling: String,
    consoleDecided: AsyncStream<Void>, logger: Logger
  ) {
    self.server = server
    self.network = network
    self.portSpelling = portSpelling
    self.consoleDecided = consoleDecided
    self.logger = logger
  }

  func run() async throws {
    let (host, port) = try await start()
    for await _ in consoleDecided {}
    if Task.isCancelled { return await server.shutDown() }
    let address = "grpc://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    state.withLock { state in
      state.isReady = true
      state.address = address
    }
    StandardStreams.write("listening on \(address)\n")
    logger.info("ready", metadata: ["address": "\(address)"])
    // Thrown on cancellation: something else has failed, and the server ends all the same.
    try? await gracefulShutdown()
    state.withLock { $0.isReady = false }
    await server.shutDown()
    logger.info("stopped")
  }

  private func start() async throws -> (host: String, port: Int) {
    do {
      return try await server.start()
    } catch  where ListenFailure.isCause(of: error) {
      throw OptionError.conflict(
        option: portSpelling,
        reason: ListenFailure.sentence(host: network.host, port: network.port, error))
    }
  }

  func status(_ options: ServerOptions) -> ServerStatus {
    let state = state.withLock { $0 }
    let uptime = ReadableNumber.time(ContinuousClock.now - state.start)
    let lines = [
      ServerStatus.Line("Version", ProductVersion.current),
      .init("Up for", uptime),
      .init("Address", state.address),
      .init("Data", options.storage.isEphemeral ? "in memory" : options.storage.dataDirectory),
    ]
    return ServerStatus(
      isReady: state.isReady, address: state.address, figures: server.statusFigures,
      lines: lines + server.statusLines)
  }
}

/// Runs the pages. A default port that somebody else has is no reason not to start: then there are none.
struct ConsoleService: Service {
  let options: ServerOptions
  /// Whether the operator named the port, so that a taken one is an error.
  let isPortChosen: Bool
  let registry: PrometheusRegistry
  let logger: Logger
  let status: @Sendable () -> ServerStatus
  let streams: StreamDoor
  /// Called when it listens, or when there will be none.
  let onDecided: @Sendable () -> Void

  func run() async throws {
    let host = options.network.host
    let port = options.network.httpPort
    let logger = logger
    let console = ConsoleServer(
      host: host, port: port, registry: registry, logger: logger, status: status,
      streams: streams,
      onListening: { [onDecided] port in
        logger.info("console", metadata: ["address": "http://\(host):\(port)"])
        onDecided()
      })
    do {
      try await console.run()
      onDecided()
    } catch {
      guard !isPortChosen else {
        throw OptionError.conflict(
          option: "--http-port",
          reason: ListenFailure.sentence(host: host, port: port, error))
      }
      logger.warning(
        "no console: the port is taken; choose one with --http-port",
        metadata: ["port": "\(port)", "reason": "\(error)"])
      onDecided()
      try? await gracefulShutdown()
    }
  }
}

/// Why a listener could not be opened, without the words of the network library where they are known.
enum ListenFailure {
  /// Whether the error is the system's answer to opening a listener, and not about something else.
  static func isCause(of error: any Error) -> Bool { "\(error)".contains("bind(") }

  static func sentence(host: String, port: Int, _ error: any Error) -> String {
    let text = "\(error)"
    let reason = text.contains("Address already in use") ? "another program has this port" : text
    return "cannot listen on \(host):\(port): \(reason)"
  }
}
