#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif

/// Runs `body` on a thread of its own until it returns.
///
/// - Returns: False if the system gives no thread; then `body` is not run.
public func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
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
