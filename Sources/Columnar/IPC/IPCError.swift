/// Why Arrow IPC bytes could not be read, or a batch could not be written as such.
///
/// Everything but `cannotEncode` is the fault of whoever made the bytes.
public enum IPCError: Error, Hashable, Sendable {
  /// The metadata is not a well-formed flatbuffer, or says something that Arrow does not know.
  case malformedMetadata(String)
  /// Valid Arrow that is not read here: big-endian data, tensors, old metadata versions.
  case unsupported(String)
  /// The message asks for more than `IPCLimits` allows.
  case limitExceeded(String)
  /// The body does not hold what the metadata says. `column` is the path of the field, as in
  /// `orders.items.item`.
  case invalidColumn(column: String, reason: String)
  /// A message at this place makes no sense: a batch before the schema, a missing dictionary.
  case unexpectedMessage(String)
  /// The bytes end within a message.
  case truncated(expectedBytes: Int, actualBytes: Int)
  /// A batch that has no form as an IPC message.
  case cannotEncode(String)
}

extension IPCError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformedMetadata(let reason): "malformed Arrow IPC metadata: \(reason)"
    case .unsupported(let what): "unsupported Arrow IPC message: \(what)"
    case .limitExceeded(let reason): "Arrow IPC message refused: \(reason)"
    case .invalidColumn(let column, let reason):
      "malformed Arrow IPC body: column \"\(column)\": \(reason)"
    case .unexpectedMessage(let reason): "unexpected Arrow IPC message: \(reason)"
    case .truncated(let expected, let actual):
      "truncated Arrow IPC message: \(expected) bytes expected, \(actual) received"
    case .cannotEncode(let reason): "cannot encode as Arrow IPC: \(reason)"
    }
  }
}
