import GRPC
import NIOCore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct `Calls over loopback` {
  @Test func `a unary call gets its answer, headers and trailers`() async throws {
    try await withServer { call in
      #expect(call.path == "/test.A/B")
      #expect(call.metadata.first("authorization") == "Bearer x")
      #expect(call.connection.eventLoop.inEventLoop)
      let request = try #require(try await call.receive())
      #expect(try await call.receive() == nil)
      call.sendHeaders(["server": "here"])
      call.addTrailer("cost", "7")
      try await call.send(GatherMessage(head: request))
    } _: { client, _ in
      let call = client.call("/test.A/B", metadata: ["authorization": "Bearer x"])
      try await call.send(GatherMessage("hello"), isLast: true)
      #expect(try await call.headers().first("server") == "here")
      #expect(try await call.receiveAll() == ["hello"])
      #expect(try await call.trailers().first("cost") == "7")
      let unary = try await client.unary(
        "/test.A/B", GatherMessage("again"), metadata: ["authorization": "Bearer x"])
      #expect(String(buffer: unary) == "again")
    }
  }

  @Test func `both sides stream at the same time`() async throws {
    try await withServer { call in
      call.sendHeaders(GRPCMetadata())
      while let message = try await call.receive() {
        try await call.send(GatherMessage(head: message))
      }
      try await call.send(GatherMessage("end"))
    } _: { client, _ in
      let call = client.call("/test.A/B")
      _ = try await call.headers()
      for round in 0..<100 {
        try await call.send(GatherMessage("\(round)"))
        let answer = try #require(try await call.receive())
        #expect(String(buffer: answer) == "\(round)")
      }
      try await call.halfClose()
      #expect(try await call.receiveAll() == ["end"])
    }
  }

  @Test func `a message of many large parts arrives whole`() async throws {
    try await withServer { call in
      var byteCount = 0
      while let message = try await call.receive() {
        #expect(message.readableBytesView.prefix(10).allSatisfy { $0 == 3 })
        byteCount += message.readableBytes
      }
      try await call.send(GatherMessage("\(byteCount)"))
    } _: { client, _ in
      let part = ByteBuffer(repeating: 3, count: 1_000_000)
      let call = client.call("/test.A/B")
      for _ in 0..<5 {
        try await call.send(
          GatherMessage(head: part, body: [ByteBuffer(), part, ByteBuffer(bytes: [3, 3]), part]))
      }
      try await call.halfClose()
      #expect(try await call.receiveAll() == ["\(5 * 3_000_002)"])
    }
  }

  @Test func `an error carries code, message and metadata, after what was sent before it`()
    async throws
  {
    try await withServer { call in
      if try await call.receive()?.readableBytes ?? 0 > 0 {
        try await call.send(GatherMessage("first"))
      }
      call.addTrailer("from", "handler")
      throw GRPCError(.notFound, "Kein Schlüssel: 100%\n☃", metadata: ["detail": "x"])
    } _: { client, _ in
      for request in ["", "x"] {
        let call = client.call("/test.A/B")
        try await call.send(GatherMessage(request), isLast: true)
        if request == "x" {
          let first = try #require(try await call.receive())
          #expect(String(buffer: first) == "first")
        }
        let error = await grpcError { _ = try await call.receive() }
        #expect(error?.code == .notFound)
        #expect(error?.message == "Kein Schlüssel: 100%\n☃")
        #expect(error?.metadata.first("detail") == "x")
        #expect(error?.metadata.first("from") == "handler")
      }
    }
  }

  struct Secret: Error {}

  @Test func `any other error becomes INTERNAL and says nothing`() async throws {
    try await withServer { _ in
      throw Secret()
    } _: { client, _ in
      let error = await grpcError { _ = try await client.unary("/a/b", GatherMessage("x")) }
      #expect(error?.code == .internal)
      #expect(error?.message == "An internal error occurred.")
    }
    try await withServer {
      $0.mapError = { GRPCError(.aborted, "mapped \(type(of: $0))") }
    } handler: { _ in
      throw Secret()
    } _: { client, _ in
      let error = await grpcError { _ = try await client.unary("/a/b", GatherMessage("x")) }
      #expect(error?.code == .aborted)
      #expect(error?.message == "mapped Secret")
    }
  }

  @Test func `a message above the limit is RESOURCE_EXHAUSTED and cancels the handler`()
    async throws
  {
    let cancelled = Signal()
    try await withServer {
      $0.maxRequestMessageBytes = 1000
    } handler: { call in
      do {
        while try await call.receive() != nil {}
      } catch {
        cancelled.happen()
        throw error
      }
    } _: { client, _ in
      let call = client.call("/a/b")
      try await call.send(GatherMessage(head: ByteBuffer(repeating: 0, count: 1000)))
      try await call.send(GatherMessage(head: ByteBuffer(repeating: 0, count: 1001)))
      let error = await grpcError { _ = try await call.receive() }
      #expect(error?.code == .resourceExhausted)
      #expect(error?.message.contains("1001") == true)
      await cancelled.wait()
    }
  }

  @Test func `a response above the client's limit ends the call there`() async throws {
    var configuration = GRPCClientConfiguration()
    configuration.maxResponseMessageBytes = 10
    try await withServer(clientConfiguration: configuration) { call in
      try await call.send(GatherMessage("12345678901"))
    } _: { client, _ in
      let error = await grpcError { _ = try await client.unary("/a/b", GatherMessage("")) }
      #expect(error?.code == .resourceExhausted)
    }
  }

  @Test func `compressed requests and responses come through`() async throws {
    var configuration = GRPCClientConfiguration()
    configuration.compression = .gzip
    try await withServer(clientConfiguration: configuration) { call in
      call.compressResponse()
      while let message = try await call.receive() {
        try await call.send(GatherMessage(head: message))
      }
    } _: { client, _ in
      let call = client.call("/a/b")
      for text in ["", "short", String(repeating: "long ", count: 100_000)] {
        try await call.send(GatherMessage(text))
        let answer = try #require(try await call.receive())
        #expect(String(buffer: answer) == text)
      }
      try await call.halfClose()
      #expect(try await call.headers().first("grpc-encoding") == "gzip")
      #expect(try await call.receive() == nil)
    }
  }

  @Test func `a handler may leave the loop and come back`() async throws {
    try await withServer { call in
      let task = Task.detached {
        var joined = ""
        while let message = try await call.receive() { joined += String(buffer: message) }
        try await call.send(GatherMessage(joined))
      }
      try await task.value
      try await call.send(GatherMessage("home"))
    } _: { client, _ in
      let call = client.call("/a/b")
      for text in ["a", "b", "c"] { try await call.send(GatherMessage(text)) }
      try await call.halfClose()
      #expect(try await call.receiveAll() == ["abc", "home"])
    }
  }

  @Test func `calls from the client's own loop work the same`() async throws {
    try await withServer { call in
      guard let message = try await call.receive() else { return }
      try await call.send(GatherMessage(head: message))
    } _: { client, _ in
      let sum = try await Task(executorPreference: client.executor) {
        var sum = 0
        for number in 1...100 {
          let answer = try await client.unary("/a/b", GatherMessage("\(number)"))
          sum += Int(String(buffer: answer)) ?? 0
        }
        return sum
      }.value
      #expect(sum == 5050)
    }
  }

  @Test func `many calls share a connection`() async throws {
    try await withServer { call in
      guard let message = try await call.receive() else { return }
      await Task.yield()
      try await call.send(GatherMessage(head: message))
    } _: { client, _ in
      try await withThrowingTaskGroup(of: Bool.self) { tasks in
        for number in 0..<500 {
          tasks.addTask {
            let answer = try await client.unary("/a/b", GatherMessage("\(number)"))
            return String(buffer: answer) == "\(number)"
          }
        }
        for try await isRight in tasks { #expect(isRight) }
      }
    }
  }

  @Test func `nobody listening is UNAVAILABLE`() async throws {
    let server = GRPCServer(
      configuration: GRPCServerConfiguration(host: "127.0.0.1", port: 0),
      service: ClosureService { _ in })
    let address = try await server.start()
    await server.shutDown(gracePeriod: .zero)
    let error = await grpcError {
      _ = try await GRPCClient.connect(host: address.host, port: address.port)
    }
    #expect(error?.code == .unavailable)
  }
}
