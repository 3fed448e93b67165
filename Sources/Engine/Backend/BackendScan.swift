internal import Threads
internal import Synchronization

internal import ADBC
public import Columnar

/// One query on a database behind, read on the threads of whoever wants its rows. It is sent when the first are wanted.
public final class BackendScan: Sendable {
  private enum Phase {
    case waiting
    case open(BackendSource)
    case closed
  }

  private let sql: String
  private let engine: ADBCEngine
  private let call = BackendCall()
  private let phase = Mutex(Phase.waiting)

  public init(_ sql: String, on engine: ADBCEngine) {
    self.sql = sql
    self.engine = engine
  }

  deinit { close() }

  /// The next rows; nil at the end. Blocks: not to be called on threads of Swift's own, nor on two at a time.
  public func next() throws(EngineError) -> Batch? {
    if let reason = call.reason { throw reason.error }
    do throws(EngineError) {
      return try source()?.next(maxRows: .max, allocator: HeapAllocator())
    } catch {
      if let reason = call.reason { throw reason.error }
      throw error
    }
  }

  private func source() throws(EngineError) -> BackendSource? {
    switch phase.withLock({ $0 }) {
    case .open(let source): return source
    case .closed: return nil
    case .waiting: break
    }
    let lease = try engine.waitForConnection()
    let (_, source) = try engine.execute(sql, nil, lease.resource, call) { lease.end($0) }
    let isOpen = phase.withLock { phase in
      guard case .waiting = phase else { return false }
      phase = .open(source)
      return true
    }
    if !isOpen { source.release() }
    return isOpen ? source : nil
  }

  /// Ends what `next()` waits for, soon. From any thread.
  public func interrupt() {
    call.stop(.cancelled)
    phase.withLock { phase in
      // Under the lock: when it is closed, the connection may be another's.
      if case .open(let source) = phase { source.interrupt() }
    }
  }

  /// Gives the connection back.
  public func close() {
    let source = phase.withLock { phase -> BackendSource? in
      defer { phase = .closed }
      guard case .open(let source) = phase else { return nil }
      return source
    }
    source?.release()
  }
}

extension ADBCEngine {
  fileprivate func waitForConnection() throws(EngineError) -> ConnectionPool.Lease {
    let (monitor, found) = (Monitor(), FoundLease())
    Task {
      let result: Result<ConnectionPool.Lease, EngineError>
      do throws(EngineError) {
        result = .success(try await connect())
      } catch {
        result = .failure(error)
      }
      found.lease.withLock { $0 = result }
      monitor.broadcast()
    }
    monitor.wait { found.lease.withLock { $0 } != nil }
    guard let result = found.lease.withLock({ $0 }) else { throw .cancelled }
    return try result.get()
  }
}

/// What one thread waits for.
private final class FoundLease: Sendable {
  let lease = Mutex<Result<ConnectionPool.Lease, EngineError>?>(nil)
}
