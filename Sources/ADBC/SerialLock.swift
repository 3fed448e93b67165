#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif

/// Lets one thread at a time into a connection, and the same thread again: a stream that is bound to a statement
/// may be read from another statement of its connection, and what a call drops is released inside it.
@safe
final class SerialLock: @unchecked Sendable {
  // Sendable: the mutex is made to be shared, and is written by the system only.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  init() {
    var attributes = pthread_mutexattr_t()
    unsafe pthread_mutexattr_init(&attributes)
    unsafe pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
    unsafe pthread_mutex_init(mutex, &attributes)
    unsafe pthread_mutexattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  func callAsFunction<Value, Failure: Error>(
    _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body()
  }
}
