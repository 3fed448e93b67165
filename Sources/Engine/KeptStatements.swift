internal import DequeModule

/// Statements that are not in use, by text and settings; the longest unused leave first.
struct KeptStatements {
  private struct Key: Hashable {
    let sql: String
    let settings: String
  }

  private struct Entry {
    let statement: OpenStatement
    let stamp: UInt64
  }

  /// Texts longer than this are not kept: they are hardly ever sent twice.
  private static let maxTextByteCount = 16_384
  /// How many texts are remembered that came once.
  private static let maxSeenCount = 4_096

  private var entries: [Key: [Entry]] = [:]
  /// In the order in which statements were kept. Holds those too that were taken meanwhile.
  private var order = Deque<(key: Key, stamp: UInt64)>()
  private var count = 0
  private var stamp: UInt64 = 0
  /// Hashes of texts that came once. Most texts with literals in them never come again; keeping
  /// their statements would push out those that do.
  private var seenOnce: Set<Int> = []

  mutating func take(
    sql: String, settings: SessionSettings, catalogVersion: Int, provenOnly: Bool = false
  ) -> OpenStatement? {
    let key = Key(sql: sql, settings: settings.key)
    if provenOnly, entries[key]?.last?.statement.hasSucceeded != true { return nil }
    guard let entry = entries[key]?.popLast() else { return nil }
    if entries[key]?.isEmpty == true { entries[key] = nil }
    count -= 1
    return entry.statement.catalogVersion == catalogVersion ? entry.statement : nil
  }

  /// - Returns: The statement that had to leave: `open` itself if its text is too long, or comes for
  ///   the first time.
  mutating func keep(_ open: OpenStatement, limit: Int) -> OpenStatement? {
    guard open.sql.utf8.count <= Self.maxTextByteCount else { return open }
    if !open.isWorthKeeping {
      if seenOnce.count >= Self.maxSeenCount { seenOnce = [] }
      guard !seenOnce.insert(open.sql.hashValue).inserted else { return open }
      open.isWorthKeeping = true
    }
    stamp += 1
    let key = Key(sql: open.sql, settings: open.connection.settings.key)
    entries[key, default: []].append(Entry(statement: open, stamp: stamp))
    order.append((key, stamp))
    count += 1
    if order.count > 4 * limit { forgetTaken() }
    return count > limit ? removeOldest() : nil
  }

  private func isKept(_ item: (key: Key, stamp: UInt64)) -> Bool {
    entries[item.key]?.contains { $0.stamp == item.stamp } ?? false
  }

  private mutating func forgetTaken() {
    order = Deque(order.filter(isKept))
  }

  private mutating func removeOldest() -> OpenStatement? {
    while let oldest = order.popFirst() {
      guard let index = entries[oldest.key]?.firstIndex(where: { $0.stamp == oldest.stamp }) else {
        continue
      }
      let removed = entries[oldest.key]?.remove(at: index)
      if entries[oldest.key]?.isEmpty == true { entries[oldest.key] = nil }
      count -= 1
      return removed?.statement
    }
    return nil
  }

  mutating func removeAll() -> [OpenStatement] {
    let all = entries.values.flatMap { $0.map(\.statement) }
    entries = [:]
    order = []
    count = 0
    return all
  }
}
