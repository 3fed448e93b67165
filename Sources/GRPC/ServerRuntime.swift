internal import Logging
internal import NIOCore
internal import Synchronization

/// What all connections of a server share.
final class ServerRuntime: Sendable {
  let configuration: GRPCServerConfiguration
  let limits: CallLimits
  let logger: Logger
  let health: GRPCHealth
  private let userService: any GRPCService
  private let runningHandlers = Atomic<Int>(0)
  private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

  init(
    configuration: GRPCServerConfiguration, service: any GRPCService, health: GRPCHealth,
    logger: Logger
  ) {
    self.configuration = configuration
    self.userService = service
    self.health = health
    self.logger = logger
    limits = CallLimits(
      maxMessageBytes: configuration.maxRequestMessageBytes,
      maxUnreadBytes: configuration.maxUnreadBytes)
  }

  func service(for call: ServerCall) -> any GRPCService {
    configuration.hasHealthService && call.path.hasPrefix(GRPCHealth.pathPrefix)
      ? health : userService
  }

  /// The status of a call whose handler threw `error`.
  func status(for error: any Error) -> GRPCError {
    switch error {
    case let error as GRPCError:
      // OK is not an error; a handler that throws it has lost its way.
      error.code == .ok ? GRPCError(.internal, error.message) : error
    case is CancellationError:
      GRPCError(.cancelled, "The call was cancelled.")
    default:
      configuration.mapError(error)
    }
  }
}

// MARK: Who is here

extension ServerRuntime {
  func handlerStarted() {
    runningHandlers.wrappingAdd(1, ordering: .relaxed)
  }

  func handlerEnded() {
    runningHandlers.wrappingSubtract(1, ordering: .releasing)
  }

  var hasRunningHandlers: Bool {
    runningHandlers.load(ordering: .acquiring) > 0
  }

  /// - Returns: `false` when there are as many as may be.
  func add(_ channel: any Channel) -> Bool {
    channels.withLock { channels in
      guard channels.count < configuration.maxConnections else { return false }
      channels[ObjectIdentifier(channel)] = channel
      return true
    }
  }

  func remove(_ channel: any Channel) {
    _ = channels.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  var openChannels: [any Channel] {
    channels.withLock { Array($0.values) }
  }
}
