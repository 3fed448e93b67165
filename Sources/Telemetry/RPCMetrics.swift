internal import CoreMetrics
private import Synchronization

/// Calls by method and status code. Methods and codes are few, so every pair gets its counter once.
final class RPCMetrics: Sendable {
  private struct Method {
    var byCode: [Counter?]
    let time: Timer
  }

  private static let codeNames = [
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
  ]

  private let factory: any MetricsFactory
  private let methods = Mutex<[String: Method]>([:])

  init(factory: any MetricsFactory) { self.factory = factory }

  func ended(method: String, code: Int, duration: Duration) {
    let code = Self.codeNames.indices.contains(code) ? code : 2
    let (counter, time) = methods.withLock { methods in
      var entry =
        methods[method]
        ?? Method(
          byCode: Array(repeating: nil, count: Self.codeNames.count),
          time: Timer(
            label: "hyprstream_rpc_duration_seconds", dimensions: [("method", method)],
            factory: factory))
      let counter =
        entry.byCode[code]
        ?? Counter(
          label: "hyprstream_rpcs_total",
          dimensions: [("method", method), ("code", Self.codeNames[code])], factory: factory)
      if entry.byCode[code] == nil {
        entry.byCode[code] = counter
        methods[method] = entry
      }
      return (counter, entry.time)
    }
    counter.increment()
    time.recordNanoseconds(nanoseconds(duration))
  }
}
