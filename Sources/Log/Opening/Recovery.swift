internal import Columnar

/// Reads what is in the folder of a log when it is opened.
struct Recovery {
  let files: any FileSystem
  let directory: TopicDirectory
  let makeTopic: (TopicID) -> SegmentTopic
  /// Whether nothing may be changed on disk.
  let isReadOnly: Bool

  private(set) var report = OpenReport()
  private(set) var nextSequence: UInt64 = 1
  private(set) var nextSegment: UInt64 = 1
  private(set) var lastIngestMicroseconds: Int64 = 0
  private(set) var preparations: [PreparationID: PreparedGroup] = [:]
  /// Segments whose index is still to be read, in order.
  private(set) var unindexed: [UInt64] = []

  init(
    files: any FileSystem, directory: TopicDirectory, isReadOnly: Bool,
    makeTopic: @escaping (TopicID) -> SegmentTopic
  ) {
    self.files = files
    self.directory = directory
    self.isReadOnly = isReadOnly
    self.makeTopic = makeTopic
  }

  mutating func run() throws(FileError) {
    let numbers = try files.names().compactMap(SegmentStore.number).sorted()
    nextSegment = (numbers.last ?? 0) + 1
    report.segmentCount = numbers.count
    var open: [UInt64] = []
    for number in numbers.reversed() {
      let file = try files.open(SegmentStore.name(number), creates: false)
      if let footer = try Footer.read(file, segment: number) {
        restore(footer)
        unindexed = numbers.filter { $0 <= number }
        break
      }
      open.insert(number, at: 0)
    }
    for number in open { try recover(number, isLast: number == numbers.last) }
  }

  private mutating func restore(_ footer: Footer) {
    for snapshot in footer.topics {
      let topic = makeTopic(snapshot.id)
      topic.restore(snapshot)
      directory.add(topic)
      lastIngestMicroseconds = max(lastIngestMicroseconds, snapshot.lastIngestMicroseconds)
    }
    directory.reserve(below: footer.nextTopic)
    nextSequence = footer.nextSequence
    preparations = footer.preparations
  }

  // MARK: A segment that was not sealed

  private mutating func recover(_ number: UInt64, isLast: Bool) throws(FileError) {
    let name = SegmentStore.name(number)
    let file = try files.open(name, creates: false)
    report.scanned.append(name)
    var scan = SegmentScan(try FrameScanner(file), from: nextSequence)
    while let group = try scan.nextGroup(isLast: isLast) { apply(group, number) }
    for (position, from, to) in scan.damages {
      report.problems.append(
        "segment \(name), byte \(position): what is there is not what was written; "
          + "frames \(from) to \(to) are lost")
    }
    nextSequence = scan.nextSequence
    guard !isReadOnly else { return }
    if let cut = scan.cut { try keepCut(cut, of: file, name) }
    let end = scan.end
    let size = try file.size()
    if end < size {
      if scan.cut != nil { report.cutByteCount += size - end }
      try file.truncate(to: end)
    }
    if end == 0 { return try files.remove(name) }
    // The sync of what the process left unsynced is part of the footer's.
    let footer = directory.footer(
      of: number, nextSequence: nextSequence + 1, preparations: preparations)
    try file.write(footer.parts(at: end, sequence: nextSequence), at: end)
    try file.sync()
    nextSequence += 1
  }

  /// Whole frames stood behind a broken one: nobody was told that they are stored, but they are kept
  /// for people.
  private mutating func keepCut(
    _ cut: (position: Int, hasFrames: Bool), of file: any LogFile, _ name: String
  ) throws(FileError) {
    guard cut.hasFrames else { return }
    let bytes = try file.read(at: cut.position, count: try file.size() - cut.position)
    let copy = try files.open(name + ".cut", creates: true)
    try copy.write([bytes], at: 0)
    try copy.sync()
    try files.syncFolder()
    report.problems.append(
      "segment \(name): \(bytes.count) bytes from byte \(cut.position) on were written but never "
        + "acknowledged, behind a torn place; they are kept in \(name).cut")
  }

  /// Reads the groups of one segment, and changes nothing on disk.
  mutating func scan(_ number: UInt64) throws(FileError) {
    let file = try files.open(SegmentStore.name(number), creates: false)
    var scan = SegmentScan(try FrameScanner(file), from: 1)
    while let group = try scan.nextGroup(isLast: false) { apply(group, number) }
  }

  private mutating func apply(_ group: [FrameScanner.Frame], _ segment: UInt64) {
    var preparing: PreparationID?
    for frame in group {
      let header = frame.header
      lastIngestMicroseconds = max(lastIngestMicroseconds, header.ingestMicroseconds)
      let id = TopicID(rawValue: header.topic)
      switch header.kind {
      case .topic:
        guard let (name, settings) = Payloads.topic(from: frame.payload) else { continue }
        Effect.settings(topic(id), name: name, settings).apply()
      case .removed: _ = directory.remove(id)
      case .trim: Effect.trim(topic(id), Offset(header.firstOffset)).apply()
      case .cold:
        guard
          let file = ColdFrame.file(from: frame.payload, first: Offset(header.firstOffset))
        else { continue }
        Effect.cold(topic(id), file).apply()
      case .prepare:
        preparing = Payloads.preparation(from: frame.payload)?.id
        if let preparing { preparations[preparing] = PreparedGroup() }
      case .commit, .abort: resolve(frame, segment)
      case .context, .batch, .watermark, .endOfStream, .key:
        take(frame, topic(id), segment, preparing)
      case .footer: break
      }
    }
  }

  private func topic(_ id: TopicID) -> SegmentTopic {
    if let known = directory.topic(id) { return known }
    let topic = makeTopic(id)
    directory.add(topic)
    return topic
  }

  private mutating func take(
    _ frame: FrameScanner.Frame, _ topic: SegmentTopic, _ segment: UInt64,
    _ preparing: PreparationID?
  ) {
    let header = frame.header
    let offset = Offset(header.firstOffset)
    let time = header.ingestMicroseconds
    switch header.kind {
    case .context:
      topic.withState { state in
        state.contextPlaces[header.contextID] = SegmentTopic.ContextPlace(
          segment: segment, position: frame.position)
        state.nextContextID = max(state.nextContextID, header.contextID &+ 1)
      }
    case .key:
      guard let key = Payloads.key(from: frame.payload) else { return }
      let offsets = offset..<offset.advanced(by: Int(header.rowCount))
      Effect.key(topic, key, offsets, microseconds: time).apply()
    default:
      var block = Block(
        segment: segment, home: segment, position: frame.position,
        byteCount: header.frameByteCount, firstOffset: offset, rowCount: Int(header.rowCount),
        ingest: time...time)
      if header.kind == .batch {
        block.events = Payloads.batch(from: frame.payload)?.eventMicroseconds
        block.hasUntimed = block.events == nil
      }
      if header.flags.contains(.prepared), let preparing {
        block.wasPrepared = true
        preparations[preparing]?.records.append(
          PreparedGroup.Record(topic: topic.id, rowCount: block.rowCount, block: block))
        return
      }
      topic.recover(block, header, frame.payload)
    }
  }

  private mutating func resolve(_ frame: FrameScanner.Frame, _ segment: UInt64) {
    guard let (id, offsets) = Payloads.preparation(from: frame.payload),
      let prepared = preparations.removeValue(forKey: id), frame.header.kind == .commit
    else { return }
    var next = offsets
    for record in prepared.records {
      guard let offset = next[record.topic], let topic = directory.topic(record.topic) else {
        continue
      }
      var block = record.block
      block.firstOffset = offset
      block.home = segment
      next[record.topic] = block.end
      topic.withState { state in
        state.index.append(block)
        state.note(block)
      }
    }
  }
}

extension SegmentTopic {
  /// Takes over a record that was found on disk.
  func recover(_ block: Block, _ header: FrameHeader, _ payload: Buffer) {
    withState { state in
      state.index.append(block)
      state.visible.byteCount += block.byteCount
      switch header.kind {
      case .batch:
        state.visible.head = max(state.visible.head, block.end)
        state.visible.lastIngestMicroseconds = header.ingestMicroseconds
      case .watermark:
        if let time = Payloads.watermark(from: payload) {
          state.visible.watermarkMicroseconds = max(
            state.visible.watermarkMicroseconds ?? time, time)
        }
      default: state.visible.isEnded = true
      }
    }
  }
}
