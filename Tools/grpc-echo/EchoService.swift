import GRPC
import NIOCore
import Synchronization

/// Methods that show one thing each. Messages are plain bytes, not protobuf.
///
/// | method | does |
/// |---|---|
/// | `Unary` | returns the message |
/// | `Collect` | returns all messages of the request joined |
/// | `Expand` | returns each byte of the message as a message |
/// | `Chat` | returns each message as it comes |
/// | `Generate` | `<count> <bytes>` in text: sends that many messages of that size |
/// | `Upper` | like `Unary`, compressed if the caller accepts it |
/// | `Fail` | `<code> <text>`: ends with that status; a code of -1 throws some other error |
/// | `FailLate` | sends one message, then does what `Fail` does |
/// | `Metadata` | returns custom metadata as headers `echo-…` and as trailers `trailer-…` |
/// | `Hang` | waits until it is cancelled |
/// | `Slow` | a message that is a number of milliseconds; waits that long, returns it |
/// | `Ignore` | answers at once without reading |
/// | `Stuck` | reads nothing until cancelled |
/// | `Counters` | `running cancelled`: how many `Hang` calls there are and were cancelled, in text |
final class EchoService: GRPCService {
  private let running = Atomic<Int>(0)
  private let cancelled = Atomic<Int>(0)

  struct SomeOtherError: Error {}

  func handle(_ call: ServerCall) async throws {
    guard call.path.hasPrefix("/test.Echo/") else { throw GRPCError.unknownMethod(call.path) }
    switch call.path.dropFirst("/test.Echo/".count) {
    case "Unary": try await unary(call)
    case "Upper":
      call.compressResponse()
      try await unary(call)
    case "Collect": try await collect(call)
    case "Expand":
      for byte in try await request(call).readableBytesView {
        try await call.send(GatherMessage(bytes: [byte]))
      }
    case "Chat":
      call.sendHeaders(["ready": "yes"])
      while let message = try await call.receive() {
        try await call.send(GatherMessage(head: message))
      }
    case "Generate": try await generate(call)
    case "Fail": throw try error(in: await request(call))
    case "FailLate":
      let request = try await request(call)
      try await call.send(GatherMessage(bytes: "first".utf8))
      throw try error(in: request)
    case "Metadata": try await metadata(call)
    case "Hang", "Stuck": try await hang(call)
    case "Slow":
      let request = try await request(call)
      try await Task.sleep(for: .milliseconds(Int(String(buffer: request)) ?? 0))
      try await call.send(GatherMessage(head: request))
    case "Ignore": try await call.send(GatherMessage(bytes: "ignored".utf8))
    case "Counters":
      let text = "\(running.load(ordering: .relaxed)) \(cancelled.load(ordering: .relaxed))"
      try await call.send(GatherMessage(bytes: text.utf8))
    default: throw GRPCError.unknownMethod(call.path)
    }
  }

  private func request(_ call: ServerCall) async throws -> ByteBuffer {
    guard let message = try await call.receive() else {
      throw GRPCError(.invalidArgument, "A request message is missing.")
    }
    return message
  }

  private func unary(_ call: ServerCall) async throws {
    try await call.send(GatherMessage(head: try await request(call)))
  }

  private func collect(_ call: ServerCall) async throws {
    var parts: [ByteBuffer] = []
    while let message = try await call.receive() { parts.append(message) }
    try await call.send(GatherMessage(head: ByteBuffer(), body: parts))
  }

  private func generate(_ call: ServerCall) async throws {
    let numbers = String(buffer: try await request(call)).split(separator: " ").map { Int($0) }
    guard numbers.count == 2, let count = numbers[0], let byteCount = numbers[1] else {
      throw GRPCError(.invalidArgument, "Expected two numbers.")
    }
    let body = ByteBuffer(repeating: 0x5A, count: byteCount)
    for _ in 0..<count { try await call.send(GatherMessage(head: ByteBuffer(), body: [body])) }
  }

  private func error(in request: ByteBuffer) throws -> any Error {
    let parts = String(buffer: request).split(separator: " ", maxSplits: 1)
    guard let number = parts.first.flatMap({ Int($0) }) else {
      throw GRPCError(.invalidArgument, "Expected a number and a text.")
    }
    guard let code = GRPCStatusCode(rawValue: number) else { return SomeOtherError() }
    var metadata: GRPCMetadata = ["reason": "asked"]
    metadata.addBinary("detail-bin", [0, 1, 2, 255])
    return GRPCError(code, parts.count > 1 ? String(parts[1]) : "", metadata: metadata)
  }

  private func metadata(_ call: ServerCall) async throws {
    var headers = GRPCMetadata()
    for (name, value) in call.metadata {
      headers.add("echo-" + name, value)
      call.addTrailer("trailer-" + name, value)
    }
    if let bytes = call.metadata.binary("payload-bin") {
      headers.addBinary("reversed-bin", bytes.reversed())
    }
    call.sendHeaders(headers)
    try await unary(call)
  }

  private func hang(_ call: ServerCall) async throws {
    running.wrappingAdd(1, ordering: .relaxed)
    defer { running.wrappingSubtract(1, ordering: .relaxed) }
    do {
      try await Task.sleep(for: .seconds(3600))
    } catch {
      cancelled.wrappingAdd(1, ordering: .relaxed)
      throw error
    }
  }
}
