internal import ADBC
internal import Columnar
internal import Synchronization

/// The result of a statement on a database behind an ADBC driver, as a source of batches.
///
/// The driver decides how large its batches are; they are passed on in pieces that every client takes, without copying.
final class BackendSource: ResultSource, @unchecked Sendable {
  // Sendable: one thread at a time reads and releases; interrupt() touches only what several threads may.
  /// Some clients refuse messages of more than 16 MiB.
  private static let maxByteCount = 2 << 20

  private var result: ADBCResult?
  private let connection: ADBCConnection
  private var onRelease: ((Ending) -> Void)?
  private let wasInterrupted = Atomic(false)
  private var hasEnded = false
  private var failure: ADBCError?
  /// What is left of the driver's batch, from this row on.
  private var rest: (batch: Batch, next: Int)?

  /// How a result came to its end.
  struct Ending: Sendable {
    var failure: ADBCError?
    /// A request to cancel may still be on its way, and would hit the next statement on the connection; or
    /// rows were left, with which some databases stay in a transaction.
    var wasInterrupted = false
  }

  let changedRowCount: Int? = nil
  var progress: Double? { nil }

  /// - Parameter onRelease: Gives the connection back, once.
  init(
    _ result: ADBCResult, on connection: ADBCConnection,
    onRelease: @escaping (Ending) -> Void
  ) {
    self.result = result
    self.connection = connection
    self.onRelease = onRelease
  }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    while true {
      if let piece = takePiece() { return piece }
      do throws(ADBCError) {
        guard let batch = try result?.next() else {
          hasEnded = true
          return nil
        }
        if batch.rowCount > 0 { rest = (batch, 0) }
      } catch {
        failure = error
        throw .backend(error)
      }
    }
  }

  private func takePiece() -> Batch? {
    guard let (batch, start) = rest else { return nil }
    let rowByteCount = max(1, batch.byteCount / max(1, batch.rowCount))
    let count = min(max(1, Self.maxByteCount / rowByteCount), batch.rowCount - start)
    rest = start + count < batch.rowCount ? (batch, start + count) : nil
    return count == batch.rowCount ? batch : batch.slice(from: start, count: count)
  }

  func interrupt() {
    wasInterrupted.store(true, ordering: .relaxed)
    try? connection.cancel()
  }

  func noteFailure(_ error: EngineError) {}

  func release() {
    rest = nil
    result?.close()
    result = nil
    onRelease?(
      Ending(
        failure: failure,
        wasInterrupted: wasInterrupted.load(ordering: .relaxed) || (!hasEnded && failure == nil)))
    onRelease = nil
  }
}
