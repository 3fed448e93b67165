private import Console
private import CoreMetrics
private import DataFolder
private import Logging
private import ServiceLifecycle
internal import Settings
internal import SettingsLoading
private import Synchronization
private import Telemetry
private import UnixSignals

/// The life of a server process: logs, figures, listeners, signals, and the end.
struct ServerProgram {
  let sources: OptionSources
  let loaded: LoadedOptions

  /// Runs until a signal ends the server; returns when everything is closed.
  func run() async throws {
    let options = loaded.options
    ThisProcess.prepare()
    let threshold = LineLogHandler.Threshold(Logger.Level(options.log.level))
    let logger = Self.startLog(options.log, threshold)
    for warning in loaded.warnings { logger.warning("\(warning)") }
    for name in loaded.origins.keys.sorted() where OptionTable.inert.contains(name) {
      logger.warning(
        "\(loaded.origins[name]?.spelling ?? name) is read, but nothing acts on it yet")
    }
    let registry = PrometheusRegistry(
      help: ServerMetrics.help.merging(EngineMetrics.help) { own, _ in own }
        .merging(CacheMetrics.help) { own, _ in own })
    MetricsSystem.bootstrap(registry)
    let folder =
      options.storage.isEphemeral ? nil : try DataFolder(path: options.storage.dataDirectory)
    logger.info(
      "opening",
      metadata: ["data": "\(folder?.path ?? "memory")", "version": "\(ProductVersion.current)"])
    let server = try makeServer(
      ServerParts(
        options: options, folder: folder, metrics: ServerMetrics(factory: registry),
        logger: logger))
    // Ends when it is clear whether there is a console: only then is the server said to be ready.
    let (consoleDecided, decision) = AsyncStream.makeStream(of: Void.self)
    let flight = ListenerService(
      server: server, network: options.network,
      portSpelling: loaded.origins["port"]?.spelling ?? "--port", consoleDecided: consoleDecided,
      logger: logger)
    var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
    if options.network.httpPort != 0 {
      let console = ConsoleService(
        options: options, isPortChosen: loaded.origins["http-port"] != nil, registry: registry,
        logger: logger, status: { flight.status(options) }, streams: server.streamDoor,
        onDecided: { decision.finish() })
      services.append(.init(service: console, successTerminationBehavior: .ignore))
    }
    if options.network.httpPort == 0 { decision.finish() }
    // Services stop in reverse order: pages answer until the last call is done.
    services.append(.init(service: flight))
    let group = ServiceGroup(
      configuration: .init(services: services, logger: Self.quiet(logger)))
    let reload = ReloadedOptions(
      current: options, sources: sources, threshold: threshold, server: server, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      // Signals are taken over before the first listener opens: one that comes early is not lost.
      let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
      tasks.addTask { await Self.handle(signals, group, reload, logger) }
      defer { tasks.cancelAll() }
      try await group.run()
    }
    withExtendedLifetime(folder) {}
  }

  /// SIGTERM and SIGINT end the server; SIGINT after either ends it at once, for the person who waits.
  /// SIGHUP reloads.
  private static func handle(
    _ signals: UnixSignalsSequence, _ group: ServiceGroup, _ reload: ReloadedOptions,
    _ logger: Logger
  ) async {
    var isStopping = false
    for await signal in signals {
      if signal == .sighup {
        await reload.reload()
      } else if isStopping {
        guard signal == .sigint else { continue }
        logger.warning("interrupted again: stopping at once")
        ThisProcess.exitAtOnce(code: 130)
      } else {
        isStopping = true
        logger.info("stopping", metadata: ["signal": "\(signal)"])
        await group.triggerGracefulShutdown()
      }
    }
  }

  private static func startLog(
    _ options: ServerOptions.Log, _ threshold: LineLogHandler.Threshold
  ) -> Logger {
    let format: LineLogHandler.Format = options.format == .json ? .json : .text
    LoggingSystem.bootstrap { label in
      LineLogHandler(
        label: label, format: format, threshold: threshold, sink: { StandardStreams.log($0) })
    }
    return Logger(label: "hyprstream")
  }

  /// For libraries that tell of every step: only what a person must know.
  private static func quiet(_ logger: Logger) -> Logger {
    Logger(label: "hyprstream") { _ in MutedLogHandler(wrapped: logger) }
  }
}

extension Logger.Level {
  init(_ level: ServerOptions.Log.Level) {
    self = Logger.Level(rawValue: level.rawValue) ?? .info
  }
}

/// Passes on what is at least a warning.
private struct MutedLogHandler: LogHandler {
  let wrapped: Logger
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .warning

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    wrapped.log(level: event.level, event.message, metadata: event.metadata)
  }
}
