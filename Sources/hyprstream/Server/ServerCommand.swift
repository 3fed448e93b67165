internal import ArgumentParser
private import DataFolder
private import Logging
internal import Settings
private import SettingsLoading

/// `hyprstream` and `hyprstream server`.
struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server", abstract: "Run the server (the default).")

  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "Configuration file in TOML, instead of ~/.config/hyprstream/config.toml.", valueName: "file")
  )
  var config: String?

  @Flag(
    name: .customLong("print-config"),
    help: "Print the effective configuration and where each value comes from, then end.")
  var printsConfig = false

  @OptionGroup(title: "Network") var network: NetworkFlags
  @OptionGroup(title: "Storage") var storage: StorageFlags
  @OptionGroup(title: "Engine") var engine: EngineFlags
  @OptionGroup(title: "Cache") var cache: CacheFlags
  @OptionGroup(title: "Limits") var limits: LimitsFlags
  @OptionGroup(title: "Timeouts") var timeouts: TimeoutsFlags
  @OptionGroup(title: "Machine access") var machine: MachineFlags
  @OptionGroup(title: "Log") var log: LogFlags
  @OptionGroup(title: "Metrics") var metrics: MetricsFlags

  /// The options that the command line gives, by name.
  var given: [String: OptionValue] {
    let groups: [any OptionFlags] = [
      network, storage, engine, cache, limits, timeouts, machine, log, metrics,
    ]
    return groups.reduce(into: [:]) { all, group in all.merge(group.given) { first, _ in first } }
  }

  mutating func run() async throws {
    let sources = OptionSources(
      commandLine: given, environment: ProcessEnvironment.variables(), configFile: config)
    do {
      let loaded = try await sources.load()
      if printsConfig {
        StandardStreams.write(loaded.toml())
        return
      }
      MemoryPools.keepFreedMemory()
      try await ServerProgram(sources: sources, loaded: loaded).run()
    } catch let code as ExitCode {
      throw code
    } catch {
      StandardStreams.complain("hyprstream: \(error)")
      throw ExitCode(1)
    }
  }
}
