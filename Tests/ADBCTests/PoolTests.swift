import ADBC
import Columnar
import Synchronization
import TestSupport
import Testing

@Suite struct PoolTests {
  @Test func `leases are given out and back, and connections are used again`() async throws {
    let maker = Maker()
    let pool = maker.pool { $0.maxCount = 2 }
    let first = try await pool.lease()
    let second = try await pool.lease()
    #expect(pool.figures.inUse == 2)
    first.giveBack()
    first.giveBack()
    let third = try await pool.lease()
    #expect(third.resource.number == first.resource.number)
    #expect(pool.figures.made == 2)
    second.giveBack()
    third.giveBack()
    #expect(pool.figures.idle == 2)
  }

  @Test func `a lease that is dropped closes its connection`() async throws {
    let maker = Maker()
    let pool = maker.pool { $0.maxCount = 1 }
    do {
      let lease = try await pool.lease()
      #expect(lease.resource.number == 1)
    }
    let next = try await pool.lease()
    #expect(next.resource.number == 2)
    #expect(pool.figures.closed == 1)
    next.giveBack()
  }

  @Test func `the error of a failed attempt reaches the caller, then the breaker answers`()
    async throws
  {
    let maker = Maker()
    maker.error = ADBCError(.unauthenticated, "wrong password")
    let pool = maker.pool {
      $0.breakerFailures = 2
      $0.breakerDelay = .seconds(10)
    }
    for _ in 1...2 {
      await #expect(throws: PoolError.connect(ADBCError(.unauthenticated, "wrong password"))) {
        _ = try await pool.lease()
      }
    }
    let tries = maker.tries
    await #expect(throws: PoolError.self) { _ = try await pool.lease() }
    #expect(maker.tries == tries, "the breaker is open")
    #expect(pool.figures.breaker == .open)
    maker.error = nil
    maker.advance(.seconds(10))
    let lease = try await pool.lease()
    #expect(pool.figures.breaker == .closed)
    lease.giveBack()
  }

  @Test func `a waiting task that is cancelled is told so, and takes nothing`() async throws {
    let maker = Maker()
    let pool = maker.pool { $0.maxCount = 1 }
    let lease = try await pool.lease()
    let waiter = Task { () -> PoolError? in
      do throws(PoolError) {
        _ = try await pool.lease()
        return nil
      } catch {
        return error
      }
    }
    while pool.figures.waiting == 0 { await Task.yield() }
    waiter.cancel()
    #expect(await waiter.value == .cancelled)
    #expect(pool.figures.waiting == 0)
    lease.giveBack()
    #expect(pool.figures.idle == 1)
  }

  @Test func `a wait that is too long ends with a sentence`() async throws {
    let maker = Maker()
    let pool = maker.pool {
      $0.maxCount = 1
      $0.waitTimeout = .seconds(3)
    }
    let lease = try await pool.lease()
    let waiter = Task { () -> String in
      do throws(PoolError) {
        _ = try await pool.lease()
        return ""
      } catch {
        return error.description
      }
    }
    while pool.figures.waiting == 0 { await Task.yield() }
    maker.advance(.seconds(3))
    pool.tick()
    let text = await waiter.value
    #expect(text.contains("pool_wait_timeout") && text.contains("pool_max"), "\(text)")
    lease.giveBack()
  }

  @Test func `a connection that is not clean is reset, or closed if that fails`() async throws {
    let maker = Maker()
    let pool = maker.pool { $0.maxCount = 1 }
    let lease = try await pool.lease()
    lease.resource.isClean.withLock { $0 = false }
    lease.giveBack()
    let again = try await pool.lease()
    #expect(again.resource.number == 1)
    #expect(again.resource.isClean.withLock { $0 })
    again.resource.isClean.withLock { $0 = false }
    again.resource.canBeReset.withLock { $0 = false }
    again.giveBack()
    let other = try await pool.lease()
    #expect(other.resource.number == 2)
    other.giveBack()
  }

  @Test func `many tasks share few connections, one task each`() async throws {
    let maker = Maker()
    let pool = maker.pool { $0.maxCount = 3 }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<200 {
        group.addTask {
          guard let lease = try? await pool.lease() else { return }
          _ = try? await lease.run { (fake) throws(ADBCError) in
            let users = fake.users.withLock { users in
              users += 1
              return users
            }
            fake.users.withLock { $0 -= 1 }
            if users != 1 { Issue.record("two tasks use one connection") }
          }
          lease.giveBack()
        }
      }
    }
    #expect(pool.figures.leased == 200)
    #expect(pool.figures.made <= 3)
    #expect(pool.figures.inUse == 0)
  }

  @Test func `a closed pool refuses`() async throws {
    let maker = Maker()
    let pool = maker.pool()
    let lease = try await pool.lease()
    pool.close()
    await #expect(throws: PoolError.closed) { _ = try await pool.lease() }
    lease.giveBack()
    #expect(pool.figures.open == 0)
  }

  @Test func `connections are gone when the pool is`() async throws {
    let maker = Maker()
    weak var fake: Fake?
    do {
      let pool = maker.pool()
      let lease = try await pool.lease()
      fake = lease.resource
      lease.giveBack()
    }
    // A thread of the pool closes it.
    while fake != nil { await Task.yield() }
  }

  // MARK: - With a real server

  private func realPool(_ query: String = "") throws -> ConnectionPool {
    ConnectionPool(
      try DriverManager.load(), try ConnectionSettings(connection: postgres().uri() + query))
  }

  @Test func `statements run on connections of the pool`() async throws {
    let pool = try realPool("?pool_max=2")
    for _ in 0..<5 {
      let text = try await pool.withConnection { (connection) throws(ADBCError) in
        try connection.query("SELECT 1").next().map(texts)
      }
      #expect(text == [["1"]])
    }
    #expect(pool.figures.made == 1)
    #expect(pool.figures.leased == 5)
  }

  @Test func `what a user leaves open is rolled back and closed`() async throws {
    let pool = try realPool("?pool_max=1")
    let table = freshName("left")
    try await pool.withConnection { (connection) throws(ADBCError) in
      try connection.setAutocommit(false)
      try connection.execute("CREATE TABLE \(table) (i INT)")
    }
    let left = try await pool.withConnection { (connection) throws(ADBCError) -> ADBCResult in
      let isAutocommit = connection.isAutocommit
      if !isAutocommit { throw ADBCError(.internal, "a transaction is open") }
      return try connection.query("SELECT generate_series(1, 1000000)")
    }
    let found = try await pool.withConnection { (connection) throws(ADBCError) in
      try connection.query("SELECT to_regclass('\(table)') IS NULL").next().map(texts)
    }
    #expect(found == [["true"]])
    #expect(try left.next().map(\.rowCount) == nil)
    #expect(pool.figures.made == 1)
  }

  @Test func `a cancelled task cancels its statement`() async throws {
    let pool = try realPool("?pool_max=1")
    let watcher = try Backend.postgresql.connect()
    let name = freshName("sleeper")
    let task = Task { () -> ADBCError? in
      do throws(ADBCError) {
        try await pool.withConnection { (connection) throws(ADBCError) in
          _ = try connection.query("SELECT pg_sleep(600), '\(name)'").next()
        }
        return nil
      } catch {
        return error
      }
    }
    let count =
      "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%\(name)%' AND wait_event = 'PgSleep'"
    while try watcher.value(count) != "1" { await Task.yield() }
    task.cancel()
    let error = try #require(await task.value)
    #expect(error.sqlState == "57014")
    #expect(pool.figures.idle == 1, "the connection is still good")
  }

  @Test
  func `a server that was restarted is found again, without an error for the next caller but one`()
    async throws
  {
    let server = try PostgresServer()
    let pool = ConnectionPool(
      try DriverManager.load(),
      try ConnectionSettings(connection: server.uri() + "?pool_max=3&pool_breaker_failures=0"))
    let leases = [try await pool.lease(), try await pool.lease(), try await pool.lease()]
    for lease in leases { lease.giveBack() }
    try server.kill()
    try server.start()
    @Sendable func one() async throws(ADBCError) {
      try await pool.withConnection { (connection) throws(ADBCError) in
        _ = try connection.query("SELECT 1").next()
      }
    }
    // The pool cannot know before it tries; afterwards it suspects the others.
    let error = await #expect(throws: ADBCError.self) { try await one() }
    #expect(error?.isConnectionLost == true, "\(String(describing: error))")
    for _ in 1...4 { try await one() }
    #expect(pool.figures.closed >= 2)
  }

  @Test func `a wrong password is the error of whoever asks, without the password`() async throws {
    let pool = ConnectionPool(
      try DriverManager.load(),
      try ConnectionSettings(
        connection: postgres().bareURI(), username: "postgres", password: "not-this"))
    let error = await #expect(throws: PoolError.self) { _ = try await pool.lease() }
    let text = String(describing: error)
    #expect(text.contains("authentication failed"))
    #expect(!text.contains("not-this"))
  }
}

/// A connection that is none.
final class Fake: Sendable {
  let number: Int
  let isClean = Mutex(true)
  let canBeReset = Mutex(true)
  let users = Mutex(0)

  init(_ number: Int) { self.number = number }
}

/// Makes fakes as the test says, and is the clock.
final class Maker: Sendable {
  private struct State {
    var error: ADBCError?
    var tries = 0
    var now: Duration = .zero
  }

  private let state = Mutex(State())

  var error: ADBCError? {
    get { state.withLock { $0.error } }
    set { state.withLock { $0.error = newValue } }
  }

  var tries: Int { state.withLock { $0.tries } }

  func advance(_ duration: Duration) { state.withLock { $0.now += duration } }

  func pool(_ change: (inout PoolOptions) -> Void = { _ in }) -> ResourcePool<Fake> {
    var options = PoolOptions()
    change(&options)
    return ResourcePool(
      options,
      ResourcePool<Fake>.Work(
        connect: { self.make() }, isHealthy: { _ in true },
        isClean: { fake in fake.isClean.withLock { $0 } },
        reset: { fake in
          fake.isClean.withLock { $0 = true }
          return fake.canBeReset.withLock { $0 }
        }), now: { self.state.withLock { $0.now } })
  }

  private func make() -> Result<Fake, ADBCError> {
    state.withLock { state in
      state.tries += 1
      if let error = state.error { return .failure(error) }
      return .success(Fake(state.tries))
    }
  }
}
