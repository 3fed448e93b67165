private import Configuration
public import Settings
private import SystemPackage

/// The places that options come from, and how one value is chosen among them.
///
/// From weak to strong: built-in, the system's file, the user's file, the environment, the command
/// line. For credentials the environment is stronger than the command line, which other users of the
/// machine can read.
public struct OptionSources: Sendable {
  /// Options given as flags, by name.
  public var commandLine: [String: OptionValue]
  public var environment: [String: String]
  /// A file that need not exist.
  public var systemFile: String
  /// The file named by `--config`, which must exist; else the user's own is looked for.
  public var configFile: String?

  public init(
    commandLine: [String: OptionValue] = [:], environment: [String: String],
    systemFile: String = "/etc/hyprstream/config.toml", configFile: String? = nil
  ) {
    self.commandLine = commandLine
    self.environment = environment
    self.systemFile = systemFile
    self.configFile = configFile
  }

  /// Variables of ours that are not options of the server.
  private static let otherVariables: Set<String> = [
    "HYPRSTREAM_CONFIG", "HYPRSTREAM_URL", "HYPRSTREAM_USER", "HYPRSTREAM_PASSWORD",
    "HYPRSTREAM_TOKEN", "HYPRSTREAM_HISTORY",
  ]

  /// Reads all sources and checks the result.
  public func load() async throws(OptionError) -> LoadedOptions {
    let layers = try await files() + [environmentLayer]
    var loaded = LoadedOptions()
    for option in OptionTable.all {
      var sources = layers
      sources.insert(commandLineLayer, at: option.isCredential ? layers.count - 1 : layers.count)
      guard let found = sources.lazy.reversed().compactMap({ $0.value(option) }).first else {
        continue
      }
      try option.set(&loaded.options, to: found.value, spelling: found.origin.spelling)
      loaded.origins[option.name] = found.origin
    }
    loaded.warnings = unknownVariables()
    let origins = loaded.origins
    try loaded.options.validate { origins[$0]?.spelling ?? "--\($0)" }
    return loaded
  }

  private struct Found {
    let value: OptionValue
    let origin: OptionOrigin
  }

  private struct Layer {
    let value: (ServerOption) -> Found?
  }

  private var commandLineLayer: Layer {
    Layer { option in
      commandLine[option.name].map { Found(value: $0, origin: .commandLine(option.flag)) }
    }
  }

  private var environmentLayer: Layer {
    let provider = EnvironmentVariablesProvider(environmentVariables: environment)
    return Layer { option in
      let key = AbsoluteConfigKey(["hyprstream", option.name])
      guard let result = try? provider.value(forKey: key, type: .string),
        case .string(let text)? = result.value?.content
      else { return nil }
      return Found(value: .text(text), origin: .environment(result.encodedKey))
    }
  }

  /// The files that exist, weakest first.
  private func files() async throws(OptionError) -> [Layer] {
    var layers: [Layer] = []
    if let system = try await file(systemFile, mustExist: false) { layers.append(system) }
    let named = configFile ?? environment["HYPRSTREAM_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    if let named {
      if let file = try await file(named, mustExist: true) { layers.append(file) }
    } else if let path = userFile, let file = try await file(path, mustExist: false) {
      layers.append(file)
    }
    return layers
  }

  private var userFile: String? {
    if let folder = environment["XDG_CONFIG_HOME"], !folder.isEmpty {
      return folder + "/hyprstream/config.toml"
    }
    guard let home = environment["HOME"], !home.isEmpty else { return nil }
    return home + "/.config/hyprstream/config.toml"
  }

  private func file(_ path: String, mustExist: Bool) async throws(OptionError) -> Layer? {
    let provider: FileProvider<TOMLSnapshot>
    var parsing = TOMLSnapshot.ParsingOptions()
    parsing.path = path
    do {
      provider = try await FileProvider<TOMLSnapshot>(
        parsingOptions: parsing, filePath: FilePath(path), allowMissing: !mustExist)
    } catch let error as OptionError {
      throw error
    } catch {
      throw .unreadableFile(path: path, reason: "the file cannot be read: \(error)")
    }
    guard let snapshot = provider.snapshot() as? TOMLSnapshot else { return nil }
    return Layer { option in
      snapshot.entry(for: option).map {
        Found(value: $0.value, origin: .file(path: path, key: $0.spelling))
      }
    }
  }

  private func unknownVariables() -> [String] {
    let known = Set(OptionTable.all.map(\.environmentName)).union(Self.otherVariables)
    return environment.keys
      .filter { $0.hasPrefix("HYPRSTREAM_") && !known.contains($0) }
      .sorted()
      .map {
        let suggestion = OptionTable.suggestion(for: $0, among: known.sorted())
        return OptionError.unknownVariable(name: $0, suggestion: suggestion).description
      }
  }
}
