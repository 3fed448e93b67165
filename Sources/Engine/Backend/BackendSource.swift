internal import ADBC
internal import Columnar

/// The result of a statement on a database behind an ADBC driver, as a source of batches.
///
/// The driver decides how large its batches are; they are passed on in pieces that every client takes, without copying.
final class BackendSource: ResultSource {
  /// Some clients refuse messages of more than 16 MiB.
  private static let maxByteCount = 2 << 20

  private var result: ADBCResult?
  private let connection: ADBCConnection
  private var onRelease: ((ADBCError?) -> Void)?
  private var failure: ADBCError?
  /// What is left of the driver's batch, from this row on.
  private var rest: (batch: Batch, next: Int)?

  let changedRowCount: Int? = nil
  var progress: Double? { nil }

  /// - Parameter onRelease: Gives the connection back, once, with the error that the result ended with.
  init(
    _ result: ADBCResult, on connection: ADBCConnection,
    onRelease: @escaping (ADBCError?) -> Void
  ) {
    self.result = result
    self.connection = connection
    self.onRelease = onRelease
  }

  func next(maxRows: Int, allocator: any BufferAllocator) throws(EngineError) -> Batch? {
    while true {
      if let piece = takePiece() { return piece }
      do throws(ADBCError) {
        guard let batch = try result?.next() else { return nil }
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

  func interrupt() { try? connection.cancel() }

  func noteFailure(_ error: EngineError) {}

  func release() {
    rest = nil
    result?.close()
    result = nil
    onRelease?(failure)
    onRelease = nil
  }
}
