/// Why a call failed on the client's side. What the server says arrives as `GRPCError`, bytes that
/// are no messages as `ProtocolError` or `IPCError`.
public enum FlightClientError: Error, Hashable, Sendable {
  case invalidAddress(String, reason: String)
  /// The server left something out that the protocol demands.
  case incompleteAnswer(String)
  /// The batches of a result are of another schema than was announced.
  case schemaChanged
}

extension FlightClientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidAddress(let text, let reason): "'\(text)' is not an address: \(reason)"
    case .incompleteAnswer(let what): "the server's answer is incomplete: \(what)"
    case .schemaChanged: "the result's schema is not the one that was announced"
    }
  }
}
