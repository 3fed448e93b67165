/// Results that are done with, and may yet be asked for again: their statements can run anew.
///
/// There are as many as statements were sent, so they are looked after in order of age and the oldest
/// leave when there are many; looking at all of them several times a second would cost more than
/// running the statements.
struct FetchedResults {
  static let maxCount = 1_024

  private var byHandle: [Handle: OpenQuery] = [:]
  /// In the order in which they came. Holds those too that were taken meanwhile.
  private var order: [Handle] = []
  /// How many at the start of `order` have left.
  private var leftCount = 0

  subscript(handle: Handle) -> OpenQuery? { byHandle[handle] }

  /// - Returns: The result that had to leave.
  mutating func add(_ query: OpenQuery) -> OpenQuery? {
    if byHandle.updateValue(query, forKey: query.handle) == nil { order.append(query.handle) }
    guard order.count - leftCount > Self.maxCount else { return nil }
    return byHandle.removeValue(forKey: takeOldest())
  }

  private mutating func takeOldest() -> Handle {
    let oldest = order[leftCount]
    leftCount += 1
    if leftCount > Self.maxCount {
      order.removeFirst(leftCount)
      leftCount = 0
    }
    return oldest
  }

  mutating func remove(_ handle: Handle) -> OpenQuery? {
    byHandle.removeValue(forKey: handle)
  }

  /// Removes those that came first and were not used for longer than `lease`.
  mutating func removeExpired(after lease: Duration) -> [OpenQuery] {
    var expired: [OpenQuery] = []
    while leftCount < order.count {
      if let query = byHandle[order[leftCount]] {
        guard query.isExpired(after: lease) else { break }
        expired.append(query)
        byHandle[query.handle] = nil
      }
      _ = takeOldest()
    }
    return expired
  }
}
