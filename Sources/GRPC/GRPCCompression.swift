/// The encodings of `grpc-encoding` that this library understands.
public enum GRPCCompression: String, Sendable, Hashable, CaseIterable {
  case identity
  case gzip

  /// The value of `grpc-accept-encoding`.
  static let accepted = "identity,gzip"

  /// Whether a `grpc-accept-encoding` value, a comma-separated list, names this encoding.
  func isListed(in value: String?) -> Bool {
    guard let value else { return false }
    return value.utf8.split(separator: UInt8(ascii: ",")).contains { name in
      name.drop { $0 == 0x20 }.elementsEqual(rawValue.utf8)
    }
  }
}
