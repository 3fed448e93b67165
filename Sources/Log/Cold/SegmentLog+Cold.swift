extension SegmentLog: ColdRows {
  public func setColdStore(_ store: any ColdStore) { self.store.setCold(store) }

  public func coldCandidate(
    of id: TopicID, takenBefore microseconds: Int64, byteCount: Int
  ) async throws(LogError) -> ColdCandidate? {
    guard let topic = directory.topic(id) else { throw .noTopic(id) }
    guard let writer else { throw .closed }
    if let failure = store.failure { throw failure }
    store.waitForIndex()
    let newest = writer.number()
    let (candidate, isInNewest) = topic.candidate(
      takenBefore: microseconds, byteCount: byteCount, sealed: newest)
    guard candidate == nil, isInNewest else { return candidate }
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<AppendOutcome, LogError>, Never>) in
      writer.submit(
        WriteItem(action: .seal(newest), syncs: false, byteCount: 0) {
          continuation.resume(returning: $0)
        })
    }
    _ = try result.get()
    return topic.candidate(
      takenBefore: microseconds, byteCount: byteCount, sealed: writer.number()
    ).candidate
  }

  public func freeze(_ file: ColdFile, of id: TopicID) async throws(LogError) {
    guard let topic = directory.topic(id) else { throw .noTopic(id) }
    guard let writer else { throw .closed }
    if let failure = store.failure { throw failure }
    var file = file
    // A mark between two files is found by the readers of both.
    let known = topic.withState { $0.cold.last?.marks ?? [] }
    file.marks.removeAll { $0.offset == file.offsets.lowerBound && known.contains($0) }
    let recorded = file
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<AppendOutcome, LogError>, Never>) in
      writer.submit(
        WriteItem(
          action: .cold(topic, recorded), syncs: true,
          byteCount: 256 + file.location.utf8.count + 16 * file.marks.count
        ) { continuation.resume(returning: $0) })
    }
    _ = try result.get()
  }

  public func coldFiles(of topic: TopicID) -> [ColdFile] {
    directory.topic(topic)?.withState { $0.cold } ?? []
  }

  /// Removes the files whose rows are gone. What cannot be removed is tried again later.
  func removeDoomed() {
    guard let cold = store.cold else { return }
    for topic in directory.all {
      let doomed = topic.withState { state in
        defer { state.doomed = [] }
        return state.doomed
      }
      let left = doomed.filter { file in
        do throws(LogError) { try cold.remove(file) } catch { return true }
        return false
      }
      if !left.isEmpty { topic.withState { $0.doomed += left } }
    }
  }

  /// What is wrong with the cold files of all topics, one sentence each.
  func coldProblems() -> [String] {
    guard let cold = store.cold else { return [] }
    return directory.all.flatMap { topic in
      topic.withState { $0.cold }.compactMap { cold.problem(with: $0) }
    }
  }
}

/// CRC-32C of bytes that come piece by piece, as the log's own frames have it.
public struct FileChecksum: Sendable {
  private var checksum = Checksum()

  public init() {}

  public var value: UInt32 { checksum.value }

  public mutating func add(_ bytes: [UInt8]) { checksum.add(bytes) }
}
