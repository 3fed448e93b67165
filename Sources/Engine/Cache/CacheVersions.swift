/// Which changes of which relations have gone through here.
///
/// A result carries the versions of all that it read, taken before its statement ran. A change advances the versions of what it
/// changes before it begins and again when it has ended, before anyone is told: so a result that was computed before a
/// change, or beside it, is never as new as the relation is after it.
public struct CacheVersions: Sendable {
  /// What a change may change.
  public enum Reach: Hashable, Sendable {
    /// Relations of these names, in lower case, and nothing else.
    case names(Set<String>)
    case everything
    case nothing

    /// Both.
    public mutating func formUnion(_ other: Reach) {
      switch (self, other) {
      case (.everything, _), (_, .nothing): break
      case (_, .everything): self = .everything
      case (.nothing, _): self = other
      case (.names(let mine), .names(let theirs)): self = .names(mine.union(theirs))
      }
    }
  }

  /// The versions of all that a statement read, at one moment.
  public struct Stamp: Hashable, Sendable {
    fileprivate var all: UInt64
    /// How many changes there had been of anything.
    fileprivate var change: UInt64
    /// Those of its names that were ever changed.
    fileprivate var names: [String: UInt64]
  }

  private var all: UInt64 = 0
  private var names: [String: UInt64] = [:]
  /// More names than this are one: `everything`.
  private static let maxNameCount = 100_000
  /// The last changes, oldest first, and what number the first of them has.
  private var recent: [(reach: Reach, time: ContinuousClock.Instant)] = []
  private static let maxRecentCount = 4_096

  public init() {}

  /// How often something was changed.
  public private(set) var changeCount: UInt64 = 0

  /// - Parameter time: When; it must not be before that of the call before.
  public mutating func advance(_ reach: Reach, at time: ContinuousClock.Instant = .now) {
    switch reach {
    case .nothing: return
    case .everything:
      all += 1
      names = [:]
    case .names(let changed):
      if names.count + changed.count > Self.maxNameCount {
        all += 1
        names = [:]
      }
      for name in changed { names[name, default: 0] += 1 }
    }
    changeCount += 1
    if recent.count >= Self.maxRecentCount { recent.removeFirst(Self.maxRecentCount / 2) }
    recent.append((reach, time))
  }

  /// When the first change came after which a stamp was not current any more; nil if that is too long ago to be known, or never.
  func firstChange(since stamp: Stamp, of read: Set<String>) -> ContinuousClock.Instant? {
    let missed = changeCount - min(stamp.change, changeCount)
    guard missed <= UInt64(recent.count) else { return nil }
    return recent.suffix(Int(missed)).first { entry in
      switch entry.reach {
      case .everything: true
      case .names(let names): !names.isDisjoint(with: read)
      case .nothing: false
      }
    }?.time
  }

  public func stamp(of read: Set<String>) -> Stamp {
    var found: [String: UInt64] = [:]
    if !names.isEmpty {
      for name in read { if let version = names[name] { found[name] = version } }
    }
    return Stamp(all: all, change: changeCount, names: found)
  }

  /// Whether nothing of what was read has changed since.
  public func isCurrent(_ stamp: Stamp, of read: Set<String>) -> Bool {
    guard stamp.all == all else { return false }
    guard !names.isEmpty else { return true }
    return read.allSatisfy { names[$0] == stamp.names[$0] }
  }
}
