public import GRPC
public import Logging
internal import NIOCore
internal import Synchronization
internal import SwiftProtobuf

public import Database
internal import FlightProtocol
public import Telemetry

/// The methods of Arrow Flight, over sessions of the database.
public final class FlightService: GRPCService {
  let database: StreamingDatabase
  let sessions: Sessions
  private let version: String
  let metrics: ServerMetrics
  private let logger: Logger
  /// Keywords and functions of the engine, once they were looked up.
  private let knownFacts = Mutex<ServerFacts?>(nil)

  /// - Parameter version: The version of the program, as `0.1.0`.
  public init(
    _ database: StreamingDatabase, version: String, metrics: ServerMetrics, logger: Logger
  ) {
    self.metrics = metrics
    self.logger = logger
    self.database = database
    self.version = version
    sessions = Sessions(database, metrics)
  }

  public func handle(_ call: ServerCall) async throws {
    let start = ContinuousClock.now
    do {
      try await answer(call)
      count(call, .ok, since: start)
    } catch {
      let status = status(of: error)
      count(call, status.code, since: start)
      if status.code == .internal {
        logger.error(
          "internal error",
          metadata: ["method": "\(call.path)", "message": "\(status.message)"])
      }
      throw status
    }
  }

  private func status(of error: any Error) -> GRPCError {
    switch error {
    case let error as GRPCError: error
    case let error as DatabaseError: GRPCError(error)
    case let error as ProtocolError: GRPCError(.invalidArgument, "\(error)")
    case is CancellationError: GRPCError(.cancelled, "the call was cancelled")
    default: GRPCError(.internal, "\(error)")
    }
  }

  private func count(
    _ call: ServerCall, _ code: GRPCStatusCode, since start: ContinuousClock.Instant
  ) {
    metrics.rpcEnded(
      method: Self.methodNames[call.path] ?? "unknown", code: code.rawValue, duration: .now - start)
  }

  /// Names for the figures, by path.
  private static let methodNames: [String: String] = {
    let paths = [
      Flight.Method.handshake, Flight.Method.listFlights, Flight.Method.getFlightInfo,
      Flight.Method.pollFlightInfo, Flight.Method.getSchema, Flight.Method.doGet,
      Flight.Method.doPut, Flight.Method.doExchange, Flight.Method.doAction,
      Flight.Method.listActions,
    ]
    return Dictionary(
      uniqueKeysWithValues: paths.map { path in
        (path, path.split(separator: "/").last.map(String.init) ?? path)
      })
  }()

  private func answer(_ call: ServerCall) async throws {
    let session = try sessions.session(for: call)
    switch call.path {
    case Flight.Method.getFlightInfo: try await getFlightInfo(call, session)
    case Flight.Method.doGet: try await doGet(call, session)
    case Flight.Method.doPut: try await doPut(call, session)
    case Flight.Method.doAction: try await doAction(call, session)
    case Flight.Method.getSchema: try await getSchema(call, session)
    case Flight.Method.pollFlightInfo: try await pollFlightInfo(call, session)
    case Flight.Method.listFlights: try await listFlights(call, session)
    case Flight.Method.listActions: try await listActions(call)
    case Flight.Method.handshake: try await handshake(call)
    case Flight.Method.doExchange: try await doExchange(call, session)
    default: throw GRPCError.unknownMethod(call.path)
    }
  }

  /// Looks after sessions until the task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(30))
      await sessions.sweep()
    }
  }

  // MARK: Messages

  /// The one message of a unary request.
  func request<Request: SwiftProtobuf.Message>(
    _ call: ServerCall, as type: Request.Type
  ) async throws -> Request {
    guard let message = try await call.receive() else {
      throw GRPCError(.invalidArgument, "the request has no message")
    }
    return try Request(decoding: message)
  }

  func send(_ message: some SwiftProtobuf.Message, _ call: ServerCall) async throws {
    try await call.send(GatherMessage(head: try message.encoded(), body: []))
  }

  func send(_ data: FlightData, _ call: ServerCall) async throws {
    let (head, body) = try data.encode()
    try await call.send(GatherMessage(head: head, body: body))
  }

  // MARK: Facts

  /// What is known without asking the engine.
  var facts: ServerFacts {
    var facts = ServerFacts(
      duckDBVersion: database.duckDBVersion, hyprstreamVersion: version)
    let milliseconds = { (duration: Duration) in
      Int32(clamping: duration.components.seconds * 1_000)
    }
    facts.statementTimeoutMilliseconds = milliseconds(database.options.handleLease)
    facts.transactionTimeoutMilliseconds = milliseconds(database.options.transactionIdleTimeout)
    return facts
  }

  /// All facts, with the keywords and functions of the engine, which stay the same while it runs.
  func allFacts(_ session: Session, _ context: StatementContext) async throws -> ServerFacts {
    if let known = knownFacts.withLock({ $0 }) { return known }
    var facts = self.facts
    for batch in try await session.internalQuery(ServerFacts.namesSQL, context) {
      facts.addNames(batch)
    }
    let all = facts
    knownFacts.withLock { $0 = all }
    return all
  }

  // MARK: Handshake

  /// Answers every handshake with a token of its own, which names a session from then on. No
  /// credentials are asked for yet.
  private func handshake(_ call: ServerCall) async throws {
    let first = try await call.receive()
    let request = try first.map { try Flight.HandshakeRequest(decoding: $0) }
    let token = try sessions.issueToken()
    call.sendHeaders(GRPCMetadata([("authorization", "Bearer " + token)]))
    var response = Flight.HandshakeResponse()
    response.protocolVersion = request?.protocolVersion ?? 0
    response.payload.append(contentsOf: Array(token.utf8))
    try await send(response, call)
    // The caller may say more; there is nothing to answer it.
    while try await call.receive() != nil {}
  }
}

extension GRPCError {
  /// Where in a statement the mistake is: an offset in bytes.
  private static let positionTrailer = "hyprstream-error-position"

  /// The status for an error of the database.
  init(_ error: DatabaseError) {
    let code: GRPCStatusCode =
      switch error.code {
      case .cancelled: .cancelled
      case .invalidArgument: .invalidArgument
      case .deadlineExceeded: .deadlineExceeded
      case .notFound: .notFound
      case .alreadyExists: .alreadyExists
      case .permissionDenied: .permissionDenied
      case .resourceExhausted: .resourceExhausted
      case .failedPrecondition: .failedPrecondition
      case .aborted: .aborted
      case .unimplemented: .unimplemented
      case .internal: .internal
      case .unavailable: .unavailable
      case .unauthenticated: .unauthenticated
      }
    self.init(code, error.message)
    if let position = error.position {
      metadata.add(Self.positionTrailer, String(position))
    }
  }
}
