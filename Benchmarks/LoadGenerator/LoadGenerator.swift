import GRPC
import Glibc
import NIOPosix

/// Sends requests to a Flight SQL server from several clients at once and prints, as one line of JSON,
/// how many were answered and how long they took. Every server gets the same bytes.
///
///     hyprstream-load --port 50051 --kind literal --clients 8 --sql "SELECT … WHERE id = {key}"
@main
struct LoadGenerator {
  static func main() async {
    do {
      let options = try Options(Array(CommandLine.arguments.dropFirst()))
      print(try await run(options).json)
    } catch {
      // Standard output carries the result alone.
      let text = Array("hyprstream-load: \(error)\n".utf8)
      _ = unsafe write(STDERR_FILENO, text, text.count)
      exit(1)
    }
  }

  static func run(_ options: Options) async throws -> Measurement {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops)
    var clients: [Client] = []
    for index in 0..<options.clients {
      let connection = try await GRPCClient.connect(
        host: options.host, port: options.port, group: group)
      let path = options.messages.replacing("{client}", with: String(index))
      let messages = path.isEmpty ? [] : try readMessages(path)
      clients.append(
        Client(
          connection: connection, options: options, messages: messages, seed: UInt64(index + 1)))
    }
    let measured = try await withThrowingTaskGroup(of: [Duration].self) { tasks in
      for client in clients {
        tasks.addTask(executorPreference: client.connection.executor) {
          try await drive(client, options)
        }
      }
      var all: [Duration] = []
      for try await latencies in tasks { all += latencies }
      return all
    }
    for client in clients { await client.connection.close() }
    return Measurement(latencies: measured, seconds: options.seconds)
  }

  /// The latency of each request of one client, after warming up.
  static func drive(_ client: Client, _ options: Options) async throws -> [Duration] {
    var client = client
    try await client.prepare()
    for _ in 0..<options.warmUp { try await client.request() }
    var latencies: [Duration] = []
    latencies.reserveCapacity(1 << 16)
    let clock = ContinuousClock()
    var now = clock.now
    let end = now.advanced(by: .seconds(options.seconds))
    while now < end {
      try await client.request()
      let after = clock.now
      latencies.append(now.duration(to: after))
      now = after
    }
    return latencies
  }
}

struct Measurement {
  var latencies: [Duration]
  var seconds: Double

  var json: String {
    let sorted = latencies.sorted()
    func percentile(_ share: Double) -> Double {
      guard !sorted.isEmpty else { return 0 }
      let duration = sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
      return Double(duration.components.attoseconds) / 1e12 + Double(duration.components.seconds)
        * 1e6
    }
    return "{\"requests\": \(sorted.count), \"per_second\": \(Double(sorted.count) / seconds), "
      + "\"p50_us\": \(percentile(0.5)), \"p99_us\": \(percentile(0.99))}"
  }
}
