private import Hummingbird
public import Logging
public import ServiceLifecycle
private import Synchronization

/// The HTTP side of the server, for machines that watch it and people who look: `/health`, `/metrics`
/// and a status page at `/`. These only read; rows come in at `/v1/streams`.
public struct ConsoleServer: Service {
  private let host: String
  private let port: Int
  private let registry: PrometheusRegistry
  private let logger: Logger
  private let status: @Sendable () -> ServerStatus
  private let streams: StreamDoor?
  private let onListening: @Sendable (Int) -> Void

  /// - Parameters:
  ///   - port: TCP port; 0 takes any free one.
  ///   - status: Called for every request of a page.
  ///   - streams: Where rows come in; `nil` for pages only.
  ///   - onListening: Called once with the port that was bound.
  public init(
    host: String, port: Int, registry: PrometheusRegistry, logger: Logger,
    status: @escaping @Sendable () -> ServerStatus, streams: StreamDoor? = nil,
    onListening: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.host = host
    self.port = port
    self.registry = registry
    self.logger = logger
    self.status = status
    self.streams = streams
    self.onListening = onListening
  }

  /// Serves until the service group shuts down.
  public func run() async throws {
    let onListening = onListening
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      router: router,
      configuration: .init(address: .hostname(host, port: port), serverName: "hyprstream"),
      onServerRunning: { channel in
        onListening(channel.localAddress?.port ?? 0)
      },
      logger: quiet)
    try await application.run()
  }

  private var router: Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: PageGuard(host: host))
    let status = status
    let registry = registry
    router.get("health") { _, _ in
      let isReady = status().isReady
      return PageAnswer.make(
        isReady ? .ok : .serviceUnavailable, type: "application/json",
        "{\"status\":\"\(isReady ? "ok" : "draining")\"}\n")
    }
    router.get("metrics") { _, _ in
      PageAnswer.make(
        .ok, type: "text/plain; version=0.0.4; charset=utf-8",
        registry.text(adding: ProcessFigures.now()?.text ?? ""))
    }
    router.get("/") { _, _ in
      var status = status()
      if let process = ProcessFigures.now() {
        status.figures.append(
          ServerStatus.Figure(
            "Process memory", ReadableNumber.size(process.residentBytes),
            note: "\(process.threadCount) threads"))
      }
      return PageAnswer.make(.ok, type: "text/html; charset=utf-8", StatusPage.html(status))
    }
    streams?.add(to: router)
    return router
  }
}
