internal import Columnar
internal import Database
internal import FlightProtocol
internal import FoundationEssentials
internal import GRPC
internal import NIOCore
internal import Synchronization

extension FlightService {
  /// How many batches of one put wait for the disk at a time.
  private static let maxPutsInFlight = 16
  /// A bulk ingest is one group, which is held until it is stored.
  private static let maxIngestByteCount = 1 << 30

  /// Stores what is put into a stream, and acknowledges each batch when it is durable, in order.
  ///
  /// The next batches are decoded and written while earlier ones wait for their sync. After a batch that
  /// cannot be stored the call ends; those before it stay, and are acknowledged.
  func put(
    to writer: StreamWriter, _ upload: consuming Upload, _ call: ServerCall
  ) async throws {
    let window = PutWindow(Self.maxPutsInFlight)
    let rest = upload
    let (handedOver, sink) = AsyncStream.makeStream(of: StreamWriter.Pending.self)
    let failure = PutFailure()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        defer { sink.finish() }
        do {
          try await Self.handOver(rest, to: writer, window, sink)
        } catch {
          failure.note(error)
        }
      }
      for await pending in handedOver {
        do {
          try await acknowledge(try await pending.value, call)
        } catch {
          failure.note(error)
          window.close()
          tasks.cancelAll()
        }
        window.release()
      }
      try await tasks.waitForAll()
    }
    if let error = failure.first { throw error }
  }

  private static func handOver(
    _ upload: Upload, to writer: StreamWriter, _ window: PutWindow,
    _ sink: AsyncStream<StreamWriter.Pending>.Continuation
  ) async throws {
    var upload = upload
    while let (batch, metadata) = try await upload.nextPut() {
      let marks = try PutMetadata.marks(metadata)
      guard await window.acquire() else { return }
      sink.yield(try await writer.begin(batch.map { [$0] } ?? [], marks))
    }
  }

  private func acknowledge(
    _ acknowledgement: StreamAcknowledgement, _ call: ServerCall
  ) async throws {
    var result = Flight.PutResult()
    result.appMetadata = .init(acknowledgement.json.utf8)
    try await send(result, call)
  }

  /// Makes a stream with the columns of the rows, and stores them; none of it if they do not come.
  func ingestIntoNewStream(
    _ request: IngestRequest, _ upload: consuming Upload, _ call: ServerCall, _ session: Session
  ) async throws {
    var upload = upload
    let writer = try await session.makeStream(for: request, schema: try await upload.schema())
    var append = request
    append.ifExists = .append
    do {
      try await ingest(append, into: writer, upload, call)
    } catch {
      await session.unmake(writer)
      throw error
    }
  }

  /// Stores a bulk ingest in a stream: all rows as one group, or none.
  func ingest(
    _ request: IngestRequest, into writer: StreamWriter, _ upload: consuming Upload,
    _ call: ServerCall
  ) async throws {
    switch request.ifExists {
    case .append: break
    case .fail: throw GRPCError(.alreadyExists, "the stream \(writer.name) already exists")
    case .replace:
      throw GRPCError(
        .invalidArgument, "\(writer.name) is a stream, whose rows cannot be replaced; append to it")
    }
    var upload = upload
    var batches: [Batch] = []
    var byteCount = 0
    _ = try await upload.schema()
    while let batch = try await upload.nextBatch() {
      byteCount += batch.byteCount
      guard byteCount <= Self.maxIngestByteCount else {
        throw GRPCError(
          .resourceExhausted,
          "a bulk ingest into a stream is one group of at most \(Self.maxIngestByteCount) bytes; put "
            + "the batches by the path of the stream, which stores them one by one")
      }
      batches.append(batch)
    }
    let marks = try PutMetadata.marks(options: request.options)
    let acknowledgement = try await writer.append(
      batches, marks, transaction: request.transaction)
    try await answer(
      rowCount: acknowledgement.rowCount + acknowledgement.deadLetterCount, call)
  }
}

/// Why a put ended early: the first reason counts.
private final class PutFailure: Sendable {
  private let error = Mutex<(any Error)?>(nil)

  var first: (any Error)? { error.withLock { $0 } }

  /// Being cancelled is no reason: something else was.
  func note(_ error: any Error) {
    self.error.withLock { known in
      if known == nil || known is CancellationError { known = error }
    }
  }
}

/// How many batches of a put may wait for the disk.
private final class PutWindow: Sendable {
  private struct State {
    var free: Int
    var isClosed = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state: Mutex<State>

  init(_ count: Int) { state = Mutex(State(free: count)) }

  /// - Returns: `false` when nothing more is to be put.
  func acquire() async -> Bool {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let resumesNow = state.withLock { state in
        if state.free > 0 || state.isClosed { return true }
        state.waiter = continuation
        return false
      }
      if resumesNow { continuation.resume() }
    }
    return state.withLock { state in
      state.free -= 1
      return !state.isClosed
    }
  }

  func release() { wake { $0.free += 1 } }
  func close() { wake { $0.isClosed = true } }

  private func wake(_ change: (inout State) -> Void) {
    let waiter = state.withLock { state in
      change(&state)
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }
}
