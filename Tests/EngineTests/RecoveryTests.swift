import Columnar
import DuckDB
import Testing

@testable import Engine

/// A real fatal error of DuckDB: a checkpoint that is broken off in the middle.
@Suite(.timeLimit(.minutes(2))) struct `A database file after a fatal error` {
  private let engine: DuckDBEngine
  private let settings = SessionSettings()

  init() throws {
    let path = "/tmp/hyprstream-engine-\(UInt64.random(in: 0 ... .max)).db"
    let instance = try DuckDBInstance(
      library: DuckDBLibrary.load(),
      configuration: .init(
        path: path, settings: ["debug_checkpoint_abort": "before_header"], setup: []))
    engine = DuckDBEngine(
      instance: instance, admission: Admission(maxRunning: 4, maxQueued: 10), maxThreadCount: 4,
      allocator: HeapAllocator(), spoolLimits: SpoolLimits(directory: "/tmp"))
  }

  private func run(_ sql: String, on lane: Lane? = nil) async throws -> Int {
    let pump = try await engine.start(sql, settings, parameters: nil, on: lane)
    var rowCount = 0
    while let batch = try await pump.next() { rowCount += batch.rowCount }
    return rowCount
  }

  private func breakIt() async throws {
    let generation = engine.instance.generation
    do {
      _ = try await run("CHECKPOINT")
      Issue.record("the checkpoint did not fail")
    } catch {
      guard case .statement(let reason) = try #require(error as? EngineError) else { throw error }
      #expect(reason.kind == .fatal)
    }
    #expect(engine.instance.generation == generation + 1)
  }

  @Test func `what was committed is there, each time`() async throws {
    _ = try await run("CREATE TABLE t AS SELECT 0 AS i")
    for round in 1...3 {
      _ = try await run("INSERT INTO t VALUES (\(round))")
      try await breakIt()
      #expect(try await run("FROM t") == round + 1)
    }
  }

  @Test func `open results and lanes are told, and hold nothing up`() async throws {
    _ = try await run("CREATE TABLE t AS SELECT range AS i FROM range(100)")
    let paused = try await engine.start(
      "SELECT i FROM range(100000000) t(i)", settings, parameters: nil, on: nil)
    #expect(try await paused.next() != nil)
    let lane = engine.makeLane()
    _ = try await run("BEGIN", on: lane)
    _ = try await run("CREATE TEMP TABLE own AS SELECT 1 AS i", on: lane)
    try await breakIt()
    #expect(try await run("FROM t") == 100)
    await #expect(throws: EngineError.self) { while try await paused.next() != nil {} }
    guard case .restarted? = paused.failure else { return #expect(Bool(false), "\(paused)") }
    #expect(lane.isLost)
    await #expect(throws: EngineError.self) { try await run("FROM own", on: lane) }
  }

  @Test func `many statements at once see it, and the next ones succeed`() async throws {
    _ = try await run("CREATE TABLE t AS SELECT range AS i FROM range(100)")
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for _ in 0..<4 {
        tasks.addTask {
          for _ in 0..<20 {
            // Those that run at that moment fail; none may give a wrong answer.
            if let count = try? await run("FROM t") { #expect(count == 100) }
          }
        }
      }
      for _ in 0..<3 { try await breakIt() }
      try await tasks.waitForAll()
    }
    #expect(try await run("FROM t") == 100)
  }
}
