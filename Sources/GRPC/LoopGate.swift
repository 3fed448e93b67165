internal import NIOCore

/// Where tasks wait for something to happen on an event loop: a message, room to write.
///
/// Loop-bound: everything but the cancellation of a waiting task happens on `eventLoop`, hence
/// `@unchecked Sendable`.
final class LoopGate: @unchecked Sendable {
  @safe private struct Waiter {
    var id: UInt64
    var continuation: UnsafeContinuation<Void, any Error>
  }

  private let eventLoop: any EventLoop
  private var waiters: [Waiter] = []
  private var lastID: UInt64 = 0

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  /// Suspends until ``open()`` or ``fail(_:)`` is called, or the task is cancelled.
  ///
  /// Called on the loop; what follows the call may be elsewhere, if the task does not prefer it.
  func wait() async throws {
    eventLoop.assertInEventLoop()
    lastID &+= 1
    let id = lastID
    try await withTaskCancellationHandler {
      try await unsafe withUnsafeThrowingContinuation { continuation in
        waiters.append(unsafe Waiter(id: id, continuation: continuation))
      }
    } onCancel: {
      // Runs on the loop after the waiter is in the list, since the list is filled without suspending.
      eventLoop.execute { self.cancel(id) }
    }
  }

  /// Lets everybody through who waits now.
  func open() {
    guard !waiters.isEmpty else { return }
    let released = waiters
    waiters.removeAll(keepingCapacity: true)
    for waiter in released { unsafe waiter.continuation.resume() }
  }

  /// Turns everybody away who waits now.
  func fail(_ error: any Error) {
    let released = waiters
    waiters = []
    for waiter in released { unsafe waiter.continuation.resume(throwing: error) }
  }

  private func cancel(_ id: UInt64) {
    guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
    unsafe waiters.remove(at: index).continuation.resume(throwing: CancellationError())
  }
}
