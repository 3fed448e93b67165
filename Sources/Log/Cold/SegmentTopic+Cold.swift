/// Rows that are in files outside of the log.
extension SegmentTopic {
  /// Reads rows that are cold, from as many files as have some of them.
  func readCold(
    _ offsets: Range<Offset>, _ columns: Set<UInt32>?
  ) throws(LogError) -> [StoredRecord] {
    let (files, start) = withState { state in
      (
        state.cold.filter { $0.offsets.overlaps(offsets) }, state.visible.start
      )
    }
    var records: [StoredRecord] = []
    var next = offsets.lowerBound
    for file in files {
      let part = file.offsets.clamped(to: offsets)
      guard part.lowerBound == next else { break }
      do throws(LogError) {
        records += try stored(in: part, of: file, columns)
      } catch {
        // Retention may have taken the file meanwhile.
        let start = state.start
        throw file.offsets.upperBound <= start ? .gone(offsets.lowerBound, start: start) : error
      }
      next = part.upperBound
    }
    guard next == offsets.upperBound else {
      if offsets.lowerBound < start { throw .gone(offsets.lowerBound, start: start) }
      throw .damaged("no file is recorded for the rows from offset \(next.rawValue) on")
    }
    return records
  }

  private func stored(
    in offsets: Range<Offset>, of file: ColdFile, _ columns: Set<UInt32>?
  ) throws(LogError) -> [StoredRecord] {
    guard let store = store.cold else {
      throw .damaged("the rows of \(file.location) are outside of the log, and nothing reads them")
    }
    let batches = try store.read(offsets, of: file, topic: id, columns: columns)
    var marks = file.marks.filter { offsets.contains($0.offset) }[...]
    if offsets.upperBound == file.offsets.upperBound {
      marks += file.marks.filter { $0.offset == offsets.upperBound }
    }
    var records: [StoredRecord] = []
    var next = offsets.lowerBound
    for batch in batches {
      guard batch.firstOffset == next else { break }
      while let mark = marks.first, mark.offset < batch.endOffset {
        records.append(mark.record)
        marks.removeFirst()
      }
      records.append(.batch(batch))
      next = batch.endOffset
    }
    guard next == offsets.upperBound else {
      throw .damaged("\(file.location) lacks the rows from offset \(next.rawValue) on")
    }
    return records + marks.map(\.record)
  }

  /// Whether all rows of a range are cold.
  func isCold(_ offsets: Range<Offset>) -> Bool {
    withState { state in
      state.cold.contains { $0.offsets.overlaps(offsets) }
        && offsets.upperBound <= state.visible.hotStart
    }
  }

  /// - Parameter sealed: Segments below this one are sealed.
  /// - Returns: Nil for no candidate, and whether the newest segment would have some if it was sealed.
  func candidate(
    takenBefore time: Int64, byteCount: Int, sealed: UInt64
  ) -> (candidate: ColdCandidate?, isInNewest: Bool) {
    withState { state in
      var found: ColdCandidate?
      var growing: ColdCandidate?
      let blocks = state.index.blocks
      for (index, block) in blocks.enumerated() {
        guard block.ingest.upperBound < time else { break }
        guard block.segment < sealed, block.home < sealed else {
          return (found, found == nil && block.rowCount > 0)
        }
        growing.take(block, start: state.visible.hotStart)
        let isLastOfSegment =
          index + 1 == blocks.count || blocks[index + 1].segment != block.segment
        guard isLastOfSegment else { continue }
        found = growing
        if let found, found.byteCount >= byteCount { break }
      }
      return (found, false)
    }
  }
}

extension ColdMark {
  var record: StoredRecord {
    if let microseconds { return .watermark(microseconds: microseconds, at: offset) }
    return .endOfStream(at: offset)
  }
}

extension Optional where Wrapped == ColdCandidate {
  fileprivate mutating func take(_ block: Block, start: Offset) {
    guard block.rowCount > 0 else { return }
    var candidate =
      self
      ?? ColdCandidate(
        offsets: max(block.firstOffset, start)..<block.end, ingestMicroseconds: block.ingest,
        eventMicroseconds: nil, hasUntimed: false, byteCount: 0)
    candidate.offsets = candidate.offsets.lowerBound..<block.end
    let ingest = candidate.ingestMicroseconds
    candidate.ingestMicroseconds =
      min(
        ingest.lowerBound, block.ingest.lowerBound)...max(
        ingest.upperBound, block.ingest.upperBound)
    if let events = block.events {
      let known = candidate.eventMicroseconds ?? events
      candidate.eventMicroseconds =
        min(known.lowerBound, events.lowerBound)...max(known.upperBound, events.upperBound)
    }
    candidate.hasUntimed = candidate.hasUntimed || block.hasUntimed || block.events == nil
    candidate.byteCount += block.byteCount
    self = candidate
  }
}

extension SegmentTopic.State {
  /// Rows of a file are in it from now on.
  mutating func freeze(_ file: ColdFile) {
    guard file.offsets.upperBound > visible.start else {
      doomed.append(file)
      return
    }
    // A frame is read again when the segment with it was not sealed.
    guard file.offsets.upperBound > (cold.last?.offsets.upperBound ?? .zero) else { return }
    cold.append(file)
    visible.coldByteCount += file.byteCount
    visible.hotStart = max(visible.hotStart, file.offsets.upperBound)
    visible.byteCount = max(
      0, visible.byteCount - index.trim(to: visible.hotStart, keepsMarks: true))
  }

  /// Rows below `start` are gone.
  mutating func trim(to start: Offset) {
    visible.start = max(visible.start, start)
    visible.hotStart = max(visible.hotStart, start)
    visible.byteCount = max(0, visible.byteCount - index.trim(to: start, keepsMarks: false))
    while let file = cold.first, file.offsets.upperBound <= start {
      cold.removeFirst()
      visible.coldByteCount -= file.byteCount
      doomed.append(file)
    }
  }

  /// Units for the cold rows in a range that the filter cannot rule out.
  func coldUnits(in offsets: Range<Offset>, _ filter: ScanFilter) -> [ScanUnit] {
    var units: [ScanUnit] = []
    for file in cold where file.offsets.overlaps(offsets) && file.mayPass(filter) {
      let rowCount = file.unitRowCount
      var next = file.offsets.lowerBound
      while next < file.offsets.upperBound {
        let end = min(next.advanced(by: rowCount), file.offsets.upperBound)
        let part = (next..<end).clamped(to: offsets)
        if !part.isEmpty {
          var unit = ScanUnit(
            offsets: part, file: ScanUnit.coldFile, position: Int(part.lowerBound.rawValue),
            byteCount: max(1, file.byteCount / max(1, file.rowCount / rowCount)))
          unit.columns = filter.columns
          units.append(unit)
        }
        next = end
      }
    }
    return units
  }
}

extension ColdFile {
  /// How many rows are read at a time: fewer where they are large.
  fileprivate var unitRowCount: Int {
    min(max(rowCount * (4 << 20) / max(byteCount, 1), 2_048), 65_536)
  }

  fileprivate func mayPass(_ filter: ScanFilter) -> Bool {
    if let wanted = filter.ingestMicroseconds, !wanted.overlaps(ingestMicroseconds) { return false }
    if let wanted = filter.eventMicroseconds, !hasUntimed, let eventMicroseconds {
      return wanted.overlaps(eventMicroseconds)
    }
    return true
  }
}
