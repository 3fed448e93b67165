internal import Database
private import Synchronization
internal import Telemetry

/// What the status page shows in numbers: looked at every two seconds, so that asking costs nothing.
final class ServerFigures: Sendable {
  /// Rows per second over the last looks, and the engine's memory at the last one.
  struct Reading: Sendable {
    var receivedPerSecond = 0
    var sentPerSecond = 0
    /// Bytes; `nil` before the first look.
    var usedMemory: Int?
  }

  private struct Look {
    let time: ContinuousClock.Instant
    let received: Int
    let sent: Int
  }

  private struct State {
    var looks: [Look] = []
    var reading = Reading()
    var engines: [String: EngineMetrics] = [:]
  }

  private static let interval: Duration = .seconds(2)
  /// Rates are those between the newest and the oldest of so many looks.
  private static let maxLookCount = 6

  private let database: StreamingDatabase
  private let metrics: ServerMetrics
  /// Bytes that the engine may use.
  let memoryLimit: Int
  private let cacheMetrics: CacheMetrics?
  private let syncTotals: @Sendable () -> (syncs: Int, groups: Int)
  private let state = Mutex(State())

  /// - Parameter syncTotals: What the log counts.
  init(
    _ database: StreamingDatabase, _ metrics: ServerMetrics, memoryLimit: Int,
    syncTotals: @escaping @Sendable () -> (syncs: Int, groups: Int)
  ) {
    self.database = database
    self.syncTotals = syncTotals
    cacheMetrics = database.cacheTotals == nil ? nil : CacheMetrics()
    self.metrics = metrics
    self.memoryLimit = memoryLimit
    metrics.memory(usedBytes: 0, limitBytes: memoryLimit)
  }

  var reading: Reading { state.withLock { $0.reading } }

  /// Looks until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      let usedMemory = await database.usedMemoryByteCount()
      if let usedMemory { metrics.memory(usedBytes: usedMemory, limitBytes: memoryLimit) }
      let totals = syncTotals()
      metrics.log(syncs: totals.syncs, groups: totals.groups)
      if let totals = database.cacheTotals { cacheMetrics?.note(totals) }
      noteEngines()
      note(usedMemory)
      try? await Task.sleep(for: Self.interval)
    }
  }

  /// Engines come and go while the server runs.
  private func noteEngines() {
    let totals = database.engineTotals
    state.withLock { state in
      for (name, metrics) in state.engines where totals[name] == nil {
        metrics.end()
        state.engines[name] = nil
      }
      for (name, totals) in totals {
        let metrics = state.engines[name] ?? EngineMetrics(engine: name)
        state.engines[name] = metrics
        metrics.note(totals)
      }
    }
  }

  private func note(_ usedMemory: Int?) {
    let totals = metrics.rowTotals
    let look = Look(time: .now, received: totals.received, sent: totals.sent)
    state.withLock { state in
      state.looks.append(look)
      if state.looks.count > Self.maxLookCount { state.looks.removeFirst() }
      let first = state.looks.first ?? look
      let seconds = max(1, (look.time - first.time) / .seconds(1))
      state.reading = Reading(
        receivedPerSecond: Int(Double(look.received - first.received) / seconds),
        sentPerSecond: Int(Double(look.sent - first.sent) / seconds),
        usedMemory: usedMemory ?? state.reading.usedMemory)
    }
  }
}
