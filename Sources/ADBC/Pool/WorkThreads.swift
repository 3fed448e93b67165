#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif
internal import DequeModule

/// Threads for calls that block: they start when there is work, at most so many, and leave when there has been none for a while.
@safe
final class WorkThreads: @unchecked Sendable {
  // Sendable: what is mutable is guarded by `mutex`.
  typealias Job = @Sendable () -> Void

  private static let idleSeconds = 30

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let maxCount: Int
  private var jobs = Deque<Job>()
  private var threadCount = 0
  private var idleCount = 0

  init(maxCount: Int) {
    self.maxCount = max(maxCount, 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(changed, nil)
  }

  /// No thread is left: each of them keeps the object.
  deinit {
    unsafe pthread_cond_destroy(changed)
    unsafe pthread_mutex_destroy(mutex)
    unsafe changed.deallocate()
    unsafe mutex.deallocate()
  }

  func submit(_ job: @escaping Job) {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    jobs.append(job)
    if jobs.count > idleCount, threadCount < maxCount, start() { threadCount += 1 }
    precondition(threadCount > 0, "the system refuses to start a single thread")
    unsafe pthread_cond_signal(changed)
  }

  /// Runs `body` on a thread of its own and returns what it returns.
  func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      submit { continuation.resume(returning: body()) }
    }
  }

  private func start() -> Bool {
    let box = unsafe Unmanaged.passRetained(self)
    var thread = pthread_t()
    let result = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<WorkThreads>.fromOpaque(argument).takeRetainedValue().work()
        return nil
      }, unsafe box.toOpaque())
    guard result == 0 else {
      unsafe box.release()
      return false
    }
    pthread_detach(thread)
    return true
  }

  private func work() {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while true {
      if let job = jobs.popFirst() {
        unsafe pthread_mutex_unlock(mutex)
        job()
        unsafe pthread_mutex_lock(mutex)
      } else if !waitForJob() {
        threadCount -= 1
        return
      }
    }
  }

  /// - Returns: False if there was no work for a while.
  private func waitForJob() -> Bool {
    var deadline = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &deadline)
    deadline.tv_sec += Self.idleSeconds
    idleCount += 1
    defer { idleCount -= 1 }
    while jobs.isEmpty {
      if unsafe pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT {
        return !jobs.isEmpty
      }
    }
    return true
  }
}
