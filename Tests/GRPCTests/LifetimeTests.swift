import GRPC
import NIOCore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct `How calls end early` {
  /// Waits until the handler's task is cancelled, and says so.
  private static func hang(_ cancelled: Signal) async throws {
    let (never, continuation) = AsyncStream.makeStream(of: Void.self)
    for await _ in never {}
    withExtendedLifetime(continuation) {}
    if Task.isCancelled { cancelled.happen() }
    throw CancellationError()
  }

  @Test func `a client that cancels cancels the handler's task`() async throws {
    let started = Signal()
    let cancelled = Signal()
    try await withServer { _ in
      started.happen()
      try await Self.hang(cancelled)
    } _: { client, _ in
      let call = client.call("/a/b")
      try await call.halfClose()
      await started.wait()
      call.cancel()
      let error = await grpcError { _ = try await call.receive() }
      #expect(error?.code == .cancelled)
      await cancelled.wait()
    }
  }

  @Test func `a handler that waits for a message is woken by the cancellation`() async throws {
    let errors = Mutex<[GRPCError]>([])
    let woken = Signal()
    try await withServer { call in
      call.sendHeaders(GRPCMetadata())
      do {
        _ = try await call.receive()
      } catch {
        if let error = error as? GRPCError { errors.withLock { $0.append(error) } }
        woken.happen()
      }
    } _: { client, _ in
      let call = client.call("/a/b")
      _ = try await call.headers()
      call.cancel()
      await woken.wait()
      #expect(errors.withLock { $0.map(\.code) } == [.cancelled])
    }
  }

  @Test func `a closed connection cancels its calls and runs its close actions`() async throws {
    let started = Signal()
    let cancelled = Signal()
    let closed = Signal()
    try await withServer { call in
      call.connection.onClose { closed.happen() }
      started.happen()
      try await Self.hang(cancelled)
    } _: { client, _ in
      let call = client.call("/a/b")
      try await call.halfClose()
      await started.wait()
      await client.close()
      await cancelled.wait()
      await closed.wait()
      let error = await grpcError { _ = try await call.receive() }
      #expect(error?.code == .unavailable)
      #expect(!client.isOpen)
      let later = await grpcError { _ = try await client.unary("/a/b", GatherMessage("")) }
      #expect(later?.code == .unavailable)
    }
  }

  @Test func `the server enforces the deadline and cancels the handler`() async throws {
    let cancelled = Signal()
    let started = Signal()
    try await withServer { call in
      #expect(call.deadline != nil)
      started.happen()
      try await Self.hang(cancelled)
    } _: { client, _ in
      // A slow machine may let the time pass before the request has arrived.
      while !started.hasHappened {
        let call = client.call("/a/b", timeout: .milliseconds(50))
        try await call.halfClose()
        let error = await grpcError { _ = try await call.receive() }
        #expect(error?.code == .deadlineExceeded)
      }
      await cancelled.wait()
    }
  }

  @Test func `a call that ends in time is not hurt by its deadline`() async throws {
    try await withServer { call in
      try await call.send(GatherMessage("ok"))
    } _: { client, _ in
      let answer = try await client.unary("/a/b", GatherMessage(""), timeout: .seconds(60))
      #expect(String(buffer: answer) == "ok")
    }
  }

  @Test func `a child task that is cancelled while receiving leaves the call alive`() async throws {
    try await withServer { call in
      await withTaskGroup { tasks in
        tasks.addTask {
          await #expect(throws: CancellationError.self) { _ = try await call.receive() }
        }
        tasks.cancelAll()
      }
      call.sendHeaders(GRPCMetadata())
      let message = try await call.receive()
      try await call.send(GatherMessage(head: message ?? ByteBuffer()))
    } _: { client, _ in
      let call = client.call("/a/b")
      _ = try await call.headers()
      try await call.send(GatherMessage("still here"), isLast: true)
      #expect(try await call.receiveAll() == ["still here"])
    }
  }

  @Test func `a handler that answers without reading ends the call for the sender`() async throws {
    try await withServer { call in
      try await call.send(GatherMessage("enough"))
    } _: { client, _ in
      let call = client.call("/a/b")
      let part = GatherMessage(head: ByteBuffer(repeating: 0, count: 1_000_000))
      let error = await grpcError {
        for _ in 0..<10_000 { try await call.send(part) }
      }
      #expect(error != nil)
      let answers = try await call.receiveAll()
      #expect(answers == ["enough"])
    }
  }
}

@Suite(.timeLimit(.minutes(2))) struct `Back-pressure` {
  @Test func `a sender to a handler that does not read is made to wait`() async throws {
    let mayRead = Signal()
    let received = Mutex(0)
    try await withServer {
      $0.windowBytes = 1 << 20
      $0.maxUnreadBytes = 1 << 20
    } handler: { call in
      await mayRead.wait()
      while let message = try await call.receive() {
        received.withLock { $0 += message.readableBytes }
      }
    } _: { client, _ in
      let call = client.call("/a/b")
      let part = GatherMessage(head: ByteBuffer(repeating: 0, count: 100_000))
      let sent = Counter()
      let sender = Task {
        for _ in 0..<1000 {
          try await call.send(part)
          sent.add(100_000)
        }
        try await call.halfClose()
      }
      // Once everything between is full, the number stands still. A slow machine can only stop the
      // loop too early, which makes the number smaller.
      let last = try await settledValue(of: sent)
      #expect(last < 20_000_000)
      mayRead.happen()
      try await sender.value
      #expect(try await call.receive() == nil)
      #expect(received.withLock { $0 } == 100_000_000)
    }
  }

  @Test func `a handler whose caller does not read is made to wait`() async throws {
    let sent = Counter()
    var configuration = GRPCClientConfiguration()
    configuration.windowBytes = 1 << 20
    configuration.maxUnreadBytes = 1 << 20
    try await withServer(clientConfiguration: configuration) { call in
      let part = GatherMessage(head: ByteBuffer(), body: [ByteBuffer(repeating: 1, count: 100_000)])
      for _ in 0..<1000 {
        try await call.send(part)
        sent.add(100_000)
      }
    } _: { client, _ in
      let call = client.call("/a/b")
      try await call.halfClose()
      let last = try await settledValue(of: sent)
      #expect(last < 20_000_000)
      var byteCount = 0
      while let message = try await call.receive() { byteCount += message.readableBytes }
      #expect(byteCount == 100_000_000)
    }
  }
}

@Suite(.timeLimit(.minutes(2))) struct `Shutting down` {
  @Test func `calls that run may finish, new ones are turned away`() async throws {
    let started = Signal()
    let mayFinish = Signal()
    try await withServer { call in
      started.happen()
      await mayFinish.wait()
      try await call.send(GatherMessage("done"))
    } _: { client, server in
      let call = client.call("/a/b")
      try await call.halfClose()
      await started.wait()
      async let stopped: Void = server.shutDown(gracePeriod: .seconds(60))
      mayFinish.happen()
      #expect(try await call.receiveAll() == ["done"])
      await stopped
      let error = await grpcError { _ = try await client.unary("/a/b", GatherMessage("")) }
      #expect(error?.code == .unavailable)
    }
  }

  @Test func `calls that do not finish in time are cancelled`() async throws {
    let started = Signal()
    let cancelled = Signal()
    try await withServer { call in
      started.happen()
      do {
        _ = try await call.receive()
      } catch {
        cancelled.happen()
      }
    } _: { client, server in
      let call = client.call("/a/b")
      try await call.send(GatherMessage(""))
      _ = call
      await started.wait()
      let waiting = client.call("/a/b")
      try await waiting.send(GatherMessage("x"))
      await server.shutDown(gracePeriod: .milliseconds(10))
      let error = await grpcError { while try await waiting.receive() != nil {} }
      #expect(error == nil || error?.code == .unavailable)
    }
  }

  @Test func `the health service says what it is told`() async throws {
    try await withServer { call in
      throw GRPCError.unknownMethod(call.path)
    } _: { client, server in
      let check = "/grpc.health.v1.Health/Check"
      let serving = try await client.unary(check, GatherMessage(bytes: []))
      #expect(Array(buffer: serving) == [8, 1])
      let unknown = await grpcError {
        _ = try await client.unary(check, GatherMessage(bytes: [10, 1, 0x61]))
      }
      #expect(unknown?.code == .notFound)

      let watch = client.call("/grpc.health.v1.Health/Watch")
      try await watch.send(GatherMessage(bytes: [10, 1, 0x61]), isLast: true)
      #expect(try await watch.receive().map { Array(buffer: $0) } == [8, 3])
      server.health.set(.serving, for: "a")
      #expect(try await watch.receive().map { Array(buffer: $0) } == [8, 1])
      server.health.set(.notServing, for: "a")
      #expect(try await watch.receive().map { Array(buffer: $0) } == [8, 2])
      watch.cancel()
    }
  }
}
