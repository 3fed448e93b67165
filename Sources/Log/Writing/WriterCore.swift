internal import Columnar

/// What the writing thread knows: the newest segment, and how far it is written.
struct WriterCore: Sendable {
  struct Result {
    var groups: [WrittenGroup] = []
    var failed: [(WriteItem, LogError)] = []
    /// Items that had been stored before.
    var repeated: [(WriteItem, AppendOutcome)] = []
    /// Set when nothing more may be written.
    var fatal: LogError?
  }

  private let files: any FileSystem
  private let store: SegmentStore
  private let settings: SegmentWriter.Settings
  private let clock: @Sendable () -> Int64
  /// Finds topics, and lists all of them for a footer.
  private let directory: TopicDirectory

  var assembly: GroupAssembly
  private(set) var file: (any LogFile)?
  private var allocatedByteCount = 0
  /// Keys of groups that are written and not visible yet, and who else waits for them.
  private var inFlight: [TopicKey: InFlight] = [:]

  private struct InFlight {
    var outcome: AppendOutcome
    var followers: [@Sendable (Swift.Result<AppendOutcome, LogError>) -> Void] = []
  }

  init(
    files: any FileSystem, store: SegmentStore, settings: SegmentWriter.Settings,
    clock: @escaping @Sendable () -> Int64, directory: TopicDirectory, assembly: GroupAssembly
  ) {
    self.files = files
    self.store = store
    self.settings = settings
    self.clock = clock
    self.directory = directory
    self.assembly = assembly
  }

  // MARK: Segments

  func mustRoll(before item: WriteItem?) -> Bool {
    if case .seal(let segment) = item?.action {
      return file != nil && assembly.segment == segment && assembly.position > 0
    }
    let byteCount = item?.byteCount ?? 0
    return file == nil
      || assembly.position > 0 && assembly.position + byteCount > settings.segmentByteCount
  }

  /// How many of the items are written in one go: at least one.
  func countThatFits(_ items: ArraySlice<WriteItem>) -> Int {
    var (count, byteCount) = (0, 0)
    for item in items {
      byteCount += item.byteCount
      if count > 0 {
        if case .seal = item.action { break }
        if byteCount > settings.maxWriteByteCount { break }
        if assembly.position + byteCount > settings.segmentByteCount { break }
      }
      count += 1
    }
    return count
  }

  /// Seals the newest segment and begins the next.
  ///
  /// - Returns: What is wrong if there is no segment to go on with. A full disk can be tried again;
  ///   everything else ends the log.
  mutating func roll() -> LogError? {
    if file != nil {
      seal()
      file = nil
      assembly.beginSegment(assembly.segment + 1)
    }
    if let failure = store.failure { return failure }
    do throws(FileError) {
      let made = try files.open(SegmentStore.name(assembly.segment), creates: true)
      try files.syncFolder()
      file = made
      allocatedByteCount = 0
      store.keep(made, as: assembly.segment)
      return nil
    } catch {
      let failure = LogError(error)
      if case .failed = failure { store.fail(failure) }
      return failure
    }
  }

  /// Writes the footer. The caller has made sure that all that is written is visible.
  ///
  /// A segment without a footer is read frame by frame at the next start, so a full disk is no
  /// failure here.
  mutating func seal() {
    guard let file, store.failure == nil, assembly.position > 0 else { return }
    let footer = directory.footer(
      of: assembly.segment, nextSequence: assembly.nextSequence + 1,
      preparations: assembly.preparations)
    let parts = footer.parts(at: assembly.position, sequence: assembly.nextSequence)
    assembly.nextSequence += 1
    var isWritten = false
    do throws(FileError) {
      do throws(FileError) {
        try file.write(parts, at: assembly.position)
        isWritten = true
      } catch {
        guard error.kind == .full else { throw error }
      }
      let footerByteCount = isWritten ? parts.reduce(0) { $0 + $1.count } : 0
      try file.truncate(to: assembly.position + footerByteCount)
      try file.sync()
    } catch {
      store.fail(.failed(error.sentence))
    }
  }

  // MARK: Groups

  mutating func write(_ items: [WriteItem], synced: UInt64) -> Result {
    var result = Result()
    var before = assembly
    let time = max(clock(), assembly.lastIngestMicroseconds)
    assembly.lastIngestMicroseconds = time
    var newKeys: [TopicKey] = []
    for item in items {
      let key = item.key
      if let key, let place = directory.topic(key.topic)?.withState({ $0.keys.place(of: key.key) })
      {
        result.repeated.append((item, AppendOutcome(offsets: [place], isRepeat: true)))
        continue
      }
      if let key, inFlight[key] != nil {
        inFlight[key]?.followers.append(item.completion)
        continue
      }
      do throws(LogError) {
        let group = try assemble(item, time, synced)
        if let key {
          inFlight[key] = InFlight(outcome: group.outcome)
          newKeys.append(key)
        }
        result.groups.append(group)
      } catch {
        result.failed.append((item, error))
      }
    }
    let parts = assembly.takeParts()
    do throws(FileError) {
      try write(parts, from: before.position)
    } catch {
      let sequence = assembly.nextSequence
      before.nextSequence = sequence
      assembly = before
      undo(&result, newKeys, error)
    }
    return result
  }

  private mutating func write(_ parts: [Buffer], from position: Int) throws(FileError) {
    guard let file, !parts.isEmpty else { return }
    if assembly.position > allocatedByteCount {
      let step = settings.allocationByteCount
      let wanted = max((assembly.position + step) / step * step, assembly.position)
      do throws(FileError) {
        try file.allocate(to: wanted)
        allocatedByteCount = wanted
      } catch {
        // What is asked for ahead need not be there; what is to be written must.
        guard error.kind == .full else { throw error }
        allocatedByteCount = 0
      }
    }
    try file.write(parts, at: position)
  }

  /// Nothing of the groups is kept; the file ends where it did before.
  private mutating func undo(_ result: inout Result, _ keys: [TopicKey], _ error: FileError) {
    var failure = LogError(error)
    do throws(FileError) {
      try file?.truncate(to: assembly.position)
      allocatedByteCount = 0
    } catch {
      failure = .failed(error.sentence)
    }
    if case .failed = failure { result.fatal = failure }
    for key in keys {
      for follower in inFlight.removeValue(forKey: key)?.followers ?? [] {
        follower(.failure(failure))
      }
    }
    for group in result.groups {
      for completion in group.completions { completion(.failure(failure)) }
    }
    result.groups = []
  }

  /// Groups with these keys are visible: whoever sent the same again is answered.
  mutating func forget(
    _ keys: [TopicKey]
  ) -> [(@Sendable (Swift.Result<AppendOutcome, LogError>) -> Void, AppendOutcome)] {
    var answers: [(@Sendable (Swift.Result<AppendOutcome, LogError>) -> Void, AppendOutcome)] = []
    for key in keys {
      guard let group = inFlight.removeValue(forKey: key) else { continue }
      let outcome = AppendOutcome(offsets: Array(group.outcome.offsets.prefix(1)), isRepeat: true)
      answers += group.followers.map { ($0, outcome) }
    }
    return answers
  }

  private mutating func assemble(
    _ item: WriteItem, _ time: Int64, _ synced: UInt64
  ) throws(LogError) -> WrittenGroup {
    let directory = self.directory
    let find: (TopicID) -> SegmentTopic? = { directory.topic($0) }
    var effects: [Effect] = []
    var outcome = AppendOutcome(offsets: [])
    switch item.action {
    case .append(let group, let payloads):
      let before = assembly
      do throws(LogError) {
        (effects, outcome) = try assembly.append(
          group, payloads: payloads, at: time, synced: synced, topic: find)
      } catch {
        assembly = before
        throw error
      }
    case .resolve(let id, let commits):
      (effects, outcome) = try assembly.resolve(
        id, commits: commits, at: time, synced: synced, topic: find)
    case .topic(let topic, let name, let settings):
      assembly.append(
        .of(.topic, topic.id), Payloads.topic(name, settings), at: time, synced: synced)
      effects = [.settings(topic, name: name, settings)]
    case .removed(let topic):
      assembly.append(.of(.removed, topic.id), FramePayload(), at: time, synced: synced)
      assembly.topics[topic.id] = nil
    case .trim(let topic, let start):
      var header = FrameHeader.of(.trim, topic.id)
      header.firstOffset = start.rawValue
      assembly.append(header, FramePayload(), at: time, synced: synced)
      effects = [.trim(topic, start)]
    case .cold(let topic, let file):
      effects = [try freeze(topic, file, time, synced)]
    case .seal: break
    }
    return WrittenGroup(
      effects: effects, outcome: outcome, completions: [item.completion], syncs: item.syncs,
      lastSequence: assembly.nextSequence - 1, topics: item.topics(effects), key: item.key)
  }
}

extension WriterCore {
  /// A frame that says where rows are from now on. They must be the next ones that are still here.
  private mutating func freeze(
    _ topic: SegmentTopic, _ file: ColdFile, _ time: Int64, _ synced: UInt64
  ) throws(LogError) -> Effect {
    guard directory.topic(topic.id) === topic else { throw .noTopic(topic.id) }
    let fits = topic.withState { state in
      file.offsets.lowerBound >= (state.cold.last?.offsets.upperBound ?? .zero)
        && file.offsets.lowerBound <= state.visible.hotStart
        && file.offsets.upperBound <= state.visible.head && !file.offsets.isEmpty
    }
    guard fits else {
      throw .invalid("\(file.location) does not begin where the cold rows of its topic end")
    }
    var header = FrameHeader.of(.cold, topic.id)
    header.firstOffset = file.offsets.lowerBound.rawValue
    assembly.append(header, ColdFrame.payload(file), at: time, synced: synced)
    return .cold(topic, file)
  }
}

extension FrameHeader {
  fileprivate static func of(_ kind: FrameKind, _ topic: TopicID) -> FrameHeader {
    var header = FrameHeader(kind)
    header.topic = topic.rawValue
    return header
  }
}

extension WriteItem {
  var key: TopicKey? {
    guard case .append(let group, _) = action, group.preparation == nil, let key = group.key,
      let first = group.writes.first
    else { return nil }
    return TopicKey(topic: first.topic, key: key)
  }

  fileprivate func topics(_ effects: [Effect]) -> Set<TopicID> {
    var topics: Set<TopicID> = []
    switch action {
    case .append(let group, _): for write in group.writes { topics.insert(write.topic) }
    case .topic(let topic, _, _), .removed(let topic), .trim(let topic, _), .cold(let topic, _):
      topics = [topic.id]
    case .seal: break
    case .resolve:
      for effect in effects { if let topic = effect.changedTopic { topics.insert(topic.id) } }
    }
    return topics
  }
}

extension GroupAssembly {
  /// Goes on in a new file, which has no contexts yet.
  mutating func beginSegment(_ number: UInt64) {
    segment = number
    position = 0
    // Topics are looked up again when they are next written to, which keeps idle ones cheap.
    topics = [:]
  }
}
