internal import GRPC
internal import Synchronization

/// What the server has asked the client to send with each call: a bearer token and cookies.
final class SessionHeaders: Sendable {
  fileprivate struct State {
    var authorization: String?
    var cookies: [(name: String, value: String)] = []
    var extra: [(name: String, value: String)] = []
    /// Made of the above, once per change.
    var metadata = GRPCMetadata()
  }

  private let state = Mutex(State())

  /// The headers of the next call.
  var metadata: GRPCMetadata { state.withLock { $0.metadata } }

  /// Takes in the headers of a response.
  func remember(_ response: GRPCMetadata) {
    let authorization = response.first("authorization")
    let cookies = response.all("set-cookie")
    guard authorization != nil || !cookies.isEmpty else { return }
    state.withLock { state in
      if let authorization { state.authorization = authorization }
      for cookie in cookies { state.set(cookie) }
      state.rebuild()
    }
  }

  func setAuthorization(_ value: String?) {
    state.withLock { state in
      state.authorization = value
      state.rebuild()
    }
  }

  func add(_ name: String, _ value: String) {
    state.withLock { state in
      state.extra.append((name, value))
      state.rebuild()
    }
  }
}

extension SessionHeaders.State {
  /// Keeps `name=value`; a cookie whose `Max-Age` is 0 is dropped.
  mutating func set(_ cookie: String) {
    let parts = cookie.split(separator: ";").map { $0.trimmingSpaces() }
    guard let pair = parts.first, let equals = pair.firstIndex(of: "=") else { return }
    let name = String(pair[..<equals])
    cookies.removeAll { $0.name == name }
    if parts.dropFirst().contains(where: { $0.lowercased() == "max-age=0" }) { return }
    cookies.append((name, String(pair[pair.index(after: equals)...])))
  }

  mutating func rebuild() {
    metadata = GRPCMetadata()
    for (name, value) in extra { metadata.add(name, value) }
    if let authorization { metadata.add("authorization", authorization) }
    if !cookies.isEmpty {
      metadata.add("cookie", cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; "))
    }
  }
}

extension Substring {
  fileprivate func trimmingSpaces() -> Substring {
    let start = drop { $0 == " " }
    guard let last = start.lastIndex(where: { $0 != " " }) else { return start }
    return start[...last]
  }
}
