internal import Columnar
internal import DequeModule
internal import Synchronization

/// One topic of a `SegmentLog`: what its readers see, and the index of where it lies.
final class SegmentTopic: Topic {
  struct ContextPlace: Sendable {
    var segment: UInt64
    var position: Int
  }

  struct State {
    var visible: TopicState
    var index = TopicIndex()
    var keys = ProducerKeys()
    var nextContextID: UInt32 = 1
    var contextPlaces: [UInt32: ContextPlace] = [:]
    /// Contexts that were used lately.
    var contexts: [(id: UInt32, context: LogContext)] = []
    var recent = Deque<RecentRecord>()
    var watches: [UInt64: @Sendable (TopicState) -> Void] = [:]
    var nextWatch: UInt64 = 0
    var holds: [String: Offset] = [:]
    var isRemoved = false
    /// Files that hold the rows before those in the log, in order and without gaps.
    var cold: [ColdFile] = []
    /// Files whose rows are gone, to be removed.
    var doomed: [ColdFile] = []
  }

  /// Contexts that are kept decoded per topic; those with dictionaries can be large.
  static let maxContextCount = 4

  let id: TopicID
  let store: SegmentStore
  private let recentRecords: RecentRecords
  private let settingsChanged = Mutex<SettingsChanged?>(nil)
  private let content: Mutex<State>

  /// Writes settings to the log.
  typealias SettingsChanged =
    @Sendable (SegmentTopic, String, TopicSettings) throws(LogError) -> Void

  init(
    _ id: TopicID, name: String, settings: TopicSettings, store: SegmentStore,
    recent: RecentRecords
  ) {
    self.id = id
    self.store = store
    recentRecords = recent
    content = Mutex(State(visible: TopicState(name: name, settings: settings)))
  }

  func withState<Value>(_ body: (inout sending State) -> sending Value) -> sending Value {
    content.withLock(body)
  }

  // MARK: Topic

  var state: TopicState {
    var state = content.withLock { $0.visible }
    state.failure = store.failure
    return state
  }

  func apply(_ settings: TopicSettings) throws(LogError) {
    let name = content.withLock { $0.visible.name }
    guard let change = settingsChanged.withLock({ $0 }) else { throw .closed }
    try change(self, name, settings)
  }

  func setSettingsChanged(_ change: @escaping SettingsChanged) {
    settingsChanged.withLock { $0 = change }
  }

  var durability: Durability { content.withLock { $0.visible.settings.durability } }

  func units(
    in offsets: Range<Offset>, _ filter: ScanFilter
  ) throws(LogError) -> [ScanUnit] {
    let isRecent = content.withLock { state -> Bool in
      guard !filter.namesPlaces, let first = state.recent.first else { return false }
      return first.offsets.lowerBound <= offsets.lowerBound
    }
    if isRecent {
      return [ScanUnit(offsets: offsets, file: Self.recentFile, position: 0, byteCount: 0)]
    }
    store.waitForIndex()
    return try content.withLock { state throws(LogError) in
      guard offsets.lowerBound >= state.visible.start || offsets.isEmpty else {
        throw .gone(offsets.lowerBound, start: state.visible.start)
      }
      return state.units(in: offsets, filter)
    }
  }

  /// The file of a unit that was in memory when it was made.
  private static let recentFile = UInt64.max

  func read(_ unit: ScanUnit) throws(LogError) -> [StoredRecord] {
    if unit.isCold { return try readCold(unit.offsets, unit.columns) }
    guard unit.file == Self.recentFile else { return try readFileOrCold(unit) }
    if let records = recentRecords(in: unit.offsets) { return records }
    // They went to the disk only, meanwhile.
    store.waitForIndex()
    let units = content.withLock { $0.units(in: unit.offsets, ScanFilter()) }
    var records: [StoredRecord] = []
    for unit in units {
      records += try unit.isCold ? readCold(unit.offsets, unit.columns) : readFileOrCold(unit)
    }
    return records
  }

  /// Rows may have become cold since the unit was made, and their segment have gone.
  private func readFileOrCold(_ unit: ScanUnit) throws(LogError) -> [StoredRecord] {
    do throws(LogError) {
      return try readFile(unit)
    } catch {
      guard case .gone = error, isCold(unit.offsets) else { throw error }
      return try readCold(unit.offsets, unit.columns)
    }
  }

  private func recentRecords(in offsets: Range<Offset>) -> [StoredRecord]? {
    content.withLock { state in
      guard let first = state.recent.first, first.offsets.lowerBound <= offsets.lowerBound else {
        return nil
      }
      var (low, high) = (0, state.recent.count)
      while low < high {
        let middle = low + (high - low) / 2
        if state.recent[middle].offsets.upperBound < offsets.lowerBound {
          low = middle + 1
        } else {
          high = middle
        }
      }
      return state.recent[low...].prefix { $0.offsets.lowerBound < offsets.upperBound }
        .filter { $0.offsets.isEmpty || $0.offsets.upperBound > offsets.lowerBound }
        .map(\.record)
    }
  }

  func watch(_ onAppend: @escaping @Sendable (TopicState) -> Void) -> TopicWatch {
    let number = content.withLock { state in
      state.nextWatch += 1
      state.watches[state.nextWatch] = onAppend
      return state.nextWatch
    }
    return TopicWatch { [weak self] in
      self?.content.withLock { $0.watches[number] = nil }
    }
  }

  func hold(_ offset: Offset?, for reader: String) {
    content.withLock { $0.holds[reader] = offset }
  }

  // MARK: What the log tells it

  /// Records are visible from now on.
  func publish(_ records: [RecentRecord], blocks: [Block], keepsRecent: Bool) {
    // The catalog is read at the start and never again.
    let isKept = keepsRecent && id != .catalog
    content.withLock { state in
      for block in blocks { state.index.append(block) }
      for record in records { state.note(record) }
      if isKept {
        state.recent.append(contentsOf: records)
      } else if !keepsRecent {
        // What is kept must have no gaps.
        state.recent.removeAll()
        for block in blocks { state.note(block) }
      }
    }
    if isKept {
      for record in records { recentRecords.added(record.byteCount, by: self) }
    }
  }

  /// Tells those who watch; called after everything of a group is visible.
  func tell() {
    let (visible, watches) = content.withLock { ($0.visible, Array($0.watches.values)) }
    for watch in watches { watch(visible) }
  }

  func dropOldestRecent() {
    content.withLock { state in _ = state.recent.popFirst() }
  }

  // MARK: Files

  private func readFile(_ unit: ScanUnit) throws(LogError) -> [StoredRecord] {
    let bytes = try store.read(unit.file, at: unit.position, count: unit.byteCount, of: self)
    var records: [StoredRecord] = []
    var (position, next) = (0, unit.offsets.lowerBound)
    while position < unit.byteCount {
      guard let header = FrameHeader(bytes, at: position),
        header.frameByteCount <= bytes.count - position
      else { throw store.damage(unit.file, unit.position + position) }
      defer { position += header.frameByteCount }
      guard header.topic == id.rawValue, header.flags.contains(.prepared) == unit.wasPrepared else {
        continue
      }
      let payload = bytes.slice(
        from: position + FrameHeader.byteCount, byteCount: header.payloadByteCount)
      guard Checksum.of(payload) == header.payloadChecksum else {
        throw store.damage(unit.file, unit.position + position)
      }
      if let record = try record(header, payload, unit, next: &next) { records.append(record) }
    }
    return records
  }

  private func record(
    _ header: FrameHeader, _ payload: Buffer, _ unit: ScanUnit, next: inout Offset
  ) throws(LogError) -> StoredRecord? {
    switch header.kind {
    case .batch:
      guard let batch = Payloads.batch(from: payload) else {
        throw store.damage(unit.file, unit.position)
      }
      let first = unit.wasPrepared ? unit.offsets.lowerBound : Offset(header.firstOffset)
      next = first.advanced(by: Int(header.rowCount))
      let head = unsafe Array(batch.header.unsafeBytes)
      return .batch(
        StoredBatch(
          firstOffset: first, rowCount: Int(header.rowCount),
          ingestMicroseconds: header.ingestMicroseconds,
          eventMicroseconds: batch.eventMicroseconds, context: try context(header.contextID),
          message: IPCMessage(
            header: head, body: batch.body.isEmpty ? [] : [batch.body],
            bodyByteCount: padded(batch.body.count))))
    case .watermark:
      return Payloads.watermark(from: payload).map { .watermark(microseconds: $0, at: next) }
    case .endOfStream: return .endOfStream(at: next)
    default: return nil
    }
  }

  private func context(_ id: UInt32) throws(LogError) -> LogContext {
    let (known, place) = content.withLock { state in
      (state.contexts.first { $0.id == id }?.context, state.contextPlaces[id])
    }
    if let known { return known }
    guard let place else {
      throw .damaged("the log has lost schema \(id) of topic \(self.id.rawValue)")
    }
    let context = try store.context(in: place.segment, at: place.position)
    content.withLock { $0.keep(context, as: id) }
    return context
  }
}

extension SegmentTopic.State {
  /// Units for cold rows, then for those in the log.
  func units(in offsets: Range<Offset>, _ filter: ScanFilter) -> [ScanUnit] {
    if cold.isEmpty { return index.units(in: offsets, filter) }
    let hot = max(offsets.lowerBound, visible.hotStart)..<max(offsets.upperBound, visible.hotStart)
    return coldUnits(in: offsets, filter)
      + (offsets.upperBound < visible.hotStart ? [] : index.units(in: hot, filter))
  }

  /// Takes a block of rows, that were prepared before, into what readers see of the topic.
  mutating func note(_ block: Block) {
    visible.head = max(visible.head, block.end)
    visible.lastIngestMicroseconds = max(
      visible.lastIngestMicroseconds ?? .min, block.ingest.upperBound)
    visible.byteCount += block.byteCount
  }

  /// Takes a record into what readers see of the topic.
  mutating func note(_ record: RecentRecord) {
    switch record.record {
    case .batch(let batch):
      visible.head = record.offsets.upperBound
      visible.lastIngestMicroseconds = batch.ingestMicroseconds
    case .watermark(let microseconds, _):
      visible.watermarkMicroseconds = max(visible.watermarkMicroseconds ?? .min, microseconds)
    case .endOfStream: visible.isEnded = true
    }
    visible.byteCount += record.byteCount
  }

  mutating func keep(_ context: LogContext, as id: UInt32) {
    contexts.removeAll { $0.id == id }
    contexts.append((id, context))
    if contexts.count > SegmentTopic.maxContextCount { contexts.removeFirst() }
  }
}
