import GRPC
import NIOCore

/// Measures unary calls against a server: `threads` tasks on as many connections, for `seconds`.
///
/// Prints calls/s and percentiles in µs. For looking at changes by hand; never part of a test.
func measureUnary(host: String, port: Int, connections: Int, seconds: Int) async throws {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(seconds)
  let times = try await withThrowingTaskGroup(of: [Duration].self) { tasks in
    for _ in 0..<connections {
      let client = try await GRPCClient.connect(host: host, port: port)
      tasks.addTask(executorPreference: client.executor) {
        var times: [Duration] = []
        let message = GatherMessage(bytes: Array(repeating: 7, count: 100))
        while clock.now < end {
          let start = clock.now
          _ = try await client.unary("/test.Echo/Unary", message)
          times.append(clock.now - start)
        }
        await client.close()
        return times
      }
    }
    var all: [Duration] = []
    for try await part in tasks { all += part }
    return all.sorted()
  }
  guard !times.isEmpty else { return }
  let p50 = times[times.count / 2] / .microseconds(1)
  let p99 = times[times.count * 99 / 100] / .microseconds(1)
  print("\(connections) connections: \(times.count / seconds) calls/s, p50 \(p50) p99 \(p99) µs")
}

/// Measures one response stream: `<count>` messages of `<bytes>`.
func measureStream(host: String, port: Int, count: Int, bytes: Int) async throws {
  let client = try await GRPCClient.connect(host: host, port: port)
  let clock = ContinuousClock()
  let received = try await Task(executorPreference: client.executor) {
    let start = clock.now
    let call = client.call("/test.Echo/Generate")
    try await call.send(GatherMessage(bytes: "\(count) \(bytes)".utf8), isLast: true)
    var received = 0
    while let message = try await call.receive() { received += message.readableBytes }
    return (bytes: received, time: clock.now - start)
  }.value
  await client.close()
  print(
    "\(bytes)-byte messages: \(Double(received.bytes) / (received.time / .seconds(1)) / 1e6) MB/s")
}
