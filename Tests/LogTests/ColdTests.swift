import Columnar
import Log
import Synchronization
import TestSupport
import Testing

/// Cold files that are kept in memory, as a log sees them.
final class MemoryColdStore: ColdStore {
  let files = Mutex<[String: [StoredBatch]]>([:])

  func read(
    _ offsets: Range<Offset>, of file: ColdFile, topic: TopicID, columns: Set<UInt32>?
  ) throws(LogError) -> [StoredBatch] {
    guard let rows = files.withLock({ $0[file.location] }) else {
      throw .damaged("\(file.location) is not there")
    }
    return rows.filter {
      $0.firstOffset >= offsets.lowerBound && $0.endOffset <= offsets.upperBound
    }
  }

  func remove(_ file: ColdFile) throws(LogError) {
    files.withLock { $0[file.location] = nil }
  }

  func problem(with file: ColdFile) -> String? {
    files.withLock { $0[file.location] == nil } ? "\(file.location) is not there" : nil
  }

  /// Takes what a topic has, and makes a file of it.
  func take(
    _ candidate: ColdCandidate, of topic: any Topic, _ id: TopicID
  ) throws -> ColdFile {
    var file = ColdFile(
      offsets: candidate.offsets,
      location: "\(id.rawValue)/\(candidate.offsets.lowerBound.rawValue)",
      byteCount: candidate.byteCount, checksum: 7, schemaID: 1,
      ingestMicroseconds: candidate.ingestMicroseconds,
      eventMicroseconds: candidate.eventMicroseconds, hasUntimed: candidate.hasUntimed)
    var rows: [StoredBatch] = []
    for unit in try topic.units(in: candidate.offsets, ScanFilter()) {
      for record in try topic.read(unit) {
        switch record {
        case .batch(let batch): rows.append(batch)
        case .watermark(let time, let offset):
          file.marks.append(ColdMark(offset: offset, microseconds: time))
        case .endOfStream(let offset):
          file.marks.append(ColdMark(offset: offset, microseconds: nil))
        }
      }
    }
    files.withLock { $0[file.location] = rows }
    return file
  }
}

/// Rows that are kept outside of a log.
struct ColdTests {
  /// Moves everything that is older than a second.
  private func move(
    _ log: SegmentLog, _ id: TopicID, _ store: MemoryColdStore, _ clock: TestClock
  ) async throws {
    let topic = try #require(log.topic(id))
    while let candidate = try await log.coldCandidate(
      of: id, takenBefore: clock.now - 1_000_000, byteCount: 1)
    {
      try await log.freeze(try store.take(candidate, of: topic, id), of: id)
    }
  }

  @Test(arguments: 0..<60)
  func `rows move while power fails, and none is lost or doubled`(seed: Int) async throws {
    print("seed \(seed)")
    var random = SeededRandom(seed: UInt64(seed))
    var disk = SimulatedDisk()
    let clock = TestClock()
    let store = MemoryColdStore()
    var ids: [TopicID] = []
    // Acknowledged, by topic.
    var written: [[Int]] = [[], []]
    for round in 0..<6 {
      let log = try openLog(disk, segmentByteCount: 8 << 10, clock: clock)
      log.setColdStore(store)
      #expect(log.report.problems.filter { !$0.contains("never acknowledged") } == [])
      if ids.isEmpty {
        ids = try (0..<2).map { try log.createTopic(named: "t\($0)", settings: TopicSettings()) }
        _ = try await log.append(
          AppendGroup(ids.map { TopicWrite($0, [.watermark(microseconds: 1)]) }))
      }
      for (id, expected) in zip(ids, written) {
        let topic = try #require(log.topic(id))
        let found = try markers(of: topic)
        // One more may be there, which nobody was told of.
        #expect(Array(found.prefix(expected.count)) == expected)
        #expect(found.count <= expected.count + 1)
        #expect(try batches(of: topic).map(\.firstOffset.rawValue) == Array(0..<Int64(found.count)))
      }
      for index in written.indices {
        written[index] = try markers(of: try #require(log.topic(ids[index])))
      }
      let off = Int.random(in: 5..<120, using: &random)
      disk.state.withLock { state in
        state.callCount = 0
        state.failsAt = off
      }
      do {
        for step in 0..<80 {
          let index = Int.random(in: 0..<2, using: &random)
          let marker = round << 16 | step
          let size = Int.random(in: 8..<900, using: &random)
          _ = try await log.append(
            AppendGroup([TopicWrite(ids[index], [rows(1, marker, makeContext(), byteCount: size)])])
          )
          written[index].append(marker)
          clock.now += 100_000
          if step % 7 == 6 {
            try await move(log, ids[Int.random(in: 0..<2, using: &random)], store, clock)
            log.maintain()
          }
        }
      } catch is LogError {}
      disk = round % 2 == 0 ? disk.afterPowerCut(&random) : disk.afterKill()
      log.close()
    }
    let log = try openLog(disk, clock: clock)
    log.setColdStore(store)
    #expect(log.coldFiles(of: ids[0]).count + log.coldFiles(of: ids[1]).count > 0)
    log.close()
  }

  @Test func `marks between rows stay in their places`() async throws {
    let disk = SimulatedDisk()
    let clock = TestClock()
    let store = MemoryColdStore()
    var log = try openLog(disk, segmentByteCount: 4 << 10, clock: clock)
    log.setColdStore(store)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    for index in 0..<40 {
      clock.now += 100_000
      _ = try await log.append(
        AppendGroup([
          TopicWrite(
            id, [rows(2, index, context, byteCount: 300), .watermark(microseconds: Int64(index))])
        ]))
    }
    _ = try await log.append(AppendGroup([TopicWrite(id, [.endOfStream])]))
    func marks(_ topic: any Topic) throws -> [String] {
      try topic.units(in: .zero..<topic.state.head, ScanFilter()).flatMap { try topic.read($0) }
        .compactMap { record in
          switch record {
          case .batch: nil
          case .watermark(let time, let offset): "\(time) at \(offset.rawValue)"
          case .endOfStream(let offset): "end at \(offset.rawValue)"
          }
        }
    }
    var before = try marks(try #require(log.topic(id)))
    // Those behind the last row are in no unit of rows when they lie in a block of their own.
    before = before.filter { !$0.hasSuffix(" at 80") }
    clock.now += 2_000_000
    try await move(log, id, store, clock)
    #expect(log.coldFiles(of: id).count > 3)
    let moved = try marks(try #require(log.topic(id))).filter { !$0.hasSuffix(" at 80") }
    #expect(moved == before)
    log.close()
    log = try openLog(disk, clock: clock)
    log.setColdStore(store)
    let topic = try #require(log.topic(id))
    let found = try marks(topic).filter { !$0.hasSuffix(" at 80") }
    #expect(found == before)
    #expect(topic.state.isEnded)
    #expect(topic.state.watermarkMicroseconds == 39)
    #expect(log.coldFiles(of: id).allSatisfy { $0.checksum == 7 && !$0.hasUntimed })
    #expect(log.verify() == [])
    store.files.withLock { $0.removeAll() }
    #expect(log.verify().count == log.coldFiles(of: id).count)
    log.close()
  }

  @Test func `a file that does not begin where the cold rows end is refused`() async throws {
    let clock = TestClock()
    let log = try openLog(SimulatedDisk(), clock: clock)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    for index in 0..<10 {
      _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, index, makeContext())])]))
    }
    func file(_ range: Range<Int64>) -> ColdFile {
      ColdFile(
        offsets: Offset(range.lowerBound)..<Offset(range.upperBound), location: "x", byteCount: 1,
        schemaID: 1, ingestMicroseconds: 0...1)
    }
    try await log.freeze(file(0..<4), of: id)
    for range in [Int64(5)..<6, 3..<6, 4..<11, 0..<4, 4..<4] {
      await #expect(throws: LogError.self) { try await log.freeze(file(range), of: id) }
    }
    await #expect(throws: LogError.noTopic(TopicID(rawValue: 99))) {
      try await log.freeze(file(4..<5), of: TopicID(rawValue: 99))
    }
    log.close()
  }
}
