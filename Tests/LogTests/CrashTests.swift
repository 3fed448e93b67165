import Columnar
import Log
import Synchronization
import Testing
import TestSupport

/// What four writers were told, against what is found after crashes.
struct CrashTests {
  /// A group of one writer: as many records as `count`, all or none of them.
  struct Group: Hashable {
    var writer: Int
    var number: Int
    var count: Int

    /// Tells the records of all groups apart.
    func marker(_ index: Int) -> Int { (writer << 40) | (number << 8) | index }
  }

  /// What the writers know, outside of the log.
  final class Journal: Sendable {
    private let state = Mutex((acknowledged: [Group](), sent: Set<Group>()))

    func send(_ group: Group) { state.withLock { _ = $0.sent.insert(group) } }
    func acknowledge(_ group: Group) { state.withLock { $0.acknowledged.append(group) } }
    var acknowledged: [Group] { state.withLock { $0.acknowledged } }
    var sent: Set<Group> { state.withLock { $0.sent } }
  }

  @Test(arguments: 0..<40)
  func `acknowledged rows survive power cuts once and in order`(seed: Int) async throws {
    print("seed \(seed)")
    try await crash(seed: UInt64(seed), rounds: 6) { disk, random in
      disk.afterPowerCut(&random)
    }
  }

  @Test(arguments: 100..<120)
  func `acknowledged rows survive kills once and in order`(seed: Int) async throws {
    print("seed \(seed)")
    try await crash(seed: UInt64(seed), rounds: 6) { disk, _ in disk.afterKill() }
  }

  private func crash(
    seed: UInt64, rounds: Int,
    _ cut: (SimulatedDisk, inout SeededRandom) -> SimulatedDisk
  ) async throws {
    var random = SeededRandom(seed: seed)
    var disk = SimulatedDisk()
    var topics: [TopicID] = []
    let journal = Journal()
    for round in 0..<rounds {
      let log = try openLog(disk, segmentByteCount: 8 << 10)
      #expect(log.report.problems.filter { !$0.contains("never acknowledged") } == [])
      if topics.isEmpty {
        topics = try (0..<2).map {
          try log.createTopic(named: "t\($0)", settings: TopicSettings())
        }
      }
      try check(log, topics, journal.acknowledged, journal.sent)
      let off = Int.random(in: 3..<60, using: &random)
      disk.state.withLock { state in
        state.callCount = 0
        state.failsAt = off
      }
      let seeds = (0..<4).map { _ in random.next() }
      let ids = topics
      await withTaskGroup(of: Void.self) { tasks in
        for writer in 0..<4 {
          tasks.addTask {
            var random = SeededRandom(seed: seeds[writer])
            for step in 0..<30 {
              let group = Group(
                writer: writer, number: round * 1_000 + step,
                count: Int.random(in: 1...3, using: &random))
              journal.send(group)
              guard await Self.put(group, log, ids, &random) else { return }
              journal.acknowledge(group)
            }
          }
        }
      }
      disk = cut(disk, &random)
      log.close()
    }
    let log = try openLog(disk, segmentByteCount: 8 << 10)
    try check(log, topics, journal.acknowledged, journal.sent)
  }

  private static func put(
    _ group: Group, _ log: SegmentLog, _ topics: [TopicID], _ random: inout SeededRandom
  ) async -> Bool {
    let context = makeContext()
    let writes = topics.map { topic in
      TopicWrite(
        topic,
        (0..<group.count).map {
          rows(1, group.marker($0), context, byteCount: Int.random(in: 8...1_500, using: &random))
        })
    }
    return (try? await log.append(AppendGroup(writes))) != nil
  }

  private func check(
    _ log: SegmentLog, _ topics: [TopicID], _ acknowledged: [Group], _ sent: Set<Group>
  ) throws {
    var known: [Int: Group] = [:]
    for group in sent { for index in 0..<group.count { known[group.marker(index)] = group } }
    var found: [[Int]] = []
    for id in topics {
      // The topic is as durable as the first append after it.
      guard let topic = log.topic(id) else {
        #expect(acknowledged.isEmpty)
        continue
      }
      let all = try batches(of: topic)
      #expect(all.map(\.firstOffset.rawValue) == Array(0..<Int64(all.count)))
      found.append(all.map { marker(of: $0) })
    }
    for markers in found {
      #expect(Set(markers).count == markers.count, "stored twice")
      #expect(markers.allSatisfy { known[$0] != nil }, "never sent")
      let seen = Set(markers)
      for group in acknowledged {
        for index in 0..<group.count {
          #expect(seen.contains(group.marker(index)), "lost \(group)")
        }
      }
      for (marker, group) in known where seen.contains(marker) {
        #expect((0..<group.count).allSatisfy { seen.contains(group.marker($0)) }, "torn \(group)")
      }
      for writer in 0..<4 {
        let mine = markers.filter { $0 >> 40 == writer }
        #expect(mine == mine.sorted(), "out of order")
      }
    }
    #expect(Set(found.map { $0.sorted() }).count <= 1, "the topics differ")
  }

  @Test(arguments: SimulatedDisk.Fault.allCases)
  func `each of the first 200 disk calls may fail once`(fault: SimulatedDisk.Fault) async throws {
    for call in 1...200 {
      let disk = SimulatedDisk()
      disk.state.withLock { state in
        state.failsAt = call
        state.fault = fault
      }
      var acknowledged: [Int] = []
      let context = makeContext()
      do {
        let log = try openLog(disk, segmentByteCount: 2 << 10)
        let id = try log.createTopic(named: "a", settings: TopicSettings())
        for index in 0..<60 {
          let outcome = try? await log.append(
            AppendGroup([TopicWrite(id, [rows(1, index, context)])]))
          if outcome != nil { acknowledged.append(index) }
        }
        log.close()
      } catch is LogError {
        // It could not be opened, which is right when the disk fails.
      }
      disk.state.withLock { $0.failsAt = nil }
      let log = try openLog(disk.afterKill())
      #expect(log.report.problems == [], "call \(call)")
      guard let topic = log.topics.dropFirst().first.flatMap({ log.topic($0.id) }) else {
        #expect(acknowledged.isEmpty, "call \(call)")
        continue
      }
      let found = try markers(of: topic)
      #expect(Set(acknowledged).isSubset(of: Set(found)), "call \(call)")
      #expect(found == found.sorted() && Set(found).count == found.count, "call \(call)")
      let failed = disk.state.withLock { $0.failedCall }
      if fault != .error, ["pwritev", "fallocate"].contains(failed) {
        #expect(acknowledged.count >= 55, "a full disk is no reason to stop: call \(call)")
      }
    }
  }

  @Test func `a full disk refuses rows and takes them again when there is space`() async throws {
    let disk = SimulatedDisk()
    let log = try openLog(disk)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 1, context)])]))
    disk.state.withLock { $0.capacity = 1_000 }
    await #expect(throws: LogError.self) {
      try await log.append(
        AppendGroup([TopicWrite(id, [rows(1, 2, context, byteCount: 9_000)])]))
    }
    #expect(try markers(of: try #require(log.topic(id))) == [1])
    disk.state.withLock { $0.capacity = nil }
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 3, context)])]))
    log.close()
    let again = try openLog(disk.afterKill())
    #expect(try markers(of: try #require(again.topic(id))) == [1, 3])
  }

  @Test func `after a failed sync nothing is taken`() async throws {
    let disk = SimulatedDisk()
    let log = try openLog(disk)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    _ = try await log.append(AppendGroup([TopicWrite(id, [rows(1, 1, context)])]))
    // The next two calls are the write and its sync.
    disk.state.withLock { $0.failsAt = $0.callCount + 2 }
    await #expect(throws: LogError.self) {
      try await log.append(AppendGroup([TopicWrite(id, [rows(1, 2, context)])]))
    }
    await #expect(throws: LogError.self) {
      try await log.append(AppendGroup([TopicWrite(id, [rows(1, 3, context)])]))
    }
    #expect(try markers(of: try #require(log.topic(id))) == [1])
    #expect(log.topic(id)?.state.failure != nil)
  }
}
