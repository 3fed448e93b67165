import Columnar
import FlightClient
import FlightProtocol
import FoundationEssentials
import GRPC
import NIOCore
import SwiftProtobuf
import Synchronization

/// A server without a database: it keeps what is put, answers what tests ask, and notes what it saw.
final class FakeFlightServer: GRPCService {
  struct Seen: Sendable {
    var authorizations: [String?] = []
    var cookies: [String?] = []
    var actions: [String] = []
    var commands: [FlightSQL.Command] = []
    var batches: [Batch] = []
    var cancelledCalls = 0
    var sentBatches = 0
  }

  static let schema = Schema(Field("n", .int64), Field("text", .utf8))
  private let seen = Mutex(Seen())

  var log: Seen { seen.withLock { $0 } }

  /// Starts it on a port of its own, runs `body` with a client, and stops both.
  static func run(_ body: (FakeFlightServer, FlightAddress) async throws -> Void) async throws {
    let service = FakeFlightServer()
    var configuration = GRPCServerConfiguration()
    configuration.host = "127.0.0.1"
    configuration.port = 0
    configuration.eventLoopCount = 1
    let server = GRPCServer(configuration: configuration, service: service)
    let (host, port) = try await server.start()
    do {
      try await body(service, FlightAddress(host: host, port: port))
    } catch {
      await server.shutDown(gracePeriod: .zero)
      throw error
    }
    await server.shutDown(gracePeriod: .zero)
  }

  static func batch(_ numbers: Range<Int64>) -> Batch {
    Batch(
      schema: schema,
      columns: [
        .int64s(numbers.map { $0 }), .strings(numbers.map { $0 % 3 == 0 ? nil : "row \($0)" }),
      ], rowCount: numbers.count)
  }

  func handle(_ call: ServerCall) async throws {
    seen.withLock {
      $0.authorizations.append(call.metadata.first("authorization"))
      $0.cookies.append(call.metadata.first("cookie"))
    }
    do {
      try await answer(call)
    } catch let error as ProtocolError {
      throw GRPCError(.invalidArgument, "\(error)")
    } catch {
      if Task.isCancelled { seen.withLock { $0.cancelledCalls += 1 } }
      throw error
    }
  }

  private func answer(_ call: ServerCall) async throws {
    switch call.path {
    case Flight.Method.handshake:
      _ = try await call.receive()
      call.sendHeaders([
        "authorization": "Bearer token-1", "set-cookie": "session=abc; Path=/; HttpOnly",
      ])
      try await reply(call, Flight.HandshakeResponse())
    case Flight.Method.getFlightInfo: try await flightInfo(call)
    case Flight.Method.doGet: try await doGet(call)
    case Flight.Method.doPut: try await doPut(call)
    case Flight.Method.doAction: try await doAction(call)
    default: throw GRPCError.unknownMethod(call.path)
    }
  }

  private func reply(_ call: ServerCall, _ message: some SwiftProtobuf.Message) async throws {
    try await call.send(GatherMessage(head: try message.encoded()))
  }

  private func request(_ call: ServerCall) async throws -> ByteBuffer {
    guard let message = try await call.receive() else {
      throw GRPCError(.invalidArgument, "no request")
    }
    return message
  }

  private func flightInfo(_ call: ServerCall) async throws {
    let descriptor = try Flight.FlightDescriptor(decoding: try await request(call))
    let command = try FlightSQL.Command(unpacking: descriptor.cmd)
    seen.withLock { $0.commands.append(command) }
    var tickets = ["3,4"]
    if case .statementQuery(let query) = command {
      if query.query.hasPrefix("bad") {
        throw GRPCError(.invalidArgument, "Parser Error: ünexpected \"bad\"")
      }
      tickets = query.query.split(separator: ";").map(String.init)
    }
    var info = Flight.FlightInfo()
    info.schema = Data(IPCStream.schemaBytes(Self.schema))
    info.flightDescriptor = descriptor
    info.totalRecords = -1
    info.endpoint = tickets.map { text in
      var endpoint = Flight.FlightEndpoint()
      endpoint.ticket.ticket = Data(text.utf8)
      return endpoint
    }
    try await reply(call, info)
  }

  /// A ticket `a,b` is `b` batches of `a` rows; with a negative `b` there is no end.
  private func doGet(_ call: ServerCall) async throws {
    let ticket = try Flight.Ticket(decoding: try await request(call))
    let numbers = String(decoding: ticket.ticket, as: UTF8.self).split(separator: ",")
      .compactMap { Int64($0) }
    var encoder = IPCEncoder(schema: Self.schema)
    try await send(call, FlightData(encoder.schemaMessage))
    try await send(call, FlightData(appMetadata: ByteBuffer(string: "only metadata")))
    var sent: Int64 = 0
    while sent != numbers[1] {
      let batch = Self.batch((sent * numbers[0])..<((sent + 1) * numbers[0]))
      for message in try encoder.encode(batch) { try await send(call, FlightData(message)) }
      sent += 1
      seen.withLock { $0.sentBatches += 1 }
    }
  }

  private func send(_ call: ServerCall, _ data: FlightData) async throws {
    let (head, body) = try data.encode()
    try await call.send(GatherMessage(head: head, body: body))
  }

  private func doPut(_ call: ServerCall) async throws {
    var decoder = IPCDecoder()
    var rowCount = 0
    var command: FlightSQL.Command?
    while let message = try await call.receive() {
      let data = try FlightData.decode(message)
      if let descriptor = data.descriptor {
        let found = try FlightSQL.Command(unpacking: descriptor.cmd)
        command = found
        seen.withLock { $0.commands.append(found) }
      }
      if case .batch(let batch) = try decoder.decode(
        header: data.columnarHeader, body: data.columnarBody)
      {
        rowCount += batch.rowCount
        seen.withLock { $0.batches.append(batch) }
      }
    }
    var result = Flight.PutResult()
    if case .preparedStatementQuery = command {
      var answer = FlightSQL.DoPutPreparedStatementResult()
      answer.preparedStatementHandle = Data("bound".utf8)
      result.appMetadata = Data(try answer.encoded().readableBytesView)
    } else {
      var answer = FlightSQL.DoPutUpdateResult()
      answer.recordCount = Int64(rowCount)
      result.appMetadata = Data(try answer.encoded().readableBytesView)
    }
    try await reply(call, result)
  }

  private func doAction(_ call: ServerCall) async throws {
    let action = try Flight.Action(decoding: try await request(call))
    seen.withLock { $0.actions.append(action.type) }
    var result = Flight.Result()
    switch action.type {
    case FlightSQL.ActionName.createPreparedStatement:
      let request = try FlightSQL.ActionCreatePreparedStatementRequest(unpacking: action.body)
      var answer = FlightSQL.ActionCreatePreparedStatementResult()
      answer.preparedStatementHandle = Data("handle".utf8)
      answer.isUpdate = !request.query.hasPrefix("SELECT")
      answer.parameterSchema = Data(IPCStream.schemaBytes(Schema(Field("1", .int64))))
      if !answer.isUpdate { answer.datasetSchema = Data(IPCStream.schemaBytes(Self.schema)) }
      result.body = try answer.packed()
    case FlightSQL.ActionName.beginTransaction:
      var answer = FlightSQL.ActionBeginTransactionResult()
      answer.transactionID = Data("tx".utf8)
      result.body = try answer.packed()
    case Flight.ActionName.cancelFlightInfo:
      var answer = Flight.CancelFlightInfoResult()
      answer.status = .cancelled
      result.body = Data(try answer.encoded().readableBytesView)
    case Flight.ActionName.setSessionOptions:
      let request = try Flight.SetSessionOptionsRequest(decoding: action.body)
      var answer = Flight.SetSessionOptionsResult()
      for name in request.sessionOptions.keys where name.hasPrefix("no") {
        answer.errors[name] = .with { $0.value = .invalidName }
      }
      result.body = Data(try answer.encoded().readableBytesView)
    case FlightSQL.ActionName.closePreparedStatement, FlightSQL.ActionName.endTransaction: return
    default: throw GRPCError(.unimplemented, "no action \(action.type)")
    }
    try await reply(call, result)
  }
}
