/// The limits of a client. Every value has a unit and a reason.
public struct GRPCClientConfiguration: Sendable {
  /// How long connecting may take.
  public var connectTimeout: Duration = .seconds(20)
  /// A longer message of a response ends the call with RESOURCE_EXHAUSTED. In bytes, after decompression.
  public var maxResponseMessageBytes = Int(Int32.max)
  /// How much of a response may wait to be received before the server is made to wait, per call.
  public var maxUnreadBytes = 4 * 1024 * 1024
  /// How much of a request may wait for the network before `send` suspends, per call.
  public var maxUnsentBytes = 1024 * 1024
  /// What the server may send ahead, per call and per connection.
  public var windowBytes = 8 * 1024 * 1024
  /// The largest HTTP/2 frame the server may send.
  public var maxFrameBytes = 4 * 1024 * 1024
  /// The largest block of response headers or trailers, in bytes as HTTP/2 counts them.
  public var maxHeaderBytes = 64 * 1024
  /// How messages of requests are compressed.
  public var compression = GRPCCompression.identity
  /// Goes out with every call.
  public var userAgent = "hyprstream-grpc"

  public init() {}
}
