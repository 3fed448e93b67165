internal import FlightProtocol
#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif
public import GRPC
public import NIOCore

/// A client of a Flight SQL server, on one connection.
///
/// Any number of calls may run at a time, from any task; they cost least in tasks that run on
/// `executor`. Cancelling the task of a call cancels the call on the server. It does not reconnect.
///
/// What the server refuses is thrown as `GRPCError`, with its code and its sentence.
public final class FlightClient: Sendable {
  public let address: FlightAddress
  /// Runs tasks on the event loop of the connection.
  public var executor: LoopExecutor { grpc.executor }
  /// Whether the connection is up.
  public var isOpen: Bool { grpc.isOpen }

  let grpc: GRPCClient
  let session = SessionHeaders()
  /// How long a call may take, results included; nil: no limit.
  let callTimeout: Duration?

  private init(grpc: GRPCClient, address: FlightAddress, callTimeout: Duration?) {
    self.grpc = grpc
    self.address = address
    self.callTimeout = callTimeout
  }

  /// Connects, and logs in if the address has a user.
  ///
  /// - Throws: `GRPCError` with UNAVAILABLE when nobody answers.
  public static func connect(
    to address: FlightAddress, callTimeout: Duration? = nil,
    configuration: GRPCClientConfiguration = GRPCClientConfiguration(),
    group: (any EventLoopGroup)? = nil
  ) async throws -> FlightClient {
    let grpc = try await GRPCClient.connect(
      host: address.host, port: address.port, configuration: configuration, group: group)
    let client = FlightClient(grpc: grpc, address: address, callTimeout: callTimeout)
    if let username = address.username {
      try await client.logIn(username: username, password: address.password ?? "")
    }
    return client
  }

  /// Closes the connection; calls that run fail. The session ends with it unless it has a token.
  public func close() async { await grpc.close() }

  /// Sends this token with every call from now on.
  public func setBearerToken(_ token: String) { session.setAuthorization("Bearer \(token)") }

  /// Sends this header with every call from now on.
  public func addHeader(_ name: String, _ value: String) { session.add(name, value) }

  /// Shakes hands with name and password; what the server answers as `authorization` goes with
  /// every later call.
  public func logIn(username: String, password: String) async throws {
    let basic = Data("\(username):\(password)".utf8).base64EncodedString()
    var headers = session.metadata
    headers.add("authorization", "Basic \(basic)")
    var auth = Flight.BasicAuth()
    auth.username = username
    auth.password = password
    var request = Flight.HandshakeRequest()
    request.payload = Data(try auth.encoded().readableBytesView)
    let call = grpc.call(Flight.Method.handshake, metadata: headers, timeout: callTimeout)
    _ = try await finish(call, sending: try request.encoded())
  }

  /// Shakes hands without credentials: the server may answer with a token or a cookie.
  public func handshake() async throws {
    let call = grpc.call(
      Flight.Method.handshake, metadata: session.metadata, timeout: callTimeout)
    _ = try await finish(call, sending: try Flight.HandshakeRequest().encoded())
  }
}
