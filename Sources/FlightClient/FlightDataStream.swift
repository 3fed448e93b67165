public import FlightProtocol
internal import GRPC
internal import NIOCore

/// The messages of one DoGet, as they come. Read by one task, once.
///
/// Reading pulls: a reader that stops makes the server wait. Dropping the stream, or cancelling the
/// reading task, cancels the call.
public final class FlightDataStream: Sendable, AsyncSequence {
  public typealias Element = FlightData

  private let client: FlightClient
  private let call: ClientCall
  private let request: ByteBuffer

  init(client: FlightClient, call: ClientCall, request: ByteBuffer) {
    self.client = client
    self.call = call
    self.request = request
  }

  // A call that has ended does not mind.
  deinit { call.cancel() }

  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let stream: FlightDataStream
    private var isStarted = false

    fileprivate init(stream: FlightDataStream) { self.stream = stream }

    public mutating func next() async throws -> FlightData? {
      do {
        if !isStarted {
          isStarted = true
          try await stream.call.send(GatherMessage(head: stream.request), isLast: true)
        }
        guard let message = try await stream.call.receive() else {
          await stream.client.rememberHeaders(of: stream.call)
          return nil
        }
        return try FlightData.decode(message)
      } catch {
        stream.call.cancel()
        throw error
      }
    }
  }
}
