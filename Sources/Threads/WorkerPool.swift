internal import Synchronization

/// Threads for calls that block: everything that enters DuckDB or an ADBC driver runs on one of them, never on an
/// event loop and never on Swift's cooperative pool.
///
/// Threads are started on demand up to `maxThreadCount`, take jobs first in, first out, and leave
/// after `idleTime` without work, so an idle server keeps almost none.
public final class WorkerPool: Sendable {
  public typealias Job = @Sendable () -> Void

  /// How long a thread waits for work before it leaves.
  private static let idleTime = Duration.seconds(30)

  private let name: String
  private let maxThreadCount: Int
  private let monitor = Monitor()
  private let state = Mutex(State())

  private struct State {
    var jobs: [Job] = []
    /// Index of the next job in `jobs`; the array is emptied when it reaches the end.
    var next = 0
    var threadCount = 0
    var idleCount = 0

    var waiting: Int { jobs.count - next }

    mutating func take() -> Job? {
      guard next < jobs.count else { return nil }
      let job = jobs[next]
      next += 1
      if next == jobs.count {
        jobs.removeAll(keepingCapacity: jobs.count < 1024)
        next = 0
      } else if next > 1024 {
        jobs.removeFirst(next)
        next = 0
      }
      return job
    }
  }

  public init(name: String, maxThreadCount: Int) {
    precondition(maxThreadCount > 0, "a pool has at least one thread")
    self.name = name
    self.maxThreadCount = maxThreadCount
  }

  /// Queues a job.
  public func submit(_ job: @escaping Job) {
    let startsThread = state.withLock { state in
      state.jobs.append(job)
      guard state.waiting > state.idleCount, state.threadCount < maxThreadCount else {
        return false
      }
      state.threadCount += 1
      return true
    }
    if startsThread { addThread() } else { monitor.signal() }
  }

  /// Runs `body` on a worker and returns what it returns.
  public func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      submit { continuation.resume(returning: body()) }
    }
  }

  private func addThread() {
    if startThread({ self.workUntilIdle() }) { return }
    // No thread to be had: those that run will take the job; with none, nothing could go on.
    let left = state.withLock { state in
      state.threadCount -= 1
      return state.threadCount
    }
    precondition(left > 0, "the system refuses to start a single worker thread")
  }

  private func workUntilIdle() {
    while true {
      if let job = state.withLock({ $0.take() }) {
        job()
        continue
      }
      state.withLock { $0.idleCount += 1 }
      let isWorkWaiting = monitor.wait(atMost: Self.idleTime) {
        state.withLock { $0.waiting > 0 }
      }
      let leaves = state.withLock { state in
        state.idleCount -= 1
        guard !isWorkWaiting, state.waiting == 0 else { return false }
        state.threadCount -= 1
        return true
      }
      if leaves { return }
    }
  }
}
