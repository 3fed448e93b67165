internal import Threads
internal import Synchronization

extension ResourcePool {
  /// A connection for one user at a time, until it is given back.
  ///
  /// A lease that is dropped without `giveBack` closes its connection: nobody knows in which state it is.
  public final class Lease: Sendable {
    private let id: PoolMachine.Connection
    private let pool: ResourcePool
    /// To be used inside of `run`, and for what may be called from any thread, such as cancelling.
    public let resource: Resource
    private let isOver = Mutex(false)

    init(_ id: PoolMachine.Connection, _ resource: Resource, of pool: ResourcePool) {
      self.id = id
      self.resource = resource
      self.pool = pool
    }

    deinit {
      if isOver.withLock({ !$0 }) { pool.giveBack(id, isReusable: false, isLost: false) }
    }

    /// Runs `body`, which may block, on a thread of the pool.
    public func run<Value: Sendable>(
      _ body: @escaping @Sendable (Resource) throws(ADBCError) -> Value
    ) async throws(ADBCError) -> Value {
      let resource = resource
      return try await pool.threads.run {
        Result { () throws(ADBCError) in try body(resource) }
      }.get()
    }

    /// Gives the connection back, after making it as new. Doing it again does nothing.
    public func giveBack() {
      guard end() else { return }
      pool.giveBackReset(id, resource)
    }

    /// Closes the connection instead of giving it back.
    ///
    /// - Parameter isLost: Whether the other side is gone: then the other idle connections are tried out before they are used.
    public func discard(isLost: Bool = false) {
      guard end() else { return }
      pool.giveBack(id, isReusable: false, isLost: isLost)
    }

    private func end() -> Bool {
      isOver.withLock { isOver in
        defer { isOver = true }
        return !isOver
      }
    }
  }
}
