internal import Columnar
internal import Synchronization

/// Batches that are handed out once, in order.
final class OnceBatches: Sendable {
  private let rest: Mutex<[Batch]>

  init(_ batches: [Batch]) { rest = Mutex(batches.reversed()) }

  func take() -> Batch? { rest.withLock { $0.popLast() } }
}
