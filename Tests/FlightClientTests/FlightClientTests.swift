import Columnar
import FlightClient
import FlightProtocol
import FoundationEssentials
import GRPC
import Testing

private func numbers(_ batches: [Batch]) -> [Int64] {
  batches.flatMap { batch -> [Int64] in
    let buffer = batch.columns[0].buffers[1]
    let values = buffer.values(as: Int64.self)
    return values.indices.map { values[$0] }
  }
}

/// Runs `body` with a fake server and a client that is connected to it.
private func withClient(
  _ body: (FlightClient, FakeFlightServer) async throws -> Void
) async throws {
  try await FakeFlightServer.run { server, address in
    let client = try await FlightClient.connect(to: address)
    try await body(client, server)
    await client.close()
  }
}

/// Waits until the server has seen a cancellation: further calls go out behind it.
private func untilCancelled(_ server: FakeFlightServer, _ client: FlightClient) async throws {
  for _ in 0..<10_000 where server.log.cancelledCalls == 0 {
    _ = try await client.beginTransaction()
  }
  #expect(server.log.cancelledCalls == 1)
}

@Suite struct FlightClientTests {
  @Test func `a query returns the batches of all its endpoints in order`() async throws {
    try await withClient { client, _ in
      let result = try await client.query("3,2;5,1")
      #expect(result.schema == FakeFlightServer.schema)
      let batches = try await result.collect()
      #expect(batches.map(\.rowCount) == [3, 3, 5])
      #expect(numbers(batches) == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4])
    }
  }

  @Test func `an error of the server arrives with its code and its sentence`() async throws {
    try await withClient { client, _ in
      let error = await #expect(throws: GRPCError.self) { try await client.query("bad") }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message == "Parser Error: ünexpected \"bad\"")
    }
  }

  @Test func `token and cookie of the handshake go with every later call`() async throws {
    try await withClient { client, server in
      try await client.logIn(username: "ann", password: "pw")
      _ = try await client.beginTransaction()
      let log = server.log
      #expect(log.authorizations == ["Basic YW5uOnB3", "Bearer token-1"])
      #expect(log.cookies == [nil, "session=abc"])
    }
  }

  @Test func `an address with a user logs in`() async throws {
    try await FakeFlightServer.run { server, address in
      var address = address
      address.username = "ann"
      address.password = "pw"
      let client = try await FlightClient.connect(to: address)
      #expect(server.log.authorizations == ["Basic YW5uOnB3"])
      await client.close()
    }
  }

  @Test func `batches are ingested with their target`() async throws {
    try await withClient { client, server in
      var target = IngestTarget("t", schema: "s", mode: .createOrAppend)
      target.options = ["on_conflict": "update"]
      let count = try await client.ingest(
        [FakeFlightServer.batch(0..<5), FakeFlightServer.batch(5..<7)],
        schema: FakeFlightServer.schema, into: target)
      #expect(count == 7)
      #expect(numbers(server.log.batches) == Array(0..<7))
      guard case .statementIngest(let command) = server.log.commands.first else {
        Issue.record("no ingest")
        return
      }
      #expect(command.table == "t")
      #expect(command.schema == "s")
      #expect(!command.hasCatalog)
      #expect(command.tableDefinitionOptions.ifNotExist == .create)
      #expect(command.tableDefinitionOptions.ifExists == .append)
      #expect(command.options == ["on_conflict": "update"])
    }
  }

  @Test func `a prepared statement is bound, run with the new handle, and closed`() async throws {
    try await withClient { client, server in
      let statement = try await client.prepare("SELECT ?")
      #expect(!statement.isUpdate)
      #expect(statement.resultSchema == FakeFlightServer.schema)
      #expect(statement.parameterSchema == Schema(Field("1", .int64)))
      let parameters = Batch(
        schema: statement.parameterSchema, columns: [.int64s([7])], rowCount: 1)
      try await statement.bind(parameters)
      #expect(numbers(try await statement.query().collect()).count == 12)
      try await statement.close()
      guard case .preparedStatementQuery(let command) = server.log.commands.last else {
        Issue.record("not run")
        return
      }
      #expect(command.preparedStatementHandle == Data("bound".utf8))
      #expect(server.log.actions == ["CreatePreparedStatement", "ClosePreparedStatement"])
    }
  }

  @Test func `an update counts the rows of its parameters`() async throws {
    try await withClient { client, server in
      let statement = try await client.prepare("INSERT INTO t VALUES (?)")
      #expect(statement.isUpdate)
      let parameters = Batch(
        schema: statement.parameterSchema, columns: [.int64s([1, 2, 3])], rowCount: 3)
      #expect(try await statement.update(parameters) == 3)
      #expect(try await client.update("DELETE FROM t") == 0)
      #expect(numbers(server.log.batches) == [1, 2, 3])
    }
  }

  @Test func `a statement of unknown kind is run as what it is`() async throws {
    try await withClient { client, server in
      guard case .rows(let rows) = try await client.run("SELECT 1") else {
        Issue.record("not rows")
        return
      }
      #expect(try await rows.collect().count == 4)
      guard case .changed(0) = try await client.run("CREATE TABLE t (i INTEGER)") else {
        Issue.record("not an update")
        return
      }
      #expect(server.log.actions.filter { $0 == "ClosePreparedStatement" }.count == 2)
    }
  }

  @Test func `transactions, cancel and session options reach the server`() async throws {
    try await withClient { client, server in
      let transaction = try await client.beginTransaction()
      let result = try await client.query("1,1", in: transaction)
      #expect(try await client.cancel(result.info) == .cancelled)
      try await client.commit(transaction)
      let errors = try await client.setSessionOptions([
        "a": Flight.SessionOptionValue(.boolValue(true)), "no_such": .init(["x"]),
      ])
      #expect(errors == ["no_such": .invalidName])
      guard case .statementQuery(let query) = server.log.commands.first else {
        Issue.record("no query")
        return
      }
      #expect(query.transactionID == Data("tx".utf8))
      let error = await #expect(throws: GRPCError.self) { try await client.closeSession() }
      #expect(error?.code == .unimplemented)
    }
  }

  @Test func `a reader that stops makes the server wait, and cancels when it leaves`()
    async throws
  {
    try await withClient { client, server in
      do {
        let rows = try await client.query("10000,-1")
        var iterator = rows.batches.makeAsyncIterator()
        for _ in 0..<3 { #expect(try await iterator.next()?.rowCount == 10_000) }
      }
      // The next call goes out on the same connection, behind the cancellation.
      try await untilCancelled(server, client)
      #expect(server.log.sentBatches < 500)
    }
  }

  @Test func `cancelling the reading task cancels the statement`() async throws {
    try await withClient { client, server in
      let rows = try await client.query("1000,-1")
      let (stream, continuation) = AsyncStream<Void>.makeStream()
      let reader = Task {
        for try await _ in rows.batches { continuation.yield() }
      }
      for await _ in stream { break }
      reader.cancel()
      await #expect(throws: (any Error).self) { try await reader.value }
      try await untilCancelled(server, client)
    }
  }

  @Test func `nobody there is an error that says so`() async throws {
    let error = await #expect(throws: GRPCError.self) {
      try await FlightClient.connect(to: FlightAddress(host: "127.0.0.1", port: 1))
    }
    #expect(error?.code == .unavailable)
  }
}

@Suite struct FlightAddressTests {
  @Test(arguments: [
    ("grpc://localhost:1234", "localhost", 1234), ("grpc+tcp://h", "h", 50051),
    ("flightsql://h:1/db?x=y", "h", 1), ("h:9", "h", 9), ("grpc://[::1]:7", "::1", 7),
    ("[fe80::2]", "fe80::2", 50051), ("GRPC://H", "H", 50051),
  ])
  func `an address is read`(text: String, host: String, port: Int) throws {
    let address = try FlightAddress(text)
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.username == nil)
  }

  @Test func `user and password are taken out of the address and not shown`() throws {
    let address = try FlightAddress("grpc://ann:p@ss:w@host:1")
    #expect(address.username == "ann")
    #expect(address.password == "p@ss:w")
    #expect(address.host == "host")
    #expect(address.description == "grpc://host:1")
  }

  @Test(arguments: [
    "", "grpc://", "grpc+tls://h", "http://h", "h:", "h:x", "h:70000", "h:-1", "[::1", "[::1]x",
  ])
  func `what is no address is refused`(text: String) {
    #expect(throws: FlightClientError.self) { try FlightAddress(text) }
  }
}
