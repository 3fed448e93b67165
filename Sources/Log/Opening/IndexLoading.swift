/// Reads where the records of sealed segments lie.
struct IndexLoading {
  let files: any FileSystem
  let directory: TopicDirectory

  func run(_ numbers: [UInt64]) {
    var blocks: [TopicID: [Block]] = [:]
    for number in numbers {
      for (id, list) in index(of: number) { blocks[id, default: []] += list }
    }
    for (id, list) in blocks {
      guard let topic = directory.topic(id) else { continue }
      topic.withState { state in
        let start = state.visible.hotStart
        state.index.prepend(
          list.filter { $0.end > start || ($0.rowCount == 0 && $0.firstOffset >= start) })
        // What rows are gone of was not known before.
        state.visible.byteCount = state.index.byteCount
      }
    }
  }

  /// A segment whose footer is damaged, or was never written, is read frame by frame.
  private func index(of number: UInt64) -> [TopicID: [Block]] {
    guard let file = try? files.open(SegmentStore.name(number), creates: false) else { return [:] }
    if let footer = try? Footer.read(file, segment: number) { return footer.blocks }
    return (try? scanned(file, number)) ?? [:]
  }

  private func scanned(
    _ file: any LogFile, _ number: UInt64
  ) throws(FileError) -> [TopicID: [Block]] {
    let scratch = TopicDirectory()
    let store = SegmentStore(files)
    let recent = RecentRecords(limitByteCount: 0)
    var recovery = Recovery(files: files, directory: scratch, isReadOnly: true) { id in
      SegmentTopic(id, name: "", settings: TopicSettings(), store: store, recent: recent)
    }
    try recovery.scan(number)
    var blocks: [TopicID: [Block]] = [:]
    for topic in scratch.all { blocks[topic.id] = topic.withState { $0.index.blocks } }
    return blocks
  }
}

/// Reads all segments and compares every checksum.
struct Verification {
  let files: any FileSystem

  func run(progress: (Int, Int) -> Void) -> [String] {
    let numbers = ((try? files.names()) ?? []).compactMap(SegmentStore.number).sorted()
    var problems: [String] = []
    for (index, number) in numbers.enumerated() {
      do throws(FileError) {
        problems += try problemsIn(number, isLast: index == numbers.count - 1)
      } catch {
        problems.append("segment \(SegmentStore.name(number)) cannot be read: \(error.sentence)")
      }
      progress(index + 1, numbers.count)
    }
    return problems
  }

  private func problemsIn(_ number: UInt64, isLast: Bool) throws(FileError) -> [String] {
    let name = SegmentStore.name(number)
    let file = try files.open(name, creates: false)
    let isSealed = try Footer.read(file, segment: number) != nil
    var scanner = try FrameScanner(file)
    var problems: [String] = []
    var sequence: UInt64 = 0
    let end = scanner.size - (isSealed ? Footer.trailerByteCount : 0)
    while scanner.position < end {
      switch try scanner.next() {
      case .end: return problems
      case .frame(let frame): sequence = frame.header.sequence
      case .broken(let position):
        let next = try scanner.resume(after: position, above: sequence)
        // The newest segment ends in space that was taken ahead, or in a torn group.
        if next == nil, !isSealed, isLast { return problems }
        problems.append(
          "segment \(name), byte \(position): what is there is not what was written"
            + (next.map { "; it is right again from byte \($0.position) on" } ?? ""))
      }
    }
    if !isSealed, !isLast { problems.append("segment \(name) has no footer") }
    return problems
  }
}
