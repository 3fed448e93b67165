internal import FlightProtocol
internal import GRPC
internal import NIOCore
internal import SwiftProtobuf

extension FlightClient {
  /// Begins a call with the headers of the session.
  func begin(_ path: String) -> ClientCall {
    grpc.call(path, metadata: session.metadata, timeout: callTimeout)
  }

  /// A call with one message each way.
  func unary<Answer: SwiftProtobuf.Message & Sendable>(
    _ path: String, _ request: some SwiftProtobuf.Message, answer: Answer.Type = Answer.self
  ) async throws -> Answer {
    let answers = try await finish(begin(path), sending: try request.encoded())
    guard let first = answers.first else {
      throw FlightClientError.incompleteAnswer("no message from \(path)")
    }
    return try Answer(decoding: first)
  }

  /// Takes in what the headers of a call that has ended well ask for. There are none when the
  /// server had nothing to send but its status.
  func rememberHeaders(of call: ClientCall) async {
    if let headers = try? await call.headers() { session.remember(headers) }
  }

  /// Sends one message and collects the answers. Remembers what the response's headers ask for.
  /// Whatever goes wrong, a cancelled task included, the call does not stay open.
  func finish(_ call: ClientCall, sending request: ByteBuffer) async throws -> [ByteBuffer] {
    do {
      try await call.send(GatherMessage(head: request), isLast: true)
      var answers: [ByteBuffer] = []
      while let answer = try await call.receive() { answers.append(answer) }
      await rememberHeaders(of: call)
      return answers
    } catch {
      call.cancel()
      throw error
    }
  }
}
