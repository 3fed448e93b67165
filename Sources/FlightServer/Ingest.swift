internal import Columnar
internal import Database
internal import Engine
internal import FlightProtocol
internal import GRPC
internal import Synchronization

extension FlightService {
  /// Loads what is uploaded into a table, while it arrives.
  ///
  /// The upload and the load go on side by side, and either ends the other: a client that goes away
  /// ends the load, and the error of a load is told at once, also to a client that pauses.
  func ingest(
    _ request: IngestRequest, _ upload: consuming Upload, _ call: ServerCall, _ session: Session
  ) async throws {
    var upload = upload
    if let writer = session.streamWriter(request.path), !request.isTemporary {
      return try await ingest(request, into: writer, upload, call)
    }
    if session.makesStream(request) {
      return try await ingestIntoNewStream(request, upload, call, session)
    }
    let queue = IngestQueue()
    let schema = try await upload.schema()
    let context = StatementContext(
      transaction: request.transaction, connectionID: call.connection.id)
    let rest = upload
    let uploadError = UploadError()
    let count = try await withThrowingTaskGroup(of: Int?.self) { tasks in
      tasks.addTask {
        try await session.ingest(request, schema: schema, from: queue, context)
      }
      tasks.addTask {
        do {
          try await Self.push(rest, to: queue)
        } catch {
          uploadError.note(error)
          queue.fail("the upload ended before it was complete")
        }
        return nil
      }
      defer { tasks.cancelAll() }
      do {
        while let ended = try await tasks.next() {
          if let count = ended { return count }
        }
      } catch {
        throw uploadError.first ?? error
      }
      return 0
    }
    if let error = uploadError.first { throw error }
    try await answer(rowCount: count, call)
  }

  private static func push(_ upload: Upload, to queue: IngestQueue) async throws {
    var upload = upload
    while let batch = try await upload.nextBatch() {
      guard await queue.push(batch) else { return }
    }
    queue.finish()
  }
}

/// Why an upload ended early.
private final class UploadError: Sendable {
  private let error = Mutex<(any Error)?>(nil)

  var first: (any Error)? { error.withLock { $0 } }

  /// Being cancelled is no reason: the load has failed, and knows why.
  func note(_ error: any Error) {
    guard !(error is CancellationError) else { return }
    self.error.withLock { $0 = $0 ?? error }
  }
}

extension IngestRequest {
  init(_ statement: FlightSQL.CommandStatementIngest) throws {
    guard !statement.table.isEmpty else {
      throw GRPCError(.invalidArgument, "the ingest names no table")
    }
    let options = statement.tableDefinitionOptions
    let ifMissing: IngestRequest.IfMissing =
      options.ifNotExist == .create ? .create : .fail
    let ifExists: IngestRequest.IfExists =
      switch options.ifExists {
      case .append: .append
      case .replace: .replace
      default: .fail
      }
    self.init(table: statement.table, ifMissing: ifMissing, ifExists: ifExists)
    schema = statement.hasSchema && !statement.schema.isEmpty ? statement.schema : nil
    catalog = statement.hasCatalog && !statement.catalog.isEmpty ? statement.catalog : nil
    isTemporary = statement.temporary
    transaction = try FlightService.transaction(
      statement.hasTransactionID ? statement.transactionID : nil)
    self.options = statement.options
  }
}
