internal import Synchronization

internal import Database
internal import GRPC
internal import Telemetry

/// Finds the session that a call belongs to: that of its bearer token, else that of its cookie,
/// else that of its connection.
///
/// The session of a connection ends with it. Those of tokens and cookies outlive connections and end
/// when they idle, or when the client closes them.
final class Sessions: Sendable {
  private struct State {
    var byConnection: [UInt64: Session] = [:]
    var byToken: [String: Session] = [:]
    /// Cookies that a client has sent back: their sessions outlive the connection.
    var sentCookies: Set<String> = []
    /// Connections whose end is watched.
    var watched: Set<UInt64> = []
  }

  static let cookieName = "hyprstream_session"
  private static let maxTokenByteCount = 8_192

  private let database: StreamingDatabase
  private let metrics: ServerMetrics
  private let state = Mutex(State())

  init(_ database: StreamingDatabase, _ metrics: ServerMetrics) {
    self.database = database
    self.metrics = metrics
  }

  func session(for call: ServerCall) throws -> Session {
    let connection = call.connection
    let token = try Self.token(of: call.metadata)
    let (found, isNewConnection) = state.withLock { state in
      let found = token.map { state.byToken[$0] } ?? state.byConnection[connection.id]
      if found != nil, let token, token.hasPrefix(Self.cookieName) {
        state.sentCookies.insert(token)
      }
      return (found, state.watched.insert(connection.id).inserted)
    }
    if isNewConnection { watch(connection) }
    if let found, !found.isClosed {
      found.touch()
      return found
    }
    return try open(for: connection.id, token)
  }

  private func open(for id: UInt64, _ token: String?) throws -> Session {
    let fresh = try database.openSession()
    let session = state.withLock { state in
      if let token {
        if let other = state.byToken[token], !other.isClosed { return other }
        state.byToken[token] = fresh
      } else {
        if let other = state.byConnection[id], !other.isClosed { return other }
        state.byConnection[id] = fresh
      }
      return fresh
    }
    if session !== fresh { Task { await fresh.close() } }
    return session
  }

  /// The token or cookie that names the session; `nil` if the connection does.
  private static func token(of metadata: GRPCMetadata) throws -> String? {
    if let authorization = metadata.first("authorization"), authorization.hasPrefix("Bearer ") {
      guard authorization.utf8.count <= maxTokenByteCount else {
        throw GRPCError(
          .unauthenticated, "the bearer token is longer than \(maxTokenByteCount) bytes")
      }
      return authorization
    }
    guard let cookie = metadata.first("cookie") else { return nil }
    for part in cookie.split(separator: ";") {
      let trimmed = part.drop { $0 == " " }
      if trimmed.hasPrefix(cookieName + "=") { return String(trimmed) }
    }
    return nil
  }

  private func watch(_ connection: ServerConnection) {
    let id = connection.id
    metrics.connectionOpened()
    connection.onClose { [self] in
      metrics.connectionClosed()
      let session = state.withLock { state -> Session? in
        state.watched.remove(id)
        guard let session = state.byConnection.removeValue(forKey: id) else { return nil }
        let cookie = Self.cookie(of: session)
        guard !state.sentCookies.contains(cookie) else { return nil }
        state.byToken[cookie] = nil
        return session
      }
      Task {
        await session?.close()
        await database.connectionClosed(id)
      }
    }
  }

  /// A fresh token with a session of its own.
  func issueToken() throws -> String {
    let token = Handle().text + Handle().text
    let session = try database.openSession()
    state.withLock { $0.byToken["Bearer " + token] = session }
    return token
  }

  /// Gives the session of a connection a cookie too, so that it is found on other connections.
  ///
  /// - Returns: The value for `set-cookie`; `nil` if the call has a token or cookie already.
  func issueCookie(for call: ServerCall, _ session: Session) throws -> String? {
    guard try Self.token(of: call.metadata) == nil else { return nil }
    let cookie = Self.cookie(of: session)
    state.withLock { $0.byToken[cookie] = session }
    return cookie + "; HttpOnly; SameSite=Strict"
  }

  private static func cookie(of session: Session) -> String {
    cookieName + "=" + session.id.text
  }

  func close(_ session: Session) async {
    state.withLock { state in
      state.sentCookies.remove(Self.cookie(of: session))
      state.byToken = state.byToken.filter { $0.value !== session }
      state.byConnection = state.byConnection.filter { $0.value !== session }
    }
    await session.close()
  }

  /// Ends sessions of tokens and cookies that nobody has used for long.
  func sweep() async {
    let timeout = database.options.sessionIdleTimeout
    let idle = state.withLock { state in
      let attached = Set(state.byConnection.values.map(\.id))
      let idle = state.byToken.filter { entry in
        entry.value.isClosed
          || !attached.contains(entry.value.id) && entry.value.isIdle(longerThan: timeout)
      }
      for token in idle.keys {
        state.byToken[token] = nil
        state.sentCookies.remove(token)
      }
      return Array(idle.values)
    }
    for session in idle { await session.close() }
  }
}
