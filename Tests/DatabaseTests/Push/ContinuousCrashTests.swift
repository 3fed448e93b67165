import Columnar
import Database
import DuckDB
import Engine
import Log
import Synchronization
import Testing
import TestSupport

/// What a stream that is fed by a query holds after crashes in the middle of it.
struct ContinuousCrashTests {
  /// A database whose disk fails at some call; a crash ends it.
  private func open(_ disk: SimulatedDisk) async throws -> (StreamingDatabase, SegmentLog) {
    let log = try SegmentLog(
      disk, SegmentLog.Configuration(segmentByteCount: 16 << 10, allocationByteCount: 4 << 10),
      clock: WallClock.microseconds)
    let database = try StreamingDatabase(
      options: DatabaseOptions(), library: DuckDBLibrary.load(), allocator: HeapAllocator(),
      eventLog: log)
    try await database.recover()
    return (database, log)
  }

  @Test(.timeLimit(.minutes(2)), arguments: 0..<12)
  func `every row is in the stream once, whatever the crash`(seed: UInt64) async throws {
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    var disk = SimulatedDisk()
    var next = 0
    let durability = ["sync", "os"].randomElement(using: &random) ?? "sync"
    for round in 0..<5 {
      let (database, log) = try await open(disk)
      let session = try database.openSession()
      if round == 0 {
        try await session.run("CREATE STREAM s (id BIGINT) WITH (durability = '\(durability)')")
        try await session.run(
          "CREATE STREAM t WITH (durability = 'os') AS SELECT id, id * 2 AS twice FROM s "
            + "WHERE id % 3 <> 0")
      }
      try await check(session, database)
      // Reading is over: from here on the disk may fail.
      let failsAt = Int.random(in: 1..<40, using: &random)
      disk.state.withLock { state in
        state.callCount = 0
        state.failsAt = failsAt
      }
      for _ in 0..<40 {
        let count = Int.random(in: 1...4, using: &random)
        let values = (next..<(next + count)).map { "(\($0))" }.joined(separator: ", ")
        next += count
        do { try await session.run("INSERT INTO s VALUES \(values)") } catch { break }
      }
      disk = Bool.random(using: &random) ? disk.afterKill() : disk.afterPowerCut(&random)
      await database.close()
      log.close()
    }
    let (database, log) = try await open(disk)
    try await check(try database.openSession(), database)
    await database.close()
    log.close()
  }

  /// The stream holds what the query makes of its source, in order.
  private func check(_ session: Session, _ database: StreamingDatabase) async throws {
    let wanted = try await session.rows("SELECT id FROM s WHERE id % 3 <> 0 ORDER BY _offset")
    var found: [[String]] = []
    // The query runs beside this; the time limit of the test ends a vain wait.
    while found.count < wanted.count {
      try Task.checkCancellation()
      found = try await session.rows("SELECT id, twice FROM t ORDER BY _offset")
      if found.count < wanted.count { await Task.yield() }
    }
    #expect(found.map { [$0[0]] } == wanted)
    #expect(found.allSatisfy { Int($0[1]) == (Int($0[0]) ?? 0) * 2 })
  }
}
