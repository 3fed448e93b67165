import Columnar
import DuckDB
import Engine
import Foundation
import Log
import Synchronization
import Testing

@testable import Database

/// A time that tests set, in microseconds since 1970.
final class SettableClock: Sendable {
  private let time = Atomic<Int64>(1_700_000_000_000_000)

  var now: Int64 { time.load(ordering: .relaxed) }

  func advance(seconds: Int64) { _ = time.wrappingAdd(seconds * 1_000_000, ordering: .relaxed) }
}

/// A database on small segments, with a clock of its own and a folder for cold rows.
final class ColdDatabase {
  let clock = SettableClock()
  let folder: String
  let files: any FileSystem
  private(set) var log: SegmentLog
  private(set) var database: StreamingDatabase
  private(set) var session: Session
  /// A topic that is nobody's stream.
  private let other: TopicID
  private let options: DatabaseOptions

  init(files: any FileSystem = MemoryFolder(), options given: DatabaseOptions = DatabaseOptions())
    async throws
  {
    self.files = files
    folder = FileManager.default.temporaryDirectory.path + "/cold-\(UInt64.random(in: 0...(.max)))"
    var options = given
    options.coldDirectory = folder
    self.options = options
    (log, database) = try Self.open(files, options, clock)
    session = try database.openSession()
    other = try log.createTopic(named: "other", settings: TopicSettings())
    try await database.recover()
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private static func open(
    _ files: any FileSystem, _ options: DatabaseOptions, _ clock: SettableClock
  ) throws -> (SegmentLog, StreamingDatabase) {
    let log = try SegmentLog(
      files,
      SegmentLog.Configuration(
        segmentByteCount: 48 << 10, recentByteCount: 2 << 10, allocationByteCount: 8 << 10),
      clock: { clock.now })
    let database = try StreamingDatabase(
      options: options, library: DuckDBLibrary.load(), allocator: HeapAllocator(), eventLog: log,
      coldRows: log,
      clock: { clock.now })
    return (log, database)
  }

  /// Closes and opens everything again.
  func restart() async throws {
    await close()
    (log, database) = try Self.open(files, options, clock)
    session = try database.openSession()
    try await database.recover()
  }

  func close() async {
    await database.close()
    log.close()
  }

  /// What the server does every few seconds.
  func maintain() async throws {
    await database.moveColdRows()
    log.maintain()
    // What retention has decided is true when the log has written it.
    _ = try await log.append(
      AppendGroup([TopicWrite(other, [.watermark(microseconds: clock.now)])]))
  }

  func rows(_ sql: String) async throws -> [[String]] { try await session.rows(sql) }

  func run(_ sql: String) async throws { _ = try await session.update(sql, .inside(nil)) }

  /// `count` rows more in `s`, in batches of `size`, a second apart.
  func insert(_ count: Int, by size: Int = 100) async throws {
    var next = try await session.count("SELECT coalesce(max(id) + 1, 0) FROM s")
    let end = next + count
    while next < end {
      let upper = min(next + size, end)
      try await run(
        "INSERT INTO s SELECT i, i / 2, 'row ' || i FROM range(\(next), \(upper)) t(i)")
      clock.advance(seconds: 1)
      next = upper
    }
  }

  /// Makes a stream with the columns and rows of a batch.
  func makeStream(_ rows: Batch, as name: String) async throws {
    let request = IngestRequest(table: name, ifMissing: .create, ifExists: .fail)
    let writer = try await session.makeStream(for: request, schema: rows.schema)
    _ = try await writer.append([rows], StreamMarks(), transaction: nil)
  }

  /// Every row once and in order, by all ways of reading that scan.
  func expectRows(_ range: Range<Int>, _ location: SourceLocation = #_sourceLocation) async throws {
    let whole = try await session.batches("SELECT * FROM s").flatMap { batch in
      (0..<batch.rowCount).map { batch.columns[0].string(at: $0) ?? "NULL" }
    }
    #expect(whole == range.map(String.init), sourceLocation: location)
    let figures = try await rows(
      """
      SELECT count(*), count(DISTINCT _offset), min(_offset), max(_offset), sum(id), sum(v),
        count(DISTINCT name), bool_and(name = 'row ' || id), bool_and(_offset = id) FROM s
      """)
    let ids = range.reduce(0, +)
    #expect(
      figures == [
        [
          "\(range.count)", "\(range.count)", "\(range.lowerBound)", "\(range.upperBound - 1)",
          "\(ids)", "\(Double(ids) / 2)", "\(range.count)", "true", "true",
        ]
      ], sourceLocation: location)
  }

  var topic: TopicID {
    get throws { try #require(log.topics.first { $0.state.name == "s" }).id }
  }

  var coldFiles: [ColdFile] { get throws { log.coldFiles(of: try topic) } }

  /// The files that there are, whoever knows of them.
  var paths: [String] {
    let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return all.filter { $0.contains(".parquet") }.sorted()
  }
}
