#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif

/// A thread that does something again and again, at times that the work itself names.
@safe
final class Keeper: @unchecked Sendable {
  // Sendable: what is mutable is guarded by `mutex`.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var work: (@Sendable () -> Duration?)?
  private var isAwake = false
  private var isOver = false

  init() {
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(changed, nil)
  }

  /// The thread is gone: it keeps the object.
  deinit {
    unsafe pthread_cond_destroy(changed)
    unsafe pthread_mutex_destroy(mutex)
    unsafe changed.deallocate()
    unsafe mutex.deallocate()
  }

  /// Begins.
  ///
  /// - Parameter work: Says after how long it is to be called again; `nil` waits for `wake()`.
  func start(_ work: @escaping @Sendable () -> Duration?) {
    self.work = work
    let box = unsafe Unmanaged.passRetained(self)
    var thread = pthread_t()
    let result = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Keeper>.fromOpaque(argument).takeRetainedValue().keep()
        return nil
      }, unsafe box.toOpaque())
    precondition(result == 0, "the system refuses to start a thread")
    pthread_detach(thread)
  }

  /// Something changed: the work is asked again when it wants to be called.
  func wake() {
    unsafe pthread_mutex_lock(mutex)
    isAwake = true
    unsafe pthread_cond_signal(changed)
    unsafe pthread_mutex_unlock(mutex)
  }

  func stop() {
    unsafe pthread_mutex_lock(mutex)
    isOver = true
    unsafe pthread_cond_signal(changed)
    unsafe pthread_mutex_unlock(mutex)
  }

  private func keep() {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !isOver, let work {
      isAwake = false
      unsafe pthread_mutex_unlock(mutex)
      let delay = work()
      unsafe pthread_mutex_lock(mutex)
      wait(delay)
    }
    work = nil
  }

  /// Until the delay is over, somebody calls `wake()`, or all ends.
  private func wait(_ delay: Duration?) {
    guard let delay else {
      while !isAwake, !isOver { unsafe pthread_cond_wait(changed, mutex) }
      return
    }
    var deadline = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &deadline)
    // A day is long enough, and does not overflow.
    let (seconds, attoseconds) = min(max(delay, .zero), .seconds(86_400)).components
    // Rounded up: a wake-up that comes early would be for nothing.
    let nanoseconds = deadline.tv_nsec + Int(attoseconds / 1_000_000_000) + 1
    deadline.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    deadline.tv_nsec = nanoseconds % 1_000_000_000
    while !isAwake, !isOver {
      if unsafe pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT { return }
    }
  }
}
