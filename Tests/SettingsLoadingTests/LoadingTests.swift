import Settings
import Testing

@testable import SettingsLoading

/// Which source wins, for an ordinary option and for a credential.
struct PrecedenceTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var system: String?
    var user: String?
    var environment: String?
    var flag: String?
    var expected: String

    var testDescription: String {
      "system \(system ?? "-"), user \(user ?? "-"), environment \(environment ?? "-"), "
        + "flag \(flag ?? "-") → \(expected)"
    }
  }

  @Test(arguments: [
    Row(expected: "127.0.0.1"),
    Row(system: "s", expected: "s"),
    Row(system: "s", user: "u", expected: "u"),
    Row(system: "s", user: "u", environment: "e", expected: "e"),
    Row(system: "s", user: "u", environment: "e", flag: "f", expected: "f"),
    Row(system: "s", flag: "f", expected: "f"),
    Row(user: "u", flag: "f", expected: "f"),
  ])
  func `an option is taken from the strongest source`(row: Row) async throws {
    #expect(try await load(row, option: "host").options.network.host == row.expected)
  }

  @Test(arguments: [
    Row(expected: ""),
    Row(system: "s", user: "u", expected: "u"),
    Row(user: "u", flag: "f", expected: "f"),
    Row(user: "u", environment: "e", expected: "e"),
    Row(environment: "e", flag: "f", expected: "e"),
    Row(system: "s", user: "u", environment: "e", flag: "f", expected: "e"),
  ])
  func `for a credential the environment is stronger than the command line`(row: Row) async throws {
    let loaded = try await load(row, option: "engine-password")
    #expect(loaded.options.engine.password == row.expected)
    if !row.expected.isEmpty {
      #expect(loaded.toml().contains("engine_password = \"********\""))
    }
  }

  private func load(_ row: Row, option name: String) async throws -> LoadedOptions {
    let folder = try Folder()
    let option = try #require(OptionTable.option(named: name))
    func file(_ text: String?, _ file: String) throws -> String {
      let path = "\(folder.path)/\(file)"
      if let text { try folder.write("\(option.tomlName) = \"\(text)\"\n", to: file) }
      return path
    }
    var environment = ["HOME": folder.path]
    environment[option.environmentName] = row.environment
    var flags: [String: OptionValue] = [:]
    if let flag = row.flag { flags[name] = .text(flag) }
    let system = try file(row.system, "system.toml")
    let user = try file(row.user, "user.toml")
    return try await OptionSources(
      commandLine: flags, environment: environment, systemFile: system,
      configFile: row.user == nil ? nil : user
    ).load()
  }
}

struct ConfigurationFileTests {
  @Test func `the tables of a file are prefixes, and storage is another name of engine`()
    async throws
  {
    let loaded = try await load(
      """
      max_running = 3
      [storage]
      backend = "adbc"
      connection = "postgresql://me:secret@localhost:5432/metrics?password=x&pool=1"
      options = { pool_max = "10", pool_min = 1, driver_secret = "abc" }
      [cache]
      enabled = true
      max_bytes = "1GiB"
      max-duration = "5m"
      [machine]
      allowed_directories = ["/data", "/tmp/a,b"]
      [timeouts]
      statement = "30s"
      [log]
      level = "debug"
      """)
    let options = loaded.options
    #expect(options.engine.backend == .adbc)
    #expect(options.engine.options == ["pool_max": "10", "pool_min": "1", "driver_secret": "abc"])
    #expect(options.cache.isEnabled)
    #expect(options.cache.maxBytes == 1 << 30)
    #expect(options.cache.maxDuration == .seconds(300))
    #expect(options.machine.allowedDirectories == ["/data", "/tmp/a,b"])
    #expect(options.timeouts.statement == .seconds(30))
    #expect(options.log.level == .debug)
    #expect(options.limits.maxRunning == 3)
    let text = loaded.toml()
    #expect(!text.contains("secret@") && !text.contains("\"abc\"") && !text.contains("=x"))
    #expect(text.contains("config.toml: cache.max_bytes"))
  }

  @Test(arguments: [
    ("max_runing = 3", "there is no option \"max_runing\"; did you mean max_running?"),
    (
      "[cache]\nmax_byte = 1",
      "there is no option \"cache.max_byte\"; did you mean cache_max_bytes?"
    ),
    ("port = \"many\"", "config.toml: port: \"many\" is not a whole number"),
    ("port = 70000", "config.toml: port: 70000 is not a port (0 to 65535)"),
    ("port = ", "line 1"),
    ("[cache]\npolicy = \"fifo\"", "cache.policy: \"fifo\" is not one of ttl, lru, lfu"),
    ("engine = \"adbc\"", "the engine adbc needs a connection"),
    ("cache_policy = \"lru\"\n[cache]\npolicy = \"lfu\"", "already set as"),
    ("memory_limit = \"1KB\"", "memory_limit: 1000 is less than 64MiB"),
    ("load_extensions = [\"../x\"]", "is not the name of an extension"),
  ])
  func `a mistake in a file is answered with its key`(text: String, sentence: String) async throws {
    let error = try await #require(throws: OptionError.self) { try await load(text) }
    #expect(error.description.contains(sentence), "\(error)")
  }

  @Test func `a missing file is an error only if it was named`() async throws {
    _ = try await OptionSources(environment: [:], systemFile: "/nonexistent/a.toml").load()
    let error = try await #require(throws: OptionError.self) {
      try await OptionSources(environment: [:], configFile: "/nonexistent/b.toml").load()
    }
    #expect(error.description.hasPrefix("/nonexistent/b.toml: "))
  }

  @Test func `unknown variables of ours are named`() async throws {
    let loaded = try await OptionSources(
      environment: ["HYPRSTREAM_PROT": "1", "HYPRSTREAM_URL": "x", "PATH": "y"],
      systemFile: "/nonexistent"
    ).load()
    #expect(
      loaded.warnings == [
        "environment: there is no option HYPRSTREAM_PROT; did you mean HYPRSTREAM_PORT?"
      ])
  }

  @Test func `what is printed is read back as the same configuration`() async throws {
    var changed: [String: OptionValue] = [:]
    for option in OptionTable.all where !option.isCredential {
      switch option.kind {
      case .integer: changed[option.name] = .text("7777")
      case .byteCount: changed[option.name] = .text("96MiB")
      case .duration: changed[option.name] = .text("7s")
      case .flag: changed[option.name] = .text("true")
      case .list: changed[option.name] = .list(["/a", "/b\"\\\n"])
      case .map: changed[option.name] = .map(["x y": "1"])
      case .choice(let names): changed[option.name] = names.last.map { .text($0) }
      case .text:
        let only = ["cache-engine": "duckdb", "cache-connection": ":memory:"]
        changed[option.name] = .text(only[option.name] ?? "ünï")
      }
    }
    changed["http-port"] = .text("7778")
    changed["threads"] = .text("7")
    changed["load-extensions"] = .list(["sqlite", "httpfs"])
    let first = try await OptionSources(
      commandLine: changed, environment: [:], systemFile: "/nonexistent"
    ).load()
    let second = try await load(first.toml())
    #expect(second.options == first.options)
    #expect(second.origins.count == OptionTable.all.count)
  }

  private func load(_ text: String) async throws -> LoadedOptions {
    let folder = try Folder()
    try folder.write(text, to: "config.toml")
    return try await OptionSources(
      environment: [:], systemFile: "/nonexistent", configFile: folder.path + "/config.toml"
    ).load()
  }
}
