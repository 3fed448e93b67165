/// How a call ended. The raw value is what travels in the `grpc-status` trailer.
public enum GRPCStatusCode: Int, Sendable, Hashable, CaseIterable {
  /// The call succeeded. Never thrown as an error.
  case ok = 0
  /// The caller gave up, or the connection went away under the call.
  case cancelled = 1
  /// An error that says nothing about itself, usually from another system.
  case unknown = 2
  /// The request is wrong whatever the state of the server (unlike ``failedPrecondition``).
  case invalidArgument = 3
  /// The deadline passed before the call ended; it may still have had an effect.
  case deadlineExceeded = 4
  /// What the request names does not exist.
  case notFound = 5
  /// What the request would create exists already.
  case alreadyExists = 6
  /// The caller is known and may not do this (unlike ``unauthenticated``).
  case permissionDenied = 7
  /// A limit was reached: memory, message size, a quota, a queue.
  case resourceExhausted = 8
  /// The request is right, the server's state is not; do not retry until it has changed.
  case failedPrecondition = 9
  /// The call lost a race (a transaction conflict); retry the whole sequence it was part of.
  case aborted = 10
  /// A position lies beyond the end, and may become valid later.
  case outOfRange = 11
  /// The server does not know the method, or not with these options.
  case unimplemented = 12
  /// A bug of the server.
  case `internal` = 13
  /// The server, or a system behind it, cannot be reached now; retrying the call is right.
  case unavailable = 14
  /// Data is lost or damaged.
  case dataLoss = 15
  /// The caller did not say who it is, or not convincingly.
  case unauthenticated = 16
}
