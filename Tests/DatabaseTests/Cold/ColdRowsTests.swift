import Columnar
import Foundation
import Log
import Synchronization
import Testing

@testable import Database

/// Rows that leave the log for Parquet files, and stay rows of their stream.
struct ColdRowsTests {
  private final class Progress: Sendable {
    let isDone = Atomic(false)
    let rounds = Atomic(0)
  }

  private static let create =
    "CREATE STREAM s (id BIGINT, v DOUBLE, name VARCHAR) WITH (tier_after = '1 hour')"

  @Test func `old rows become files, the log gets smaller, and readers see one stream`()
    async throws
  {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    try await test.insert(15_000)
    try await test.maintain()
    #expect(try test.coldFiles.isEmpty)
    let before = try test.files.names().count
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(15_000))
    #expect(try test.files.names().count <= before - 3)
    try await test.expectRows(0..<15_000)
    try await test.insert(1_000)
    try await test.expectRows(0..<16_000)
    let listed = try #require(try await test.rows("SHOW STREAMS").first { $0[0] == "s" })
    #expect([listed[2], listed[12], listed[14]] == ["16000", "15000", "after 1 hour"])
    #expect(
      try await test.rows("SELECT id FROM s WHERE _offset BETWEEN 2_399 AND 2_401")
        == [["2399"], ["2400"], ["2401"]])
    try await test.restart()
    try await test.expectRows(0..<16_000)
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(16_000))
    try await test.restart()
    try await test.expectRows(0..<16_000)
    #expect(test.log.verify() == [])
    await test.close()
  }

  @Test func `the times at which rows were taken stay as they were`() async throws {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    try await test.insert(2_000, by: 50)
    let sql = "SELECT id, epoch_us(_ingest_time) FROM s ORDER BY id"
    let before = try await test.rows(sql)
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(2_000))
    #expect(try await test.rows(sql) == before)
    let time = before[777][1]
    let stream = try #require(test.database.streams.all.first { $0.definition.name == "s" })
    #expect(
      try stream.firstOffset(ingestedAtOrAfter: try #require(Int64(time))) == Offset(750))
    await test.close()
  }

  @Test(arguments: ["FROM BEGINNING", "FROM OFFSET 1234"])
  func `an endless query goes from cold rows to new ones`(start: String) async throws {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    try await test.insert(3_000)
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    try await test.insert(500)
    for list in ["*", "id, v * 2 AS w"] {
      let query = try await test.session.query(
        "SELECT \(list) FROM s EMIT CHANGES \(start)", .inside(nil))
      let live = try #require(query.live)
      var seen: [String] = []
      let first = start == "FROM BEGINNING" ? 0 : 1_234
      while seen.count < 3_500 - first, let next = try await live.next() {
        for row in 0..<next.batch.rowCount {
          seen.append(next.batch.columns[0].string(at: row) ?? "")
        }
      }
      #expect(seen == (first..<3_500).map(String.init))
      live.close()
    }
    await test.close()
  }

  @Test func `readers see every row once while rows move`() async throws {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    try await test.insert(4_000)
    let progress = Progress()
    let session = try test.database.openSession()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        while !progress.isDone.load(ordering: .relaxed) {
          let rows = try await session.rows("SELECT count(*), sum(id), count(DISTINCT id) FROM s")
          let total = try #require(Int(rows[0][0]))
          #expect(rows == [["\(total)", "\(total * (total - 1) / 2)", "\(total)"]])
          progress.rounds.wrappingAdd(1, ordering: .relaxed)
        }
      }
      for _ in 0..<6 {
        test.clock.advance(seconds: 3_600)
        try await test.maintain()
        try await test.insert(700)
        let seen = progress.rounds.load(ordering: .relaxed)
        while progress.rounds.load(ordering: .relaxed) < seen + 2 { await Task.yield() }
      }
      progress.isDone.store(true, ordering: .relaxed)
      try await tasks.waitForAll()
    }
    #expect(try test.coldFiles.count > 5)
    try await test.expectRows(0..<8_200)
    await test.close()
  }

  @Test func `a reader that has a place in a segment that is gone finds its rows`() async throws {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    try await test.insert(3_000)
    let topic = try #require(test.log.topic(try test.topic))
    let units = try topic.units(in: .zero..<Offset(3_000), ScanFilter(preferredUnitRowCount: 1))
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(3_000))
    var next = Offset.zero
    for unit in units {
      for case .batch(let batch) in try topic.read(unit) {
        #expect(batch.firstOffset == next)
        next = batch.endOffset
      }
    }
    #expect(next == Offset(3_000))
    await test.close()
  }

  @Test(arguments: TieringStep.allCases)
  func `a crash at any step loses no row, doubles none and leaves no file`(step: TieringStep)
    async throws
  {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    try await test.insert(3_000)
    test.clock.advance(seconds: 3_600)
    // The second file is where it ends.
    let progress = Progress()
    test.database.tiering.setCandidateByteCount(1)
    test.database.tiering.onStep { reached throws in
      guard reached == step else { return }
      let count = progress.rounds.wrappingAdd(1, ordering: .relaxed).newValue
      if count >= 2 { throw SimulatedCrash() }
    }
    await test.database.moveColdRows()
    #expect(progress.rounds.load(ordering: .relaxed) >= 2)
    try await test.expectRows(0..<3_000)
    let orphans = test.paths.count - (try test.coldFiles.count)
    #expect(orphans == (step == .recorded ? 0 : 1))
    try await test.restart()
    #expect(test.paths.count == (try test.coldFiles.count))
    try await test.expectRows(0..<3_000)
    try await test.maintain()
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(3_000))
    try await test.expectRows(0..<3_000)
    await test.close()
  }

  @Test func `a file that may be all that is left is not swept away`() async throws {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    try await test.insert(2_000)
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    let file = try #require(try test.coldFiles.first)
    let path = test.folder + "/" + file.location
    // Beyond what the log has: nobody knows whose rows these are.
    let strange = path.replacing(
      ColdPlaces.fileName(file.offsets), with: "5000000-5000001.parquet")
    try FileManager.default.copyItem(atPath: path, toPath: strange)
    try FileManager.default.copyItem(atPath: path, toPath: path + ".part")
    try await test.restart()
    #expect(FileManager.default.fileExists(atPath: strange))
    #expect(!FileManager.default.fileExists(atPath: path + ".part"))
    try await test.expectRows(0..<2_000)
    await test.close()
  }

  @Test func `retention takes cold files too, and dropping takes all`() async throws {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    try await test.run("ALTER STREAM s SET (retention = '3 hours')")
    try await test.insert(2_000)
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    let first = test.paths
    test.clock.advance(seconds: 3_600)
    try await test.insert(1_000)
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    // Those of the first may be gone already.
    #expect(!Set(test.paths).subtracting(first).isEmpty)
    try await test.maintain()
    #expect(try await test.session.count("SELECT min(_offset) FROM s") >= 2_000)
    try await test.maintain()
    #expect(Set(test.paths).isDisjoint(with: first))
    #expect(!test.paths.isEmpty)
    try await test.restart()
    try await test.expectRows(2_000..<3_000)
    try await test.run("DROP STREAM s")
    #expect(test.paths.isEmpty)
    await test.close()
  }

  @Test func `bytes of cold files count for retention_bytes`() async throws {
    let test = try await ColdDatabase()
    try await test.run(Self.create)
    test.database.tiering.setCandidateByteCount(1)
    try await test.insert(4_000)
    test.clock.advance(seconds: 3_600)
    try await test.maintain()
    let total = try test.coldFiles.reduce(0) { $0 + $1.byteCount }
    try await test.run("ALTER STREAM s SET (retention_bytes = '\(total / 2)')")
    try await test.maintain()
    try await test.maintain()
    let left = try test.coldFiles
    #expect(!left.isEmpty)
    #expect(left.reduce(0) { $0 + $1.byteCount } <= total / 2)
    #expect(test.paths.count == left.count)
    try await test.expectRows(Int(try #require(left.first).offsets.lowerBound.rawValue)..<4_000)
    await test.close()
  }

  @Test func `rows of older columns are read from files under the columns of now`() async throws {
    let test = try await ColdDatabase()
    try await test.run(
      "CREATE STREAM s (id INTEGER, v FLOAT) WITH (tier_after = '1 hour')")
    try await test.run("INSERT INTO s SELECT i, i FROM range(1_000) t(i)")
    try await test.run("ALTER STREAM s ADD COLUMN name VARCHAR")
    try await test.run("INSERT INTO s SELECT i, i, 'n' FROM range(1_000, 2_000) t(i)")
    test.clock.advance(seconds: 3_700)
    try await test.maintain()
    try await test.run("ALTER STREAM s ALTER COLUMN id TYPE BIGINT")
    try await test.run("ALTER STREAM s RENAME COLUMN v TO w")
    try await test.run("ALTER STREAM s ADD COLUMN more INTEGER")
    try await test.run("INSERT INTO s VALUES (3_000_000_000, 1, 'x', 2)")
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(2_000))
    #expect(
      try await test.rows("SELECT count(*), sum(id), sum(w), count(name), sum(more) FROM s")
        == [["2001", "3001999000", "1999001.0", "1001", "2"]])
    await test.close()
  }

  @Test func `keys of producers are remembered when their rows are cold`() async throws {
    let test = try await ColdDatabase()
    try await test.run("CREATE STREAM s (id BIGINT) WITH (tier_after = '1 hour')")
    let rows = batch([("id", .int64s([1, 2, 3]))])
    let marks = StreamMarks(producer: "p", sequence: 7)
    try await test.session.put([rows], to: "s", marks)
    test.clock.advance(seconds: 3_700)
    try await test.maintain()
    #expect(try test.coldFiles.last?.offsets.upperBound == Offset(3))
    try await test.restart()
    let again = try await test.session.put([rows], to: "s", marks)
    #expect(again.isRepeat)
    #expect(try await test.rows("SELECT count(*) FROM s") == [["3"]])
    await test.close()
  }
}
