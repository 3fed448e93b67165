/// How a server listens, and the limits it keeps. Every value has a unit and a reason.
public struct GRPCServerConfiguration: Sendable {
  /// Address or name to listen on.
  public var host = "127.0.0.1"
  /// Port to listen on; 0 lets the system choose.
  public var port = 50051
  /// Threads for I/O. A connection belongs to one of them; connections are dealt out in turn. `nil`
  /// is one per core.
  public var eventLoopCount: Int?

  /// Further connections are closed at once.
  public var maxConnections = Int.max

  /// A longer message of a request ends the call with RESOURCE_EXHAUSTED. In bytes, after decompression.
  public var maxRequestMessageBytes = 256 * 1024 * 1024
  /// How much of a request may wait for the handler before the sender is made to wait, per call.
  public var maxUnreadBytes = 4 * 1024 * 1024
  /// How much of a response may wait for the network before `send` suspends, per call.
  public var maxUnsentBytes = 1024 * 1024
  /// What a client may send ahead, per call and per connection. The most important setting for uploads.
  public var windowBytes = 8 * 1024 * 1024
  /// The largest HTTP/2 frame a client may send.
  public var maxFrameBytes = 4 * 1024 * 1024
  /// The largest block of request headers, in bytes as HTTP/2 counts them. Bearer tokens can be long.
  public var maxHeaderBytes = 64 * 1024
  /// Calls that one connection may have open.
  public var maxConcurrentStreams = 1000
  /// Calls that one connection may cancel within 30 s before it is taken for an attack and closed.
  public var maxStreamResets = 100_000
  /// PING and SETTINGS frames that one connection may send within 30 s.
  public var maxControlFrames = 10_000

  /// A connection without calls is closed gracefully after this time; `nil` keeps it.
  public var maxConnectionIdle: Duration?
  /// A connection is closed gracefully when it is this old; `nil` keeps it.
  public var maxConnectionAge: Duration?
  /// How long calls may go on once their connection is being closed for age; `nil` is without end.
  public var maxConnectionAgeGrace: Duration?
  /// How long a connection may be silent before the client is asked whether it is still there; `nil`
  /// never asks.
  public var keepaliveInterval: Duration? = .seconds(7200)
  /// How long the client may take to answer that.
  public var keepaliveTimeout: Duration = .seconds(20)

  /// Answers `grpc.health.v1.Health`.
  public var hasHealthService = true
  /// Turns what a handler throws, other than `GRPCError` and `CancellationError`, into a status. The
  /// default says nothing about the cause, which may not be the caller's business.
  public var mapError: @Sendable (any Error) -> GRPCError = { _ in
    GRPCError(.internal, "An internal error occurred.")
  }

  public init() {}

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }
}
