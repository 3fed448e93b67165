import CDuckDB
internal import Threads

#if canImport(Darwin)
  private import Darwin
#else
  private import Glibc
#endif

/// Threads that share the work of statements that take long.
///
/// Left alone, DuckDB wakes a thread of its own for every part of every statement, and the caller
/// waits for what that thread took. A row by key then costs twice the processor time. So the instance
/// is told that all its threads come from outside: a statement begins on its caller's thread alone, and
/// calls for help once it is clear that it is not a small one.
///
/// Threads are started at the first call, and sleep while nobody wants help.
@safe
final class HelperThreads: @unchecked Sendable {
  // Sendable: what is mutable is guarded by `mutex`.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let database: duckdb_database
  private let threadCount: Int
  private var startedCount = 0
  private var callerCount = 0
  /// What the threads work under while there are callers.
  private var shift: Shift?
  private var isStopping = false

  /// - Parameter threadCount: How many threads help, besides those of the callers.
  init(_ database: duckdb_database, threadCount: Int) {
    unsafe self.database = unsafe database
    self.threadCount = threadCount
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(changed, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(changed)
    unsafe pthread_mutex_destroy(mutex)
    unsafe changed.deallocate()
    unsafe mutex.deallocate()
  }

  /// Another statement wants help, until `end()`.
  fileprivate func begin() {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    callerCount += 1
    guard callerCount == 1, threadCount > 0 else { return }
    shift = unsafe Shift(of: database)
    // Without a thread the callers do all the work themselves.
    while startedCount < threadCount, startThread({ self.help() }) { startedCount += 1 }
    unsafe pthread_cond_broadcast(changed)
  }

  fileprivate func end() {
    unsafe pthread_mutex_lock(mutex)
    callerCount -= 1
    let over = callerCount == 0 ? shift.take() : nil
    unsafe pthread_mutex_unlock(mutex)
    over?.end()
  }

  /// Ends all threads and waits for them. To be called before the database is closed.
  func stop() {
    unsafe pthread_mutex_lock(mutex)
    isStopping = true
    let over = shift.take()
    unsafe pthread_mutex_unlock(mutex)
    over?.end()
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    unsafe pthread_cond_broadcast(changed)
    while startedCount > 0 { unsafe pthread_cond_wait(changed, mutex) }
  }

  private func help() {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !isStopping {
      guard let shift else {
        unsafe pthread_cond_wait(changed, mutex)
        continue
      }
      unsafe pthread_mutex_unlock(mutex)
      shift.work()
      unsafe pthread_mutex_lock(mutex)
    }
    startedCount -= 1
    unsafe pthread_cond_broadcast(changed)
  }

  /// The time between the first caller and the last.
  @safe
  private final class Shift: @unchecked Sendable {
    // Sendable: DuckDB's state is made to be worked under and ended by different threads.
    private let state: duckdb_task_state?

    init(of database: duckdb_database) { unsafe state = unsafe duckdb_create_task_state(database) }

    deinit { unsafe duckdb_destroy_task_state(state) }

    /// Does what DuckDB has to do, until the shift ends.
    func work() { unsafe duckdb_execute_tasks_state(state) }

    func end() { unsafe duckdb_finish_execution(state) }
  }
}

/// The help that one statement gets: none until it calls for it, then until it ends.
struct Help: ~Copyable {
  private let threads: HelperThreads?
  private let onCall: (() -> Void)?
  private(set) var isCalled = false

  /// - Parameters:
  ///   - threads: `nil` if DuckDB has its own.
  ///   - onCall: Called once, when the statement turns out not to be a small one.
  init(from threads: HelperThreads?, onCall: (() -> Void)? = nil) {
    self.threads = threads
    self.onCall = onCall
  }

  deinit { if isCalled { threads?.end() } }

  /// Calls the threads, if they do not help yet.
  mutating func call() {
    guard !isCalled else { return }
    isCalled = true
    threads?.begin()
    onCall?()
  }
}

/// How long a thread has been at a statement.
struct Effort {
  /// Longer than a row by key takes, and hardly longer than the first slice of work that DuckDB hands out
  /// of a large table. Time of the processor: a busy machine, or a client that sends its rows slowly,
  /// makes no statement large.
  private static let processorLimit: Duration = .microseconds(300)
  /// For statements that wait for the disk.
  private static let limit: Duration = .milliseconds(5)

  private let start = ContinuousClock.now
  private let processorStart = Self.processorTime

  /// Whether a second thread would be worth its waking.
  var isLarge: Bool {
    Self.processorTime - processorStart > Self.processorLimit
      || ContinuousClock.now - start > Self.limit
  }

  /// Of this thread so far.
  private static var processorTime: Duration {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
