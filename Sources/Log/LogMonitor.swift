#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// A condition variable for the log's own threads. What is waited for lives elsewhere, under its own
/// lock; the monitor only makes sure that a signal between looking and sleeping is not lost.
@safe
final class LogMonitor: @unchecked Sendable {
  // Sendable: both are made for use by several threads, and stay at one address.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  func broadcast() {
    unsafe pthread_mutex_lock(mutex)
    unsafe pthread_cond_broadcast(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Blocks until `isReady` is true or the time is over.
  func wait(atMost duration: Duration, until isReady: () -> Bool) {
    var end = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &end)
    let (seconds, attoseconds) = duration.components
    let nanoseconds = Int(end.tv_nsec) + Int(attoseconds / 1_000_000_000)
    end.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    end.tv_nsec = nanoseconds % 1_000_000_000
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !isReady() {
      if unsafe pthread_cond_timedwait(condition, mutex, &end) != 0 { return }
    }
  }

  /// Blocks until `isReady` is true.
  func wait(until isReady: () -> Bool) {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !isReady() { unsafe pthread_cond_wait(condition, mutex) }
  }
}

/// Runs `body` on a thread of its own until it returns.
func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
  let box = unsafe Unmanaged.passRetained(ThreadBody(body))
  var thread = pthread_t()
  let result = unsafe pthread_create(
    &thread, nil,
    { argument in
      guard let argument = unsafe argument else { return nil }
      unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, unsafe box.toOpaque())
  if result == 0 {
    pthread_detach(thread)
    return true
  }
  unsafe box.release()
  return false
}

private final class ThreadBody: Sendable {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
