#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif

/// A condition variable, for threads that block on purpose.
///
/// What is waited for lives elsewhere, under its own lock; the monitor only makes sure that a
/// signal sent between looking and sleeping is not lost.
@safe
public final class Monitor: @unchecked Sendable {
  // Sendable: both are made for use by several threads, and stay at one address.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  public init() {
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Wakes one waiting thread.
  public func signal() {
    unsafe pthread_mutex_lock(mutex)
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Wakes all waiting threads.
  public func broadcast() {
    unsafe pthread_mutex_lock(mutex)
    unsafe pthread_cond_broadcast(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Blocks until `isReady` is true.
  public func wait(until isReady: () -> Bool) {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !isReady() { unsafe pthread_cond_wait(condition, mutex) }
  }

  /// Blocks until `isReady` is true or the time is over.
  ///
  /// - Parameter duration: Taken as a day at most.
  /// - Returns: Whether it was ready.
  @discardableResult
  public func wait(atMost duration: Duration, until isReady: () -> Bool) -> Bool {
    var deadline = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &deadline)
    let (seconds, attoseconds) = min(max(duration, .zero), .seconds(86_400)).components
    // Rounded up: who wakes too early has to wait again.
    let nanoseconds = deadline.tv_nsec + Int(attoseconds / 1_000_000_000) + 1
    deadline.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    deadline.tv_nsec = nanoseconds % 1_000_000_000
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !isReady() {
      if unsafe pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
        return isReady()
      }
    }
    return true
  }
}
