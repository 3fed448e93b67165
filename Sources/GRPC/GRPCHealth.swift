internal import NIOCore
internal import Synchronization

/// The standard health service, `grpc.health.v1.Health`: what a load balancer asks.
///
/// The empty name stands for the server as a whole; it serves from the start.
public final class GRPCHealth: GRPCService {
  /// The values are those of the protocol.
  public enum Status: UInt8, Sendable, Hashable {
    case unknown = 0
    case serving = 1
    case notServing = 2
    case serviceUnknown = 3
  }

  static let pathPrefix = "/grpc.health.v1.Health/"

  private struct State {
    var statuses: [String: Status] = ["": .serving]
    var watchers: [UInt64: (service: String, continuation: AsyncStream<Status>.Continuation)] = [:]
    var lastWatcher: UInt64 = 0
  }

  private let state = Mutex(State())

  public init() {}

  /// Sets the status of `service`, and tells those who watch it.
  public func set(_ status: Status, for service: String = "") {
    state.withLock { state in
      guard state.statuses.updateValue(status, forKey: service) != status else { return }
      for watcher in state.watchers.values where watcher.service == service {
        watcher.continuation.yield(status)
      }
    }
  }

  /// The server is shutting down: nothing is served any more, and nobody watches.
  func shutDown() {
    let services = state.withLock { Array($0.statuses.keys) }
    for service in services { set(.notServing, for: service) }
    let watchers = state.withLock { state in
      defer { state.watchers = [:] }
      return state.watchers.values.map(\.continuation)
    }
    for watcher in watchers { watcher.finish() }
  }

  public func handle(_ call: ServerCall) async throws {
    guard let request = try await call.receive() else {
      throw GRPCError(.invalidArgument, "A health check needs a request message.")
    }
    guard let service = Self.service(in: request) else {
      throw GRPCError(.invalidArgument, "The health check request is malformed.")
    }
    switch call.path.dropFirst(Self.pathPrefix.count) {
    case "Check":
      guard let status = state.withLock({ $0.statuses[service] }) else {
        throw GRPCError(.notFound, "Unknown service \(service).")
      }
      try await call.send(Self.response(status))
    case "Watch":
      for await status in watch(service) { try await call.send(Self.response(status)) }
    default:
      throw GRPCError.unknownMethod(call.path)
    }
  }

  private func watch(_ service: String) -> AsyncStream<Status> {
    // Only the newest status matters to a slow watcher.
    let (stream, continuation) = AsyncStream.makeStream(
      of: Status.self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      state.lastWatcher &+= 1
      state.watchers[state.lastWatcher] = (service, continuation)
      continuation.yield(state.statuses[service] ?? .serviceUnknown)
      return state.lastWatcher
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { state in _ = state.watchers.removeValue(forKey: id) }
    }
    return stream
  }
}

// MARK: The two messages

extension GRPCHealth {
  /// `message HealthCheckRequest { string service = 1; }`, where unknown fields of no other kind
  /// than length-delimited and varint are skipped.
  static func service(in request: ByteBuffer) -> String? {
    var rest = request
    var service = ""
    while rest.readableBytes > 0 {
      guard let tag = rest.readVarint() else { return nil }
      switch tag & 7 {
      case 0:
        guard rest.readVarint() != nil else { return nil }
      case 2:
        guard let length = rest.readVarint().flatMap({ Int(exactly: $0) }),
          let text = rest.readString(length: length)
        else { return nil }
        if tag >> 3 == 1 { service = text }
      default:
        return nil
      }
    }
    return service
  }

  /// `message HealthCheckResponse { ServingStatus status = 1; }`
  static func response(_ status: Status) -> GatherMessage {
    GatherMessage(bytes: [0x08, status.rawValue])
  }
}

extension ByteBuffer {
  /// Reads a protobuf varint of at most 64 bits.
  fileprivate mutating func readVarint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte = readInteger(as: UInt8.self) else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
}
