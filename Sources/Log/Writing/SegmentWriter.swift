internal import Threads
internal import Columnar
internal import Synchronization

/// The two threads that write a log: one puts queued groups into the newest segment, the other syncs
/// it. While a sync is under way, the next groups are written already.
final class SegmentWriter: Sendable {
  struct Settings: Sendable {
    /// From this size on a segment is sealed and the next one begun.
    var segmentByteCount = 128 << 20
    /// How far ahead space is taken.
    var allocationByteCount = 16 << 20
    /// The most bytes that are written in one go.
    var maxWriteByteCount = 32 << 20
  }

  private struct Queue {
    var items: [WriteItem] = []
    var isClosed = false
    var isEnded = false

    /// Whether only a few small groups wait, all of them for a sync: while one is under way, more may
    /// come, and one write for all of them is cheaper.
    var gathers: Bool {
      items.count <= SegmentWriter.maxGatheredCount
        && items.allSatisfy { $0.syncs && $0.byteCount <= SegmentWriter.maxGatheredByteCount }
    }
  }

  fileprivate static let maxGatheredCount = 64
  fileprivate static let maxGatheredByteCount = 16 << 10

  private struct Synced {
    var written: [WrittenGroup] = []
    /// Groups of a topic that are written and not visible.
    var unpublished: [TopicID: Int] = [:]
    var isBusy = false
    var isClosed = false
    /// All frames up to this sequence are synced.
    var sequence: UInt64 = 0
    var file: (any LogFile)?
  }

  let store: SegmentStore
  let figures = LogFigures()
  private let core: Mutex<WriterCore>
  private let queue = Mutex(Queue())
  private let queueMonitor = Monitor()
  private let synced: Mutex<Synced>
  private let syncMonitor = Monitor()

  init(_ core: WriterCore, store: SegmentStore) {
    self.store = store
    var start = Synced()
    start.sequence = core.assembly.nextSequence - 1
    synced = Mutex(start)
    self.core = Mutex(core)
  }

  /// Starts both threads.
  func start() throws(LogError) {
    guard startThread({ self.writeUntilClosed() }), startThread({ self.syncUntilClosed() }) else {
      throw .failed("the system refuses to start a thread")
    }
  }

  func submit(_ item: WriteItem) {
    let isClosed = queue.withLock { queue in
      if !queue.isClosed { queue.items.append(item) }
      return queue.isClosed
    }
    if isClosed { return item.completion(.failure(.closed)) }
    queueMonitor.broadcast()
  }

  /// Writes what is queued, seals the segment and ends the threads. Blocks.
  func close() {
    queue.withLock { $0.isClosed = true }
    queueMonitor.broadcast()
    queueMonitor.wait { queue.withLock { $0.isEnded } }
  }

  var openPreparations: [PreparationID] {
    core.withLock { Array($0.assembly.preparations.keys) }
  }

  /// Segments in which records of open preparations lie.
  var preparedSegments: Set<UInt64> {
    core.withLock { core in
      Set(core.assembly.preparations.values.flatMap { $0.records.map(\.block.segment) })
    }
  }

  /// The newest segment.
  func number() -> UInt64 { core.withLock { $0.assembly.segment } }

  // MARK: Writing

  private func writeUntilClosed() {
    var rate = ArrivalRate()
    while true {
      queueMonitor.wait { queue.withLock { !$0.items.isEmpty || $0.isClosed } }
      if queue.withLock({ $0.gathers }) {
        waitUntilSynced()
        if let gap = rate.gap { gather(gap) }
      }
      let (items, isClosed) = queue.withLock { queue in
        defer { queue.items = [] }
        return (queue.items, queue.isClosed)
      }
      rate.took(items.count, at: .now)
      write(items)
      if isClosed, items.isEmpty { break }
    }
    waitUntilSynced()
    core.withLock { core in core.seal() }
    synced.withLock { $0.isClosed = true }
    syncMonitor.broadcast()
    queue.withLock { $0.isEnded = true }
    queueMonitor.broadcast()
  }

  /// Waits until a sync is worth it.
  private func gather(_ gap: Duration) {
    let end = ContinuousClock.now + ArrivalRate.maxWait
    var count = queue.withLock { $0.items.count }
    while count < ArrivalRate.wantedCount, .now < end {
      queueMonitor.wait(atMost: gap) {
        queue.withLock { $0.items.count > count || $0.isClosed }
      }
      let (more, goesOn) = queue.withLock { ($0.items.count, $0.gathers && !$0.isClosed) }
      if more == count || !goesOn { return }
      count = more
    }
  }

  private func write(_ items: [WriteItem]) {
    var rest = items[...]
    while !rest.isEmpty {
      if let failure = store.failure {
        for item in rest { item.completion(.failure(failure)) }
        return
      }
      if core.withLock({ $0.mustRoll(before: rest.first) }) {
        // The footer tells what is visible: all of it must be.
        waitUntilSynced()
        if let failure = core.withLock({ core in core.roll() }) {
          for item in rest { item.completion(.failure(failure)) }
          return
        }
      }
      if let item = rest.first, case .seal = item.action {
        item.completion(.success(AppendOutcome(offsets: [])))
        rest = rest.dropFirst()
        continue
      }
      let count = core.withLock { $0.countThatFits(rest) }
      writeChunk(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
  }

  private func writeChunk(_ items: [WriteItem]) {
    let sequence = synced.withLock { $0.sequence }
    let (result, file) = core.withLock { core in
      (core.write(items, synced: sequence), core.file)
    }
    for (item, error) in result.failed { item.completion(.failure(error)) }
    for (item, outcome) in result.repeated { item.completion(.success(outcome)) }
    if let fatal = result.fatal { store.fail(fatal) }
    guard !result.groups.isEmpty else { return }
    let visible = synced.withLock { synced in
      synced.file = file
      var visible: [WrittenGroup] = []
      for group in result.groups {
        let mustWait = group.syncs || group.topics.contains { synced.unpublished[$0] != nil }
        if mustWait {
          for topic in group.topics { synced.unpublished[topic, default: 0] += 1 }
          synced.written.append(group)
        } else {
          visible.append(group)
        }
      }
      return visible
    }
    publish(visible)
    if visible.count < result.groups.count { syncMonitor.broadcast() }
  }

  // MARK: Syncing

  private func syncUntilClosed() {
    while true {
      syncMonitor.wait { synced.withLock { !$0.written.isEmpty || $0.isClosed } }
      let (groups, file) = synced.withLock { synced in
        synced.isBusy = !synced.written.isEmpty
        defer { synced.written = [] }
        return (synced.written, synced.file)
      }
      if groups.isEmpty { return }
      sync(groups, file)
      synced.withLock { $0.isBusy = false }
      syncMonitor.broadcast()
    }
  }

  private func sync(_ groups: [WrittenGroup], _ file: (any LogFile)?) {
    var failure = store.failure
    if failure == nil, groups.contains(where: \.syncs) {
      do throws(FileError) {
        try file?.sync()
        figures.synced(groups.count)
      } catch {
        // What the system has now is not known, whatever a second try would say.
        let error = LogError.failed(error.sentence)
        store.fail(error)
        failure = error
      }
    }
    if let failure {
      for group in groups { for completion in group.completions { completion(.failure(failure)) } }
      return
    }
    publish(groups)
    synced.withLock { synced in
      if groups.contains(where: \.syncs), let last = groups.last {
        synced.sequence = max(synced.sequence, last.lastSequence)
      }
      for group in groups {
        for topic in group.topics {
          let count = (synced.unpublished[topic] ?? 1) - 1
          synced.unpublished[topic] = count == 0 ? nil : count
        }
      }
    }
  }

  private func publish(_ groups: [WrittenGroup]) {
    for group in groups {
      for effect in group.effects { effect.apply() }
    }
    let keys = groups.compactMap(\.key)
    let followers = keys.isEmpty ? [] : core.withLock { core in core.forget(keys) }
    for group in groups {
      for completion in group.completions { completion(.success(group.outcome)) }
      for effect in group.effects { effect.changedTopic?.tell() }
    }
    for (completion, outcome) in followers { completion(.success(outcome)) }
  }

  /// Blocks until everything that is written is visible.
  private func waitUntilSynced() {
    syncMonitor.wait {
      synced.withLock { ($0.written.isEmpty && !$0.isBusy) || store.failure != nil }
    }
  }
}
