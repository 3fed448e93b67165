internal import Columnar
internal import Database
internal import Engine
internal import FlightProtocol
internal import GRPC
internal import SwiftProtobuf

extension FlightService {
  /// Starts a statement, or says how far one is that an earlier poll started.
  ///
  /// The first poll takes the descriptor that GetFlightInfo takes. While the statement has no rows
  /// yet, the answer holds a descriptor to poll with again, which is answered when there is news.
  func pollFlightInfo(_ call: ServerCall, _ session: Session) async throws {
    let descriptor = try await request(call, as: Flight.FlightDescriptor.self)
    if descriptor.type == .cmd,
      case .statementTicket(let ticket) = try FlightSQL.Command(unpacking: descriptor.cmd)
    {
      let query = try session.openQuery(try Self.handle(ticket.statementHandle))
      await query.pump.waitUntilReady(atMost: .seconds(1))
      return try await send(try poll(query, descriptor), call)
    }
    guard descriptor.type == .cmd, Metadata.schema(of: try .init(unpacking: descriptor.cmd)) == nil
    else {
      // What needs no statement is ready at once.
      var poll = Flight.PollInfo()
      poll.info = try await info(descriptor, call, session)
      poll.progress = 1
      return try await send(poll, call)
    }
    let query = try await start(try .init(unpacking: descriptor.cmd), call, session)
    try await send(try poll(query, descriptor), call)
  }

  private func poll(
    _ query: OpenQuery, _ descriptor: Flight.FlightDescriptor
  ) throws -> Flight.PollInfo {
    var poll = Flight.PollInfo()
    poll.info = try info(query, descriptor)
    poll.expirationTime = expiration
    let pump = query.pump
    if let failure = pump.failure { throw DatabaseError(failure) }
    if pump.isReady {
      poll.progress = 1
    } else {
      if let progress = pump.progress { poll.progress = min(progress, 0.99) }
      poll.flightDescriptor = .with {
        $0.type = .cmd
        $0.cmd = poll.info.endpoint[0].ticket.ticket
      }
    }
    return poll
  }

  /// Tables and views, each as a flight with a path.
  func listFlights(_ call: ServerCall, _ session: Session) async throws {
    let criteria = try await request(call, as: Flight.Criteria.self)
    let pattern = String(decoding: criteria.expression, as: UTF8.self)
    let context = StatementContext(connectionID: call.connection.id)
    var tables = FlightSQL.CommandGetTables()
    if !pattern.isEmpty { tables.tableNameFilterPattern = pattern }
    guard case .query(let query) = Metadata.answer(to: .getTables(tables), facts: { facts })
    else { return }
    for batch in try await session.internalQuery(query.sql, context) {
      for row in 0..<batch.rowCount {
        let path = (0..<3).map { batch.columns[$0].string(at: row) ?? "" }
        let relation = try Self.relation(path)
        guard let schema = try? await session.schema(of: "SELECT * FROM " + relation, context)
        else {
          continue
        }
        try await send(flightInfo(schema, Flight.FlightDescriptor(path: path), ticket: nil), call)
      }
    }
  }
}
