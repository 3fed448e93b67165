/// What is known of queries for one key, by template and settings.
struct KeptLookups {
  private struct Key: Hashable {
    let template: String
    let settings: String
  }

  private enum Entry {
    case seen
    case making
    /// Cannot be looked up this way; asked again after this time.
    case unsuitable(until: ContinuousClock.Instant)
    case ready(KeyLookup)
  }

  /// How many of them are ready at a time; each may hold some connections.
  private static let maxReadyCount = 32
  private static let maxEntryCount = 1_024
  /// A table that was too small may have grown.
  private static let retrySeconds = 5

  private var entries: [Key: Entry] = [:]
  private var readyCount = 0

  func ready(_ template: String, _ settings: SessionSettings) -> KeyLookup? {
    guard case .ready(let lookup) = entries[Key(template: template, settings: settings.key)] else {
      return nil
    }
    return lookup
  }

  /// A query with this template has come.
  ///
  /// - Returns: Whether the caller shall make a look-up of it now.
  mutating func note(_ template: String, _ settings: SessionSettings) -> Bool {
    guard readyCount < Self.maxReadyCount else { return false }
    if entries.count >= Self.maxEntryCount, readyCount == 0 { entries = [:] }
    let key = Key(template: template, settings: settings.key)
    switch entries[key] {
    case nil:
      if entries.count < Self.maxEntryCount { entries[key] = .seen }
      return false
    case .unsuitable(let end) where end < .now: break
    case .seen: break
    default: return false
    }
    entries[key] = .making
    return true
  }

  /// - Parameter lookup: `nil` if none can be made.
  mutating func made(_ lookup: KeyLookup?, _ template: String, _ settings: SessionSettings) {
    let key = Key(template: template, settings: settings.key)
    guard case .making = entries[key] else { return }
    guard let lookup else {
      entries[key] = .unsuitable(until: .now + .seconds(Self.retrySeconds))
      return
    }
    entries[key] = .ready(lookup)
    readyCount += 1
  }

  /// - Returns: What was kept, to be let go of outside of any lock.
  mutating func removeAll() -> [KeyLookup] {
    let all = entries.values.compactMap { entry -> KeyLookup? in
      if case .ready(let lookup) = entry { lookup } else { nil }
    }
    entries = [:]
    readyCount = 0
    return all
  }
}
