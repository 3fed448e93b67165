/// Why a call failed: what a handler throws and what a client receives.
public struct GRPCError: Error, Sendable, Hashable {
  public var code: GRPCStatusCode
  /// One sentence for a person. Any Unicode; it is percent-encoded on the wire.
  public var message: String
  /// Sent as trailers beside the status.
  public var metadata: GRPCMetadata

  public init(_ code: GRPCStatusCode, _ message: String, metadata: GRPCMetadata = GRPCMetadata()) {
    self.code = code
    self.message = message
    self.metadata = metadata
  }

  /// The error for a path that a service does not know.
  public static func unknownMethod(_ path: String) -> GRPCError {
    GRPCError(.unimplemented, "Unknown method \(path).")
  }
}

extension GRPCError: CustomStringConvertible {
  public var description: String { "\(code): \(message)" }
}

extension GRPCError {
  static let connectionClosed = GRPCError(.unavailable, "The connection was closed.")
  static let cancelledByPeer = GRPCError(.cancelled, "The caller cancelled the call.")
  static let callFinished = GRPCError(.cancelled, "The call has already ended.")
  static let deadlinePassed = GRPCError(.deadlineExceeded, "The deadline passed.")
  static let truncated = GRPCError(
    .internal, "The stream ended in the middle of a message.")

  static func messageTooLarge(_ size: Int, limit: Int) -> GRPCError {
    GRPCError(
      .resourceExhausted, "A message of \(size) bytes is above the limit of \(limit) bytes.")
  }
}
