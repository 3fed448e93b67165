/// Where a Flight server listens, as people write it: `grpc://host:port`.
public struct FlightAddress: Hashable, Sendable {
  public var host: String
  public var port: Int
  /// From `grpc://user:password@host`, if given.
  public var username: String?
  public var password: String?

  public static let defaultPort = 50051

  public init(host: String, port: Int = defaultPort) {
    self.host = host
    self.port = port
  }

  /// Reads `grpc://`, `grpc+tcp://` or `flightsql://`, or no scheme; then user and password if
  /// any, host (IPv6 in brackets) and port if it is not 50051.
  public init(_ text: String) throws(FlightClientError) {
    var rest = text[...]
    if let end = rest.firstRange(of: "://") {
      let scheme = rest[..<end.lowerBound].lowercased()
      guard ["grpc", "grpc+tcp", "flightsql"].contains(scheme) else {
        throw .invalidAddress(text, reason: "the scheme '\(scheme)' is not supported")
      }
      rest = rest[end.upperBound...]
    }
    if let slash = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) { rest = rest[..<slash] }
    self.init(host: "", port: Self.defaultPort)
    if let at = rest.lastIndex(of: "@") {
      let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      username = parts.first.map(String.init)
      password = parts.count > 1 ? String(parts[1]) : nil
      rest = rest[rest.index(after: at)...]
    }
    let portText = try readHost(&rest, of: text)
    if let portText {
      guard let number = Int(portText), (0...65535).contains(number) else {
        throw .invalidAddress(text, reason: "'\(portText)' is not a port")
      }
      port = number
    }
    guard !host.isEmpty else { throw .invalidAddress(text, reason: "it names no host") }
  }

  /// Sets the host and returns the text of the port, if there is one.
  private mutating func readHost(
    _ rest: inout Substring, of text: String
  ) throws(FlightClientError) -> Substring? {
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]") else {
        throw .invalidAddress(text, reason: "a bracket is not closed")
      }
      host = String(rest[rest.index(after: rest.startIndex)..<end])
      let tail = rest[rest.index(after: end)...]
      guard let colon = tail.first else { return nil }
      guard colon == ":" else {
        throw .invalidAddress(text, reason: "a port must follow the bracket")
      }
      return tail.dropFirst()
    }
    let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    host = parts.first.map(String.init) ?? ""
    return parts.count > 1 ? parts[1] : nil
  }
}

extension FlightAddress: CustomStringConvertible {
  /// Without user and password, so that it can be shown.
  public var description: String {
    host.contains(":") ? "grpc://[\(host)]:\(port)" : "grpc://\(host):\(port)"
  }
}
