import GRPC
import NIOCore
import Synchronization
import Testing

/// A service made of a closure.
struct ClosureService: GRPCService {
  let body: @Sendable (ServerCall) async throws -> Void

  func handle(_ call: ServerCall) async throws {
    try await body(call)
  }
}

/// Runs `body` with a client of a server on loopback that answers every call with `handler`.
func withServer(
  _ configure: (inout GRPCServerConfiguration) -> Void = { _ in },
  clientConfiguration: GRPCClientConfiguration = GRPCClientConfiguration(),
  handler: @escaping @Sendable (ServerCall) async throws -> Void,
  _ body: (GRPCClient, GRPCServer) async throws -> Void
) async throws {
  var configuration = GRPCServerConfiguration(host: "127.0.0.1", port: 0)
  configuration.eventLoopCount = 1
  configure(&configuration)
  let server = GRPCServer(configuration: configuration, service: ClosureService(body: handler))
  let address = try await server.start()
  do {
    let client = try await GRPCClient.connect(
      host: address.host, port: address.port, configuration: clientConfiguration)
    do {
      try await body(client, server)
    } catch {
      await client.close()
      throw error
    }
    await client.close()
  } catch {
    await server.shutDown(gracePeriod: .zero)
    throw error
  }
  await server.shutDown(gracePeriod: .zero)
}

/// Something that happens once and can be waited for.
final class Signal: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation
  private let count = Atomic<Int>(0)

  init() {
    (stream, continuation) = AsyncStream.makeStream(of: Void.self)
  }

  var hasHappened: Bool { count.load(ordering: .acquiring) > 0 }

  func happen() {
    count.wrappingAdd(1, ordering: .releasing)
    continuation.yield()
  }

  /// Waits for the next time, or returns at once if it has happened and nobody has waited for it.
  func wait() async {
    for await _ in stream { return }
  }
}

extension GatherMessage {
  init(_ text: String) {
    self.init(bytes: text.utf8)
  }
}

extension ClientCall {
  /// All messages that are left, as text.
  func receiveAll() async throws -> [String] {
    var messages: [String] = []
    while let message = try await receive() { messages.append(String(buffer: message)) }
    return messages
  }
}

/// The error that `body` throws.
func grpcError(_ body: () async throws -> Void) async -> GRPCError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? GRPCError
  }
}

/// A number that only grows.
final class Counter: Sendable {
  private let number = Atomic<Int>(0)

  var value: Int { number.load(ordering: .acquiring) }

  func add(_ amount: Int) {
    number.wrappingAdd(amount, ordering: .releasing)
  }
}

/// The value once it has not changed for a tenth of a second.
func settledValue(of counter: Counter) async throws -> Int {
  var last = 0
  while true {
    try await Task.sleep(for: .milliseconds(100))
    let now = counter.value
    if now == last && now > 0 { return now }
    last = now
  }
}
