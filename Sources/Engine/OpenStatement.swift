public import DuckDB

/// A connection taken from an instance, with what is needed to give it back.
public final class HeldConnection: Sendable {
  public let connection: Connection
  let settings: SessionSettings
  let generation: Int

  init(_ connection: Connection, settings: SessionSettings, generation: Int) {
    self.connection = connection
    self.settings = settings
    self.generation = generation
  }
}

/// A prepared statement on a connection of its own.
///
/// **Sendable.** `@unchecked`: whoever took it from the instance is the only one who uses it, on
/// one thread at a time.
public final class OpenStatement: @unchecked Sendable {
  public let sql: String
  public let statement: PreparedStatement
  let connection: HeldConnection
  /// The catalog for which it was prepared: its result columns are those of that catalog.
  let catalogVersion: Int
  /// Whether it is known that its text comes more than once.
  var isWorthKeeping: Bool

  init(
    sql: String, statement: PreparedStatement, on connection: HeldConnection, catalogVersion: Int
  ) {
    self.sql = sql
    self.statement = statement
    self.connection = connection
    self.catalogVersion = catalogVersion
    // Whoever sends parameters apart from the text sends the text again.
    isWorthKeeping = statement.parameterCount > 0
  }
}

/// Statements that are not in use, by text and settings, the longest unused leave first.
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
  /// Hashes of texts that came once. Most texts with literals in them never come again; keeping
  /// their statements would push out those that do.
  private var seenOnce: Set<Int> = []
  private var count = 0
  private var stamp: UInt64 = 0

  mutating func take(
    sql: String, settings: SessionSettings, catalogVersion: Int
  ) -> OpenStatement? {
    let key = Key(sql: sql, settings: settings.key)
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
    count += 1
    guard count > limit else { return nil }
    return removeOldest()
  }

  private mutating func removeOldest() -> OpenStatement? {
    let oldest = entries.min { ($0.value.first?.stamp ?? .max) < ($1.value.first?.stamp ?? .max) }
    guard let oldest, var list = entries[oldest.key], !list.isEmpty else { return nil }
    let entry = list.removeFirst()
    entries[oldest.key] = list.isEmpty ? nil : list
    count -= 1
    return entry.statement
  }

  mutating func removeAll() -> [OpenStatement] {
    let all = entries.values.flatMap { $0.map(\.statement) }
    entries = [:]
    count = 0
    return all
  }
}
