internal import DequeModule
internal import Engine
internal import Log

/// What an outbox holds that the database behind has not: how much, since when, and what of it a read has to wait for. Knows no
/// clock and no log.
struct OutboxLedger {
  /// The end of the changes that were acknowledged.
  private(set) var head: Offset
  /// The end of those that the database has.
  private(set) var applied: Offset
  /// Of the changes between the two.
  private(set) var byteCount: Int
  /// Promised to changes that are on their way into the log.
  private var reservedByteCount = 0
  private let maxByteCount: Int
  /// The end of the last change that may have changed anything, and of the last one by name.
  private var everything: Offset
  private var names: [String: Offset] = [:]
  /// When changes were acknowledged, the oldest first: none that ends at or before `end` came later than the next mark.
  private var marks = Deque<(time: Int64, end: Offset)>()

  /// Changes that come within so many microseconds of each other are of one age.
  private static let markInterval: Int64 = 5_000
  /// With more names than this, a change of one counts as a change of everything.
  private static let maxNameCount = 10_000

  /// - Parameters:
  ///   - byteCount: What lies there from an earlier life. Of it nothing is known, so everything waits for it.
  ///   - time: When the first of that was acknowledged, in microseconds since 1970.
  init(applied: Offset, head: Offset, byteCount: Int, maxByteCount: Int, time: Int64) {
    self.applied = applied
    self.head = max(head, applied)
    self.byteCount = head > applied ? byteCount : 0
    self.maxByteCount = maxByteCount
    everything = self.head
    if head > applied { marks.append((time, head)) }
  }

  var isEmpty: Bool { applied >= head }

  /// When the oldest change was acknowledged that the database does not have; nil without one.
  var oldest: Int64? { isEmpty ? nil : marks.first?.time }

  // MARK: - Acknowledging

  /// Makes room for a change.
  ///
  /// - Returns: False if there is none. A change that is larger than the limit has room in an empty outbox.
  mutating func reserve(_ count: Int) -> Bool {
    let taken = byteCount + reservedByteCount
    guard taken == 0 || taken + count <= maxByteCount else { return false }
    reservedByteCount += count
    return true
  }

  /// A change for which there was room did not come in.
  mutating func release(_ count: Int) { reservedByteCount -= count }

  /// A change is durable. Changes come in the order of their offsets.
  mutating func add(
    upTo end: Offset, _ reach: CacheVersions.Reach, byteCount count: Int, at time: Int64
  ) {
    reservedByteCount -= count
    guard end > head else { return }
    head = end
    byteCount += count
    switch reach {
    case .nothing: break
    case .everything: everything = end
    case .names(let changed):
      if names.count + changed.count > Self.maxNameCount {
        everything = end
        names = [:]
      } else {
        for name in changed { names[name] = end }
      }
    }
    if let last = marks.last, time < last.time + Self.markInterval {
      marks[marks.count - 1].end = end
    } else {
      marks.append((time, end))
    }
  }

  // MARK: - Applying

  /// The database has all changes before `end`.
  mutating func apply(upTo end: Offset, byteCount count: Int) {
    guard end > applied else { return }
    applied = end
    byteCount = isEmpty ? 0 : max(0, byteCount - count)
    while let first = marks.first, first.end <= applied { marks.removeFirst() }
    if isEmpty { names = [:] }
  }

  // MARK: - Waiting

  /// How far the database has to be before a statement runs that must see what was acknowledged.
  ///
  /// - Parameters:
  ///   - read: The names in the statement; nil for everything.
  ///   - limit: Changes that were acknowledged later than this may be missed; nil for none.
  /// - Returns: Nil if the statement need not wait.
  func barrier(for read: Set<String>?, acknowledgedBy limit: Int64? = nil) -> Offset? {
    guard !isEmpty else { return nil }
    var end = read == nil ? head : everything
    if let read, !names.isEmpty {
      if read.count < names.count {
        for name in read { if let own = names[name] { end = max(end, own) } }
      } else {
        for (name, own) in names where own > end && read.contains(name) { end = own }
      }
    }
    if let limit {
      let old = marks.last { $0.time <= limit }?.end ?? applied
      end = min(end, old)
    }
    return end > applied ? end : nil
  }
}
