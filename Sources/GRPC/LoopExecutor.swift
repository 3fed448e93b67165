public import NIOCore

/// Runs the tasks of a connection on the connection's event loop, so that a handler which sends or
/// receives is already where the socket is.
///
/// Work that computes for long must leave it: everything else on the loop waits meanwhile.
public final class LoopExecutor: TaskExecutor {
  public let eventLoop: any EventLoop

  public init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    eventLoop.execute {
      unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
    }
  }
}

extension LoopExecutor {
  /// Runs `operation` in a task on the loop and waits for it; cancellation reaches it.
  func run<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let task = Task(executorPreference: self) { try await operation() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }
}
