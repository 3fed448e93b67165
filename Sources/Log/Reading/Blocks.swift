/// Where some records of one topic lie that follow each other in one segment.
///
/// The index is sparse: a block covers all frames of its topic between its ends, up to 64 KiB or 65,536
/// rows of small records, or one large record. Frames of other topics may lie between them.
struct Block: Sendable, Hashable {
  static let maxByteCount = 64 << 10
  static let maxRowCount = 65_536

  var segment: UInt64
  /// The segment whose footer lists it: that of the commit, for a record that was prepared.
  var home: UInt64
  var position: Int
  var byteCount: Int
  var firstOffset: Offset
  var rowCount: Int
  var ingest: ClosedRange<Int64>
  /// Nil if no batch in it has event times.
  var events: ClosedRange<Int64>?
  var wasPrepared = false
  /// Whether a batch in it has no event times, so that these rule nothing out.
  var hasUntimed = false

  var end: Offset { firstOffset.advanced(by: rowCount) }

  /// Takes the record of `next` in, if it still fits.
  mutating func absorb(_ next: Block) -> Bool {
    let span = next.position + next.byteCount - position
    guard next.segment == segment, next.home == home, !wasPrepared, !next.wasPrepared,
      next.firstOffset == end,
      span <= Self.maxByteCount, rowCount + next.rowCount <= Self.maxRowCount
    else { return false }
    byteCount = span
    rowCount += next.rowCount
    ingest =
      min(
        ingest.lowerBound, next.ingest.lowerBound)...max(ingest.upperBound, next.ingest.upperBound)
    hasUntimed = hasUntimed || next.hasUntimed
    if let mine = events, let others = next.events {
      events = min(mine.lowerBound, others.lowerBound)...max(mine.upperBound, others.upperBound)
    } else {
      events = events ?? next.events
    }
    return true
  }

  /// Whether a row in it may pass the filter.
  func mayPass(_ filter: ScanFilter) -> Bool {
    if let wanted = filter.ingestMicroseconds, !wanted.overlaps(ingest) { return false }
    if let wanted = filter.eventMicroseconds, !hasUntimed, rowCount > 0 {
      guard let events else { return true }
      return wanted.overlaps(events)
    }
    return true
  }
}

/// The blocks of one topic, in the order of their offsets.
struct TopicIndex: Sendable {
  private(set) var blocks: [Block] = []

  mutating func append(_ block: Block) {
    if blocks.indices.last.map({ blocks[$0].absorb(block) }) == true { return }
    blocks.append(block)
  }

  /// Puts the blocks of an older segment before all others.
  mutating func prepend(_ older: [Block]) { blocks.insert(contentsOf: older, at: 0) }

  /// Bytes of all blocks.
  var byteCount: Int { blocks.reduce(0) { $0 + $1.byteCount } }

  /// Lets go of blocks that end at or before `start`.
  ///
  /// - Parameter keepsMarks: Whether those stay that hold no rows and stand at `start`.
  /// - Returns: How many bytes they had.
  mutating func trim(to start: Offset, keepsMarks: Bool) -> Int {
    let kept = blocks.firstIndex { block in
      block.end > start || (keepsMarks && block.rowCount == 0 && block.firstOffset >= start)
    }
    let count = kept ?? blocks.count
    defer { if count > 0 { blocks.removeFirst(count) } }
    return blocks.prefix(count).reduce(0) { $0 + $1.byteCount }
  }

  /// Units for all blocks that have rows in `offsets`, or marks between them.
  ///
  /// Neighbours are put together up to so many rows as the filter asks for, and 4 MiB.
  func units(in offsets: Range<Offset>, _ filter: ScanFilter) -> [ScanUnit] {
    var units: [ScanUnit] = []
    for block in blocks[firstIndex(at: offsets.lowerBound)...] {
      if block.firstOffset >= offsets.upperBound { break }
      guard block.mayPass(filter) else { continue }
      let unit = ScanUnit(
        offsets: block.firstOffset..<block.end, file: block.segment, position: block.position,
        byteCount: block.byteCount, wasPrepared: block.wasPrepared)
      if units.last?.joins(unit, filter) == true {
        units[units.count - 1].take(unit)
      } else {
        units.append(unit)
      }
    }
    return units
  }

  /// The first block that ends behind an offset, found by bisection.
  private func firstIndex(at offset: Offset) -> Int {
    var (low, high) = (0, blocks.count)
    while low < high {
      let middle = low + (high - low) / 2
      if blocks[middle].end <= offset && blocks[middle].rowCount > 0 {
        low = middle + 1
      } else if blocks[middle].end < offset {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}

extension ScanUnit {
  private static let maxByteCount = 4 << 20

  /// Whether `next` follows in the same file closely enough to be read in one go.
  fileprivate func joins(_ next: ScanUnit, _ filter: ScanFilter) -> Bool {
    let rows = next.offsets.upperBound.rawValue - offsets.lowerBound.rawValue
    return next.file == file && !wasPrepared && !next.wasPrepared
      && next.offsets.lowerBound == offsets.upperBound
      && next.position + next.byteCount - position <= Self.maxByteCount
      && next.position - (position + byteCount) <= Block.maxByteCount
      && rows <= Int64(filter.preferredUnitRowCount)
  }

  fileprivate mutating func take(_ next: ScanUnit) {
    byteCount = next.position + next.byteCount - position
    offsets = offsets.lowerBound..<next.offsets.upperBound
  }
}
