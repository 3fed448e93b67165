internal import Threads
internal import Synchronization

public import DuckDB

extension DuckDBInstance {
  /// Registers one who holds a connection across statements, so that it can be told to let go; now,
  /// if the database was opened again since it got the connection.
  func register(_ holder: any ConnectionHolder, generation: Int) {
    let isCurrent = state.withLock { state in
      guard state.generation == generation else { return false }
      state.holders[ObjectIdentifier(holder)] = WeakHolder(holder: holder)
      return true
    }
    if !isCurrent { holder.abandonConnection() }
  }

  func unregister(_ holder: any ConnectionHolder) {
    state.withLock { _ = $0.holders.removeValue(forKey: ObjectIdentifier(holder)) }
  }

  /// Interrupts again what was told to stop and still runs. To be called now and then.
  public func remindStopped() {
    for holder in state.withLock({ Array($0.holders.values) }) { holder.holder?.remind() }
  }

  /// Runs `body` with a connection, in a way that `stop` and a broken database can interrupt.
  func run<Value>(
    on held: HeldConnection, stop: StopSignal?,
    _ body: (Connection) throws(DuckDBError) -> Value
  ) throws(EngineError) -> Value {
    let stop = stop ?? StopSignal()
    register(stop, generation: held.generation)
    defer { unregister(stop) }
    try stop.begin(held.connection)
    defer { stop.end() }
    do throws(DuckDBError) {
      return try body(held.connection)
    } catch {
      // Its own error is what it ends with, also if all others are told of a restart.
      unregister(stop)
      noteFailure(error, generation: held.generation)
      throw stop.reason?.error ?? .statement(error)
    }
  }

  /// Looks at an error of DuckDB and opens the database again if it says that it is broken.
  ///
  /// Returns at once: the caller itself still holds a connection, and the file is opened again when
  /// the last one is closed.
  public func noteFailure(_ error: DuckDBError, generation: Int) {
    guard error.invalidatesDatabase else { return }
    var dropped: [State] = []
    let broken = state.withLock { state -> Database? in
      guard state.generation == generation, let database = state.database,
        database.isInvalidated || error.kind == .fatal
      else { return nil }
      dropped = [state]
      state = State(
        database: nil, generation: state.generation + 1,
        catalogVersion: state.catalogVersion + 1)
      return database
    }
    guard let broken else { return }
    let holders = dropped.flatMap(\.holders.values)
    let closed = ClosedFlag()
    broken.onClose { [reopened] in
      closed.value.store(true, ordering: .releasing)
      reopened.broadcast()
    }
    dropped = []
    for holder in holders { holder.holder?.abandonConnection() }
    reopener.submit { self.reopen(when: closed, holders) }
  }

  private func reopen(when closed: ClosedFlag, _ holders: [WeakHolder]) {
    while !reopened.wait(atMost: .seconds(1), until: { closed.value.load(ordering: .acquiring) }) {
      for holder in holders { holder.holder?.remind() }
    }
    while true {
      if let database = try? Self.open(library, configuration, liveTables) {
        // What cannot be made again is missed by those who ask for it.
        try? setUpAgain(database)
        state.withLock { $0.database = database }
        reopened.broadcast()
        return
      }
      // The disk has a problem. Without a database there is nothing to do but to try again.
      _ = reopened.wait(atMost: .seconds(1)) { false }
    }
  }
}

private final class ClosedFlag: Sendable {
  let value = Atomic(false)
}
