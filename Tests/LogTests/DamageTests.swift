import Columnar
import Log
import Synchronization
import Testing
import TestSupport

struct DamageTests {
  private func written(seal: Bool) async throws -> (SimulatedDisk, TopicID) {
    let disk = SimulatedDisk()
    let log = try openLog(disk, segmentByteCount: 1 << 20)
    let id = try log.createTopic(named: "a", settings: TopicSettings())
    let context = makeContext()
    for index in 0..<50 {
      _ = try await log.append(
        AppendGroup([TopicWrite(id, [rows(1, index, context, byteCount: 500)])]))
    }
    let unsealed = seal ? disk : disk.afterKill()
    log.close()
    return (seal ? disk.afterKill() : unsealed, id)
  }

  private func flip(_ bit: Int, of name: String, in disk: SimulatedDisk) {
    disk.state.withLock { state in
      guard var file = state.files[name], bit / 8 < file.seen.count else { return }
      file.seen[bit / 8] ^= 1 << (bit % 8)
      state.files[name] = file
    }
  }

  @Test(arguments: [true, false])
  func `a flipped bit is noticed or harmless, and takes no other rows`(seal: Bool) async throws {
    var random = SeededRandom(seed: 4_711)
    print("seed 4711")
    let (source, id) = try await written(seal: seal)
    let name = try #require(try source.names().first { $0.hasSuffix(".seg") })
    let size = source.state.withLock { $0.files[name]?.seen.count ?? 0 }
    for _ in 0..<150 {
      let copy = SimulatedDisk(source.state.withLock { $0 })
      copy.state.withLock { $0.isOff = false }
      let bit = Int.random(in: 0..<(size * 8), using: &random)
      flip(bit, of: name, in: copy)
      let log = try openLog(copy, recentByteCount: 0)
      let verified = log.verify()
      var found: [Int] = []
      var refused = false
      if let topic = log.topic(id) {
        do {
          let units = try topic.units(
            in: topic.state.start..<topic.state.head, ScanFilter(preferredUnitRowCount: 1))
          for unit in units {
            do {
              for case .batch(let batch) in try topic.read(unit) { found.append(marker(of: batch)) }
            } catch {
              refused = true
            }
          }
        } catch {
          refused = true
        }
      }
      #expect(found == found.sorted(), "bit \(bit)")
      #expect(Set(found).isSubset(of: Set(0..<50)), "bit \(bit)")
      // Only in the newest group can damage look like a torn tail.
      let isWhole = found == Array(0..<50)
      let isTail = !seal && found == Array(0..<49)
      #expect(
        isWhole || isTail || refused || !log.report.problems.isEmpty || !verified.isEmpty,
        "bit \(bit) of byte \(bit / 8): \(found.count) rows, not a word")
    }
  }

  @Test func `damage before the tail is named, and later rows are kept`() async throws {
    let (disk, id) = try await written(seal: false)
    let name = try #require(try disk.names().first { $0.hasSuffix(".seg") })
    flip(8 * 5_000, of: name, in: disk)
    let log = try openLog(disk)
    #expect(log.report.problems.count == 1)
    #expect(log.report.problems.first?.contains(name) == true)
    let topic = try #require(log.topic(id))
    let units = try topic.units(in: .zero..<topic.state.head, ScanFilter(preferredUnitRowCount: 1))
    var found: [Int] = []
    for unit in units {
      for case .batch(let batch) in (try? topic.read(unit)) ?? [] {
        found.append(marker(of: batch))
      }
    }
    #expect(found.contains(49))
    #expect(topic.state.head == Offset(50))
  }

  @Test func `a log that is read only changes nothing`() async throws {
    let (disk, id) = try await written(seal: false)
    let before = disk.state.withLock { $0.files.mapValues(\.seen) }
    let log = try openLog(disk, isReadOnly: true)
    #expect(try markers(of: try #require(log.topic(id))) == Array(0..<50))
    await #expect(throws: LogError.closed) {
      try await log.append(AppendGroup([TopicWrite(id, [])]))
    }
    log.close()
    #expect(disk.state.withLock { $0.files.mapValues(\.seen) } == before)
  }
}
