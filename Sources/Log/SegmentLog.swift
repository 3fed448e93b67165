internal import Threads
internal import Columnar
internal import Synchronization

/// A log in segment files that all topics share. See `docs/decisions/0007-log-layout.md`, and
/// `docs/formats/log.md` for the bytes.
public final class SegmentLog: LogStore {
  public struct Configuration: Sendable {
    /// From this size on a segment is sealed and the next one begun.
    public var segmentByteCount: Int
    /// How much of the newest records stays in memory, over all topics.
    public var recentByteCount: Int
    /// How far ahead space is taken on disk.
    public var allocationByteCount: Int

    public init(
      segmentByteCount: Int = 128 << 20, recentByteCount: Int = 32 << 20,
      allocationByteCount: Int = 16 << 20
    ) {
      self.segmentByteCount = segmentByteCount
      self.recentByteCount = recentByteCount
      self.allocationByteCount = allocationByteCount
    }
  }

  /// What was found when it was opened.
  public let report: OpenReport
  let store: SegmentStore
  let directory = TopicDirectory()
  private let clock: @Sendable () -> Int64
  let writer: SegmentWriter?
  private let recent: RecentRecords

  /// Opens the log of a folder, or makes one.
  ///
  /// - Parameters:
  ///   - clock: The time in microseconds since 1970. May jump: ingest times never go back.
  ///   - isReadOnly: Changes nothing on disk; appends are refused.
  public init(
    _ files: any FileSystem, _ configuration: Configuration = Configuration(),
    clock: @escaping @Sendable () -> Int64, isReadOnly: Bool = false
  ) throws(LogError) {
    self.clock = clock
    let begin = ContinuousClock.now
    let store = SegmentStore(files)
    let recent = RecentRecords(limitByteCount: configuration.recentByteCount)
    (self.store, self.recent) = (store, recent)
    var recovery = Recovery(files: files, directory: directory, isReadOnly: isReadOnly) { id in
      Self.makeTopic(id, store, recent)
    }
    do throws(FileError) {
      try recovery.run()
    } catch {
      throw LogError(error)
    }
    if directory.topic(.catalog) == nil {
      let catalog = Self.makeTopic(.catalog, store, recent)
      Effect.settings(catalog, name: "catalog", TopicSettings()).apply()
      directory.add(catalog)
    }
    var report = recovery.report
    var settings = SegmentWriter.Settings()
    settings.segmentByteCount = configuration.segmentByteCount
    settings.allocationByteCount = configuration.allocationByteCount
    var assembly = GroupAssembly(
      segment: recovery.nextSegment, nextSequence: recovery.nextSequence)
    assembly.preparations = recovery.preparations
    assembly.lastIngestMicroseconds = recovery.lastIngestMicroseconds
    writer =
      isReadOnly
      ? nil
      : SegmentWriter(
        WriterCore(
          files: files, store: store, settings: settings, clock: clock, directory: directory,
          assembly: assembly), store: store)
    report.duration = ContinuousClock.now - begin
    self.report = report
    for topic in directory.all { connect(topic) }
    loadIndex(recovery.unindexed, files)
    try writer?.start()
  }

  private static func makeTopic(
    _ id: TopicID, _ store: SegmentStore, _ recent: RecentRecords
  ) -> SegmentTopic {
    SegmentTopic(id, name: "", settings: TopicSettings(), store: store, recent: recent)
  }

  private func connect(_ topic: SegmentTopic) {
    topic.setSettingsChanged { [weak self] topic, name, settings throws(LogError) in
      guard let self else { throw .closed }
      Effect.settings(topic, name: name, settings).apply()
      try self.submitQuietly(.topic(topic, name: name, settings), byteCount: 256)
    }
  }

  /// Reads the footers of sealed segments in the background; who needs old rows meanwhile waits.
  private func loadIndex(_ numbers: [UInt64], _ files: any FileSystem) {
    guard !numbers.isEmpty else { return }
    store.setIndexLoaded(false)
    let (store, directory) = (store, directory)
    let load: @Sendable () -> Void = {
      IndexLoading(files: files, directory: directory).run(numbers)
      store.setIndexLoaded(true)
    }
    if !startThread(load) { load() }
  }

  // MARK: Topics

  public func createTopic(
    named name: String, settings: TopicSettings
  ) throws(LogError) -> TopicID {
    let topic = Self.makeTopic(directory.takeNumber(), store, recent)
    connect(topic)
    Effect.settings(topic, name: name, settings).apply()
    directory.add(topic)
    try submitQuietly(
      .topic(topic, name: name, settings), byteCount: 256 + name.utf8.count)
    return topic.id
  }

  public func removeTopic(_ id: TopicID) throws(LogError) {
    guard writer != nil else { throw .closed }
    guard let topic = directory.remove(id) else { throw .noTopic(id) }
    let cold = topic.withState { $0.cold + $0.doomed }
    for file in cold { try? store.cold?.remove(file) }
    try submitQuietly(.removed(topic), byteCount: 64)
  }

  public func topic(_ id: TopicID) -> (any Topic)? { directory.topic(id) }

  /// All topics, in the order of their numbers.
  public var topics: [(id: TopicID, state: TopicState)] {
    directory.all.map { ($0.id, $0.state) }
  }

  /// Something that the next durable append makes durable too.
  private func submitQuietly(_ action: WriteItem.Action, byteCount: Int) throws(LogError) {
    if let failure = store.failure { throw failure }
    guard let writer else { throw .closed }
    writer.submit(WriteItem(action: action, syncs: false, byteCount: byteCount) { _ in })
  }

  // MARK: Appends

  public func submit(
    _ group: AppendGroup,
    _ completion: @escaping @Sendable (Result<AppendOutcome, LogError>) -> Void
  ) {
    do throws(LogError) {
      try enqueue(group, completion)
    } catch {
      completion(.failure(error))
    }
  }

  private func enqueue(
    _ group: AppendGroup,
    _ completion: @escaping @Sendable (Result<AppendOutcome, LogError>) -> Void
  ) throws(LogError) {
    if let failure = store.failure { throw failure }
    guard let writer else { throw .closed }
    var byteCount = 256
    var syncs = group.durability == .sync || group.preparation != nil
    var payloads: [[FramePayload]] = []
    for write in group.writes {
      guard let topic = directory.topic(write.topic) else { throw .noTopic(write.topic) }
      if group.durability == nil, topic.durability == .sync { syncs = true }
      let list = write.records.map(Self.payload)
      byteCount += list.reduce(0) { $0 + FrameHeader.byteCount + padded($1.byteCount) }
      payloads.append(list)
    }
    writer.submit(
      WriteItem(
        action: .append(group, payloads: payloads), syncs: syncs, byteCount: byteCount,
        completion: completion))
  }

  private static func payload(of record: LogRecord) -> FramePayload {
    switch record {
    case .batch(let batch): Payloads.batch(batch)
    case .watermark(let microseconds): Payloads.watermark(microseconds)
    case .endOfStream: FramePayload()
    }
  }

  public func resolve(
    _ preparation: PreparationID, commits: Bool
  ) async throws(LogError) -> AppendOutcome {
    guard let writer else { throw .closed }
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<AppendOutcome, LogError>, Never>) in
      writer.submit(
        WriteItem(
          action: .resolve(preparation, commits: commits), syncs: commits, byteCount: 256
        ) { continuation.resume(returning: $0) })
    }
    return try result.get()
  }

  public var openPreparations: [PreparationID] { writer?.openPreparations ?? [] }

  // MARK: Housekeeping

  /// Why nothing more is taken, if so.
  public var failure: LogError? { store.failure }

  /// Removes what retention allows, and forgets old keys. To be called every few seconds; blocks on
  /// the disk for as long as files take to be removed.
  public func maintain() {
    guard let writer, store.failure == nil else { return }
    Retention(directory: directory, store: store).run(now: clock()) { topic, start in
      // Files outside are removed for good, so it must be certain that nobody reads them again.
      let syncs = topic.withState { state in
        state.cold.first.map { $0.offsets.upperBound <= start } ?? false
      }
      writer.submit(
        WriteItem(action: .trim(topic, start), syncs: syncs, byteCount: 64) { _ in })
    }
    removeDoomed()
    Retention(directory: directory, store: store).removeUnused(
      newest: writer.number(), preparations: writer.preparedSegments)
  }

  /// Reads every sealed segment and all cold files, and checks all checksums. Blocks; slow on purpose
  /// nowhere.
  ///
  /// - Parameter progress: Called after each segment with how many are done, of how many.
  /// - Returns: A sentence for each damaged place.
  public func verify(progress: (Int, Int) -> Void = { _, _ in }) -> [String] {
    Verification(files: store.files).run(progress: progress) + coldProblems()
  }

  /// Writes what is queued and seals the newest segment. Blocks.
  /// Syncs of segments since it was opened, and groups that were acknowledged after one.
  public var syncTotals: (syncs: Int, groups: Int) { writer?.figures.totals ?? (0, 0) }

  public func close() { writer?.close() }

  deinit { writer?.close() }
}
