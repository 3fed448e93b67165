#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif
internal import Columnar
internal import Database
internal import FlightProtocol
internal import GRPC
internal import NIOCore

/// What a reader of a subscription sends while it reads: `{"acknowledge":"<token>"}`.
private struct ExchangeMetadata: Decodable {
  var acknowledge: String?
}

extension FlightService {
  /// An endless query with its acknowledgements on the same call.
  ///
  /// The first message names it: a path is a stream or a subscription, a command is the text of
  /// `SUBSCRIBE …` or `SELECT … EMIT CHANGES`. Messages that follow acknowledge what was read. Ends when
  /// the client has closed its side and the query has ended, or when the client goes away.
  func doExchange(_ call: ServerCall, _ session: Session) async throws {
    guard let message = try await call.receive() else {
      throw GRPCError(.invalidArgument, "the exchange has no message")
    }
    guard let descriptor = try FlightData.decode(message).descriptor else {
      throw GRPCError(
        .invalidArgument,
        "the first message of an exchange needs a descriptor with the name of a stream or "
          + "subscription, or with the text of a query")
    }
    let (sql, subscription) = try Self.exchanged(descriptor)
    let query = try await session.query(
      sql, StatementContext(connectionID: call.connection.id))
    let (open, pump) = try await session.result(query.handle)
    defer { session.readerLeft(open, pump) }
    guard let live = open.live else {
      throw GRPCError(
        .invalidArgument, "an exchange takes SUBSCRIBE or a query with EMIT CHANGES")
    }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      defer { tasks.cancelAll() }
      tasks.addTask { try await self.send(live, call) }
      tasks.addTask {
        while let message = try await call.receive() {
          try await Self.acknowledge(message, subscription, session)
        }
        // A client that has said all it wanted may go on reading.
        while !Task.isCancelled { try await Task.sleep(for: .seconds(3_600)) }
      }
      try await tasks.next()
    }
  }

  /// The statement that a descriptor means, and the subscription that can be acknowledged.
  private static func exchanged(
    _ descriptor: Flight.FlightDescriptor
  ) throws -> (sql: String, subscription: String?) {
    switch descriptor.type {
    case .path:
      let relation = try relation(descriptor.path)
      return ("SUBSCRIBE \(relation)", descriptor.path.count == 1 ? descriptor.path[0] : nil)
    case .cmd:
      let text = String(decoding: descriptor.cmd, as: UTF8.self)
      let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
      guard words.first?.uppercased() == "SUBSCRIBE" else { return (text, nil) }
      let rest = words.dropFirst().drop { $0.uppercased() == "TO" }
      return (text, rest.first)
    default:
      throw GRPCError(.invalidArgument, "the descriptor holds neither a path nor a command")
    }
  }

  private static func acknowledge(
    _ message: ByteBuffer, _ subscription: String?, _ session: Session
  ) async throws {
    guard let metadata = try FlightData.decode(message).appMetadata, metadata.readableBytes > 0
    else { return }
    let text = String(buffer: metadata)
    guard let said = try? JSONDecoder().decode(ExchangeMetadata.self, from: Data(text.utf8)),
      let token = said.acknowledge
    else {
      throw GRPCError(
        .invalidArgument, "the metadata is not understood; it is {\"acknowledge\":\"<token>\"}")
    }
    guard let subscription else {
      throw GRPCError(
        .failedPrecondition, "only subscriptions are acknowledged, and this is none")
    }
    try await session.acknowledge(subscription, upTo: token)
  }
}
