internal import Logging
internal import Settings
internal import SettingsLoading
internal import Telemetry

/// What SIGHUP does: reads all sources again and applies what a running server can change.
actor ReloadedOptions {
  private var current: ServerOptions
  private let sources: OptionSources
  private let threshold: LineLogHandler.Threshold
  private let server: any RunningServer
  private let logger: Logger

  init(
    current: ServerOptions, sources: OptionSources, threshold: LineLogHandler.Threshold,
    server: any RunningServer, logger: Logger
  ) {
    self.current = current
    self.sources = sources
    self.threshold = threshold
    self.server = server
    self.logger = logger
  }

  func reload() async {
    let loaded: LoadedOptions
    do {
      loaded = try await sources.load()
    } catch {
      logger.error("not reloaded: \(error)")
      return
    }
    let changed = OptionTable.all.filter {
      $0.value(in: current) != $0.value(in: loaded.options)
    }
    for option in changed where option.isReloadable {
      option.copy(from: loaded.options, to: &current)
    }
    threshold.level = Logger.Level(current.log.level)
    await server.reload(current)
    let (applied, waiting) = (
      changed.filter(\.isReloadable).map(\.name), changed.filter { !$0.isReloadable }.map(\.name)
    )
    logger.notice("reloaded", metadata: ["changed": .array(applied.map { .string($0) })])
    if !waiting.isEmpty {
      logger.warning(
        "some options need a restart", metadata: ["options": .array(waiting.map { .string($0) })])
    }
  }
}
