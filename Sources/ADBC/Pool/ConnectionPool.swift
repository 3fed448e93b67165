internal import Synchronization

public import Columnar

/// Connections to one database.
public typealias ConnectionPool = ResourcePool<ADBCConnection>

extension ResourcePool<ADBCConnection> {
  /// A pool for what `settings` describe.
  ///
  /// The database is opened with the first connection, on a thread of the pool: nothing fails here.
  ///
  /// - Parameters:
  ///   - checkSQL: What is run to try a connection out.
  ///   - prepare: Called with every new connection, for settings of its session. May block.
  public convenience init(
    _ manager: DriverManager, _ settings: ConnectionSettings, checkSQL: String = "SELECT 1",
    prepare: @escaping @Sendable (ADBCConnection) throws(ADBCError) -> Void = {
      _ throws(ADBCError) in
    }
  ) {
    let opener = DatabaseOpener(manager, settings)
    self.init(
      settings.pool,
      Work(
        connect: {
          Result { () throws(ADBCError) in
            let connection = try opener.connect()
            try prepare(connection)
            return connection
          }
        },
        isHealthy: { connection in
          (try? connection.query(checkSQL).drain()) != nil
        },
        isClean: { $0.isClean },
        reset: { (try? $0.reset()) != nil }))
  }

  /// Runs `body` with a connection, on a thread of the pool, and gives the connection back.
  ///
  /// Cancelling the task ends the wait for a connection, or cancels what runs on it. An open transaction is rolled back, open results are
  /// closed.
  public func withConnection<Value: Sendable>(
    _ body: @escaping @Sendable (ADBCConnection) throws(ADBCError) -> Value
  ) async throws(ADBCError) -> Value {
    let lease: Lease
    do throws(PoolError) { lease = try await self.lease() } catch { throw error.adbcError }
    let isCancelled = Mutex(false)
    let result = await withTaskCancellationHandler {
      do throws(ADBCError) {
        return Result<Value, ADBCError>.success(try await lease.run(body))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      isCancelled.withLock { $0 = true }
      try? lease.resource.cancel()
    }
    switch result {
    case .failure(let error) where error.isConnectionLost: lease.discard(isLost: true)
    case .failure(let error) where error.isCancellation: lease.giveBack()
    default:
      // What was cancelled too late must not hit the next user.
      if isCancelled.withLock({ $0 }) { lease.discard() } else { lease.giveBack() }
    }
    return try result.get()
  }
}

extension ADBCResult {
  /// The first batch; the rows behind it are dropped.
  public func firstBatch() throws(ADBCError) -> Batch? {
    let batch = try next()
    try drain()
    return batch
  }

  /// All batches; the result is closed.
  public func allBatches() throws(ADBCError) -> [Batch] {
    defer { close() }
    var batches: [Batch] = []
    while let batch = try next() { batches.append(batch) }
    return batches
  }

  /// Reads to the end, and drops the rows. Some databases are in a transaction until then.
  public func drain() throws(ADBCError) {
    while try next() != nil {}
  }
}
