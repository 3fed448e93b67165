internal import Synchronization

/// What a log counts about itself.
final class LogFigures: Sendable {
  private let syncs = Atomic<Int>(0)
  private let groups = Atomic<Int>(0)

  func synced(_ groupCount: Int) {
    syncs.wrappingAdd(1, ordering: .relaxed)
    groups.wrappingAdd(groupCount, ordering: .relaxed)
  }

  /// Syncs of segments since the start, and groups that were acknowledged after one.
  var totals: (syncs: Int, groups: Int) {
    (syncs.load(ordering: .relaxed), groups.load(ordering: .relaxed))
  }
}
