/// Finds the whole groups of a segment that was not sealed, what is torn, and what is damaged.
struct SegmentScan {
  private var scanner: FrameScanner
  /// The sequence behind the last frame that counts.
  private(set) var nextSequence: UInt64
  /// The end of the last group that counts.
  private(set) var end = 0
  /// Where a tail begins that does not count, and whether whole frames stand in it.
  private(set) var cut: (position: Int, hasFrames: Bool)?
  /// Places where acknowledged frames are broken, with the sequences around them.
  private(set) var damages: [(position: Int, from: UInt64, to: UInt64)] = []
  /// A frame that was read already, when a damaged place was passed.
  private var pending: FrameScanner.Frame?

  init(_ scanner: FrameScanner, from nextSequence: UInt64) {
    self.scanner = scanner
    self.nextSequence = nextSequence
  }

  /// The next whole group, or nil when there is none.
  ///
  /// - Parameter isLast: Whether no later segment exists: all before the last one were synced.
  mutating func nextGroup(isLast: Bool) throws(FileError) -> [FrameScanner.Frame]? {
    var group: [FrameScanner.Frame] = []
    while cut == nil {
      guard let frame = try nextFrame(isLast: isLast, from: group.first?.position ?? end) else {
        if !group.isEmpty { cut = cut ?? (group[0].position, false) }
        return nil
      }
      if frame.header.flags.contains(.first) { group = [] }
      // The rest of a group whose beginning is damaged does not count.
      if group.isEmpty, !frame.header.flags.contains(.first) { continue }
      group.append(frame)
      if frame.header.flags.contains(.last) {
        end = frame.end
        nextSequence = frame.header.sequence + 1
        if frame.header.kind == .footer { continue }
        return group
      }
    }
    return nil
  }

  private mutating func nextFrame(
    isLast: Bool, from start: Int
  ) throws(FileError) -> FrameScanner.Frame? {
    if let frame = pending {
      pending = nil
      return frame
    }
    switch try scanner.next() {
    case .end: return nil
    case .frame(let frame) where frame.header.sequence >= nextSequence: return frame
    case .frame(let frame): return try afterBroken(frame.position, start, isLast)
    case .broken(let position): return try afterBroken(position, start, isLast)
    }
  }

  /// - Parameter start: Where the group begins that the broken place is in.
  private mutating func afterBroken(
    _ position: Int, _ start: Int, _ isLast: Bool
  ) throws(FileError) -> FrameScanner.Frame? {
    var look = scanner
    guard let next = try look.resume(after: position, above: nextSequence - 1) else {
      // Space that was taken ahead is no torn group.
      if isLast, start == position, try scanner.isBlank(position) { return nil }
      if isLast || position >= scanner.size {
        cut = (start, false)
      } else {
        // A later segment exists, so this one was synced to its end.
        damages.append((position, nextSequence, nextSequence))
        cut = (start, false)
      }
      return nil
    }
    // How far later frames say that all was synced.
    var synced = next.header.synced
    var probe = look
    while case .frame(let frame) = try probe.next() { synced = max(synced, frame.header.synced) }
    guard !isLast || synced >= nextSequence else {
      cut = (start, true)
      return nil
    }
    damages.append((position, nextSequence, next.header.sequence - 1))
    scanner = look
    return next
  }
}
