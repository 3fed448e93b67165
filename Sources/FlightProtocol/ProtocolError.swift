/// Why bytes from the other side are not a message, or a message cannot be sent.
public enum ProtocolError: Error, Hashable, Sendable {
  /// The bytes are not valid protobuf, or not this message.
  case malformed(message: String, reason: String)
  /// A packed command has a type that the caller did not ask for.
  case unexpectedType(expected: String, actual: String)
  /// More bytes than one message can hold.
  case tooLarge(byteCount: Int, limitBytes: Int)
}

extension ProtocolError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed(let message, let reason):
      "the bytes are not a valid \(message): \(reason)"
    case .unexpectedType(let expected, let actual):
      "a packed \(expected) was expected, but its type is '\(actual)'"
    case .tooLarge(let byteCount, let limitBytes):
      "a message of \(byteCount) bytes is over the limit of \(limitBytes) bytes"
    }
  }
}
