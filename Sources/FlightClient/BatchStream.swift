public import Columnar
internal import FlightProtocol
internal import NIOCore
internal import Synchronization

/// The rows of a result, batch by batch. Read by one task, once.
///
/// Tickets are fetched one after the other. Reading pulls: a reader that stops makes the server
/// wait; dropping the iterator or cancelling the reading task cancels the statement.
public final class BatchStream: Sendable, AsyncSequence {
  public typealias Element = Batch

  private let client: FlightClient
  private let tickets: [Flight.Ticket]
  private let ending = Mutex<(@Sendable () async -> Void)?>(nil)

  init(client: FlightClient, tickets: [Flight.Ticket]) {
    self.client = client
    self.tickets = tickets
  }

  deinit {
    // Not read to the end: what waits for the end must happen all the same.
    guard let action = ending.withLock({ $0 }) else { return }
    Task { await action() }
  }

  /// Runs `action` once when all has been read, or when the stream is dropped.
  func atEnd(_ action: @escaping @Sendable () async -> Void) {
    ending.withLock { $0 = action }
  }

  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let stream: BatchStream
    private var nextTicket = 0
    private var messages: FlightDataStream.Iterator?
    private var decoder = IPCDecoder(limits: .result)
    private var schema: Schema?
    /// What came with the last message besides Arrow, if anything.
    public private(set) var appMetadata: [UInt8]?

    fileprivate init(stream: BatchStream) { self.stream = stream }

    public mutating func next() async throws -> Batch? {
      while true {
        guard let data = try await nextMessage() else {
          await stream.end()
          return nil
        }
        appMetadata = data.appMetadata.map { Array($0.readableBytesView) }
        if let batch = try decode(data) { return batch }
      }
    }

    private mutating func nextMessage() async throws -> FlightData? {
      while true {
        if messages == nil {
          guard nextTicket < stream.tickets.count else { return nil }
          messages = try stream.client.messages(stream.tickets[nextTicket]).makeAsyncIterator()
          nextTicket += 1
          decoder = IPCDecoder(limits: .result)
        }
        if let data = try await messages?.next() { return data }
        messages = nil
      }
    }

    private mutating func decode(_ data: FlightData) throws -> Batch? {
      guard data.header.readableBytes > 0 else { return nil }
      switch try decoder.decode(header: data.columnarHeader, body: data.columnarBody) {
      case .batch(let batch): return batch
      case .dictionary: return nil
      case .schema(let found):
        if let schema, schema.fields != found.fields { throw FlightClientError.schemaChanged }
        schema = found
        return nil
      }
    }
  }

  private func end() async {
    let action = ending.withLock { action in
      defer { action = nil }
      return action
    }
    await action?()
  }
}

extension IPCLimits {
  /// A client trusts the server it asked with more than a server trusts its clients.
  fileprivate static let result = IPCLimits(maxDecompressedBytes: Int(Int32.max))
}
