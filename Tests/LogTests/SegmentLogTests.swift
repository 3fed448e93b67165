import Columnar
import Log
import Synchronization
import Testing

struct SegmentLogTests {
  @Test func `rows are read back as they were appended, after a restart too`() async throws {
    let disk = SimulatedDisk()
    let clock = TestClock()
    var log = try openLog(disk, clock: clock)
    let (a, b) = (
      try log.createTopic(named: "a", settings: TopicSettings()),
      try log.createTopic(named: "b", settings: TopicSettings(durability: .os))
    )
    let context = makeContext()
    for index in 0..<300 {
      clock.now += 10
      let outcome = try await log.append(
        AppendGroup([TopicWrite(index % 3 == 0 ? b : a, [rows(2, index, context)])]))
      #expect(outcome.offsets[0].upperBound.rawValue - outcome.offsets[0].lowerBound.rawValue == 2)
    }
    for _ in 0..<2 {
      let topic = try #require(log.topic(a))
      #expect(try markers(of: topic) == (0..<300).filter { $0 % 3 != 0 })
      #expect(try markers(of: try #require(log.topic(b))) == (0..<300).filter { $0 % 3 == 0 })
      #expect(topic.state.head == Offset(400))
      #expect(topic.state.name == "a")
      #expect(log.topic(b)?.state.settings.durability == .os)
      #expect(log.report.problems.isEmpty)
      log.close()
      log = try openLog(disk, clock: clock)
    }
  }

  @Test func `a reader gets what it asks for by offset and by time`() async throws {
    let clock = TestClock()
    let log = try openLog(SimulatedDisk(), clock: clock)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    for index in 0..<100 {
      clock.now = Int64(index) * 1_000
      _ = try await log.append(
        AppendGroup([TopicWrite(id, [rows(10, index, context, byteCount: 2_000)])]))
    }
    let topic = try #require(log.topic(id))
    let late = try batches(of: topic, from: Offset(905))
    #expect(late.first?.firstOffset == Offset(900))
    #expect(late.count == 10)
    let filter = ScanFilter(eventMicroseconds: 10...12, preferredUnitRowCount: 1)
    let pruned = try topic.units(in: .zero..<topic.state.head, filter)
    #expect(pruned.count < 10)
    #expect(try pruned.flatMap { try topic.read($0) }.count >= 3)
    let ingested = ScanFilter(ingestMicroseconds: 50_000...51_000, preferredUnitRowCount: 1)
    #expect(try topic.units(in: .zero..<topic.state.head, ingested).count < 10)
  }

  @Test func `large batches, watermarks and the end of a stream keep their order`() async throws {
    let disk = SimulatedDisk()
    var log = try openLog(disk)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    _ = try await log.append(
      AppendGroup([
        TopicWrite(
          id,
          [
            rows(5, 1, context, byteCount: 100_000), .watermark(microseconds: 77),
            rows(5, 2, context), .watermark(microseconds: 78), .endOfStream,
          ])
      ]))
    for _ in 0..<2 {
      let topic = try #require(log.topic(id))
      #expect(topic.state.watermarkMicroseconds == 78)
      #expect(topic.state.isEnded)
      let units = try topic.units(in: .zero..<topic.state.head, ScanFilter())
      let kinds = try units.flatMap { try topic.read($0) }.map { record in
        switch record {
        case .batch(let batch): "batch \(marker(of: batch))"
        case .watermark(let time, let offset): "watermark \(time) at \(offset.rawValue)"
        case .endOfStream(let offset): "end at \(offset.rawValue)"
        }
      }
      #expect(
        kinds == ["batch 1", "watermark 77 at 5", "batch 2", "watermark 78 at 10", "end at 10"])
      log.close()
      log = try openLog(disk, recentByteCount: 0)
    }
  }

  @Test func `a retry under the same key is stored once, after a restart too`() async throws {
    let disk = SimulatedDisk()
    var log = try openLog(disk)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    func put(_ sequence: Int64) async throws -> AppendOutcome {
      try await log.append(
        AppendGroup(
          [TopicWrite(id, [rows(1, Int(sequence), context)])],
          key: ProducerKey(producer: "p", sequence: sequence)))
    }
    for sequence in [3, 1, 2, 7] as [Int64] { #expect(try await put(sequence).isRepeat == false) }
    let again = try await put(1)
    #expect(again.isRepeat)
    #expect(again.offsets == [Offset(1)..<Offset(2)])
    log.close()
    log = try openLog(disk)
    #expect(try await put(2).isRepeat)
    #expect(try await put(7).isRepeat)
    #expect(try await put(5).isRepeat == false)
    #expect(try markers(of: try #require(log.topic(id))) == [3, 1, 2, 7, 5])
  }

  @Test func `keys that are sent twice at the same time are stored once`() async throws {
    let log = try openLog(SimulatedDisk())
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    let repeats = try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<200 {
        group.addTask {
          try await log.append(
            AppendGroup(
              [TopicWrite(id, [rows(1, index / 2, context)])],
              key: ProducerKey(producer: "p", sequence: Int64(index / 2)))
          ).isRepeat
        }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(repeats == 100)
    #expect(try markers(of: try #require(log.topic(id))).sorted() == Array(0..<100))
  }

  @Test func `a prepared group is visible when it is committed, and only then`() async throws {
    let disk = SimulatedDisk()
    var log = try openLog(disk)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let other = try log.createTopic(named: "b", settings: TopicSettings())
    let context = makeContext()
    let (kept, dropped) = (PreparationID(high: 1, low: 2), PreparationID(high: 3, low: 4))
    for (marker, preparation) in [(10, kept), (20, dropped)] {
      _ = try await log.append(
        AppendGroup(
          [
            TopicWrite(id, [rows(2, marker, context), rows(1, marker + 1, context)]),
            TopicWrite(other, [rows(3, marker + 2, context)]),
          ], preparation: preparation))
    }
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 30, context)])]))
    #expect(try markers(of: try #require(log.topic(id))) == [30])
    log.close()
    log = try openLog(disk)
    #expect(Set(log.openPreparations) == [kept, dropped])
    let outcome = try await log.resolve(kept, commits: true)
    #expect(outcome.offsets == [Offset(1)..<Offset(4), Offset(0)..<Offset(3)])
    _ = try await log.resolve(dropped, commits: false)
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 40, context)])]))
    for _ in 0..<3 {
      #expect(log.openPreparations.isEmpty)
      #expect(try markers(of: try #require(log.topic(id))) == [30, 10, 11, 40])
      #expect(
        try batches(of: try #require(log.topic(id))).map(\.firstOffset.rawValue) == [0, 1, 3, 4])
      #expect(try markers(of: try #require(log.topic(other))) == [12])
      log.close()
      log = try openLog(disk)
    }
  }

  @Test func `retention takes the oldest rows, but none that a reader holds`() async throws {
    let disk = SimulatedDisk()
    let clock = TestClock()
    var log = try openLog(disk, segmentByteCount: 16 << 10, clock: clock)
    let id = try log.createTopic(
      named: "a", settings: TopicSettings(retention: .seconds(1)))
    let topic = try #require(log.topic(id))
    let context = makeContext()
    for index in 0..<100 {
      clock.now += 100_000
      _ = try await log.append(
        AppendGroup([TopicWrite(id, [rows(1, index, context, byteCount: 4_000)])]))
    }
    topic.hold(Offset(40), for: "somebody")
    let before = try disk.names().count
    log.maintain()
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 100, context)])]))
    #expect(topic.state.start <= Offset(40))
    #expect(topic.state.start > Offset(20))
    topic.hold(nil, for: "somebody")
    log.maintain()
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 101, context)])]))
    log.maintain()
    #expect(topic.state.start > Offset(80))
    #expect(try disk.names().count < before / 2)
    #expect(throws: LogError.gone(.zero, start: topic.state.start)) {
      try topic.units(in: .zero..<Offset(3), ScanFilter())
    }
    let start = topic.state.start
    log.close()
    log = try openLog(disk, clock: clock)
    #expect(log.topic(id)?.state.start == start)
    #expect(try markers(of: try #require(log.topic(id))).last == 101)
  }

  @Test func `watchers are told after rows are visible`() async throws {
    let log = try openLog(SimulatedDisk())
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let topic = try #require(log.topic(id))
    let seen = Mutex<[Int64]>([])
    var watch: TopicWatch? = topic.watch { state in
      seen.withLock { $0.append(state.head.rawValue) }
    }
    let context = makeContext()
    for index in 0..<3 {
      _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, index, context)])]))
    }
    _ = watch
    watch = nil
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 3, context)])]))
    log.close()
    #expect(seen.withLock { $0 } == [1, 2, 3])
  }

  @Test func `a topic that was removed is gone, and its number is not used again`() async throws {
    let disk = SimulatedDisk()
    var log = try openLog(disk)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 1, context)])]))
    try log.removeTopic(id)
    await #expect(throws: LogError.noTopic(id)) {
      try await log.append(AppendGroup([TopicWrite(id, [rows(1, 2, context)])]))
    }
    log.close()
    log = try openLog(disk)
    #expect(log.topic(id) == nil)
    #expect(try log.createTopic(named: "b", settings: TopicSettings()) > id)
  }
}
