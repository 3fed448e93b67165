extension ServerOptions {
  /// Checks what the single values cannot: ranges and what fits together.
  ///
  /// - Parameter spelling: How the user wrote an option, by its name. Without it errors use the
  ///   spelling of the command line.
  public func validate(
    spelling: (_ name: String) -> String = { "--" + $0 }
  ) throws(OptionError) {
    try checkNetwork(spelling)
    try checkEngine(spelling)
    try checkLimits(spelling)
    for directory in machine.allowedDirectories where !directory.hasPrefix("/") {
      throw .outOfRange(
        option: spelling("allowed-directories"), value: "\"\(directory)\"",
        reason: "is not an absolute path")
    }
    for place in machine.tierLocations where !place.hasPrefix("/") && !place.hasPrefix("s3://") {
      throw .outOfRange(
        option: spelling("tier-locations"), value: "\"\(place)\"",
        reason: "is neither an absolute path nor an s3:// address")
    }
    for name in machine.extensions where !Self.isExtensionName(name) {
      throw .outOfRange(
        option: spelling("load-extensions"), value: "\"\(name)\"",
        reason: "is not the name of an extension")
    }
    if metricsWindow <= .zero {
      throw .outOfRange(option: spelling("metrics-window"), value: "0", reason: "is not positive")
    }
  }

  /// A name, never a path: what is loaded comes from the folder of extensions.
  private static func isExtensionName(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
      }
  }

  private func checkNetwork(_ spelling: (String) -> String) throws(OptionError) {
    if network.host.isEmpty {
      throw .outOfRange(option: spelling("host"), value: "\"\"", reason: "is not an address")
    }
    for (name, port) in [("port", network.port), ("http-port", network.httpPort)]
    where !(0...65_535).contains(port) {
      throw .outOfRange(
        option: spelling(name), value: String(port), reason: "is not a port (0 to 65535)")
    }
    if network.port != 0 && network.port == network.httpPort {
      throw .conflict(
        option: spelling("http-port"),
        reason: "port \(network.port) is already that of Flight SQL (\(spelling("port")))")
    }
    if !storage.isEphemeral && storage.dataDirectory.isEmpty {
      throw .conflict(
        option: spelling("data-dir"),
        reason: "name a folder, or keep nothing with \(spelling("ephemeral"))")
    }
  }

  private func checkEngine(_ spelling: (String) -> String) throws(OptionError) {
    if engine.name.isEmpty
      || ["memory", "main", "system", "temp"].contains(engine.name.lowercased())
    {
      throw .conflict(
        option: spelling("engine-name"), reason: "\"\(engine.name)\" is taken: choose another name")
    }
    if engine.backend == .adbc && engine.connection.isEmpty {
      throw .conflict(
        option: spelling("engine-connection"), reason: "the engine adbc needs a connection")
    }
    if engine.write == .behind && engine.backend == .adbc && storage.isEphemeral {
      throw .conflict(
        option: spelling("engine-write"),
        reason:
          "behind keeps changes in the data folder until the database has them, and \(spelling("ephemeral")) keeps nothing: name a folder with \(spelling("data-dir"))"
      )
    }
    if engine.outboxMaxBytes < 1 << 20 {
      throw .outOfRange(
        option: spelling("engine-outbox-max-bytes"),
        value: OptionText.text(byteCount: engine.outboxMaxBytes), reason: "is less than 1MiB")
    }
    if cache.engine != "duckdb" {
      throw .notAvailable(
        option: spelling("cache-engine"),
        reason: "\"\(cache.engine)\" is not available, only duckdb is")
    }
    if cache.connection != ":memory:" {
      throw .notAvailable(
        option: spelling("cache-connection"),
        reason:
          "\"\(cache.connection)\" is not available, only :memory: is: results end with the process"
      )
    }
  }

  private func checkLimits(_ spelling: (String) -> String) throws(OptionError) {
    let counts: [(String, Int, ClosedRange<Int>)] = [
      ("threads", limits.threads, 0...4_096),
      ("max-running", limits.maxRunning, 0...100_000),
      ("max-queued", limits.maxQueued, 0...10_000_000),
      ("max-connections", limits.maxConnections, 1...1_000_000),
      ("max-sessions", limits.maxSessions, 1...10_000_000),
      ("max-prepared-statements", limits.maxPreparedStatements, 1...10_000_000),
      ("max-transactions", limits.maxTransactions, 1...1_000_000),
    ]
    for (name, count, range) in counts where !range.contains(count) {
      throw .outOfRange(
        option: spelling(name), value: String(count),
        reason: "is not between \(range.lowerBound) and \(range.upperBound)")
    }
    let sizes: [(String, Int, ClosedRange<Int>)] = [
      ("max-message-bytes", limits.maxMessageBytes, (64 << 10)...(2_047 << 20)),
      ("max-batch-bytes", limits.maxBatchBytes, (64 << 10)...(1 << 30)),
    ]
    for (name, count, range) in sizes where !range.contains(count) {
      throw .outOfRange(
        option: spelling(name), value: OptionText.text(byteCount: count),
        reason: "is not between \(OptionText.text(byteCount: range.lowerBound))"
          + " and \(OptionText.text(byteCount: range.upperBound))")
    }
    if limits.memoryBytes != 0 && limits.memoryBytes < 64 << 20 {
      throw .outOfRange(
        option: spelling("memory-limit"), value: OptionText.text(byteCount: limits.memoryBytes),
        reason: "is less than 64MiB, which a server needs to start")
    }
  }

  /// `limits.threads`, with zero replaced by the number of cores.
  public func threadCount(coreCount: Int) -> Int {
    limits.threads > 0 ? limits.threads : max(1, coreCount)
  }

  /// `limits.maxRunning`, with zero replaced by its meaning.
  public func runningLimit(coreCount: Int) -> Int {
    limits.maxRunning > 0 ? limits.maxRunning : max(8, 2 * threadCount(coreCount: coreCount))
  }

  /// `limits.memoryBytes`, with zero replaced by 80 % of `machineBytes`.
  public func memoryLimit(machineBytes: Int) -> Int {
    limits.memoryBytes > 0 ? limits.memoryBytes : machineBytes / 10 * 8
  }
}
