internal import Log
internal import SQL

/// What may stand in `WITH (…)` of a stream.
struct StreamOptions: Sendable, Hashable {
  enum OnError: String, Sendable { case reject, deadLetter = "dead_letter" }

  var durability = Durability.sync
  var retention: Duration?
  var retentionByteCount: Int?
  var retentionIgnoresHolds = false
  var onError = OnError.reject
  /// Whether columns appear as rows bring them.
  var isSchemaless = false
  var keyMemory = Duration.seconds(7 * 86_400)
  var running = RunningOptions()
  /// Rows older than this are kept outside of the log; nil leaves them there.
  var tierAfter: Duration?
  /// A folder or an `s3://` address for them; nil takes that of the server.
  var tierTo: String?
  /// Whether the log knows the times of another column for some of the rows.
  var hasMixedEventTimes = false

  var topicSettings: TopicSettings {
    TopicSettings(
      durability: durability, retention: retention, retentionByteCount: retentionByteCount,
      retentionIgnoresHolds: retentionIgnoresHolds, keyMemory: keyMemory)
  }

  static let names =
    ([
      "durability", "format", "key_memory", "on_error", "retention", "retention_bytes",
      "retention_ignores_readers", "tier_after", "tier_to",
    ] + RunningOptions.names).sorted()

  /// What the catalog says of a stream whose event time has become another column.
  static let mixedEventTimes = "__mixed_event_times"

  /// Options of other systems that mean nothing here, and do no harm.
  private static let ignored: Set<String> = ["replicate", "replicas", "encode"]

  mutating func set(_ option: StreamOption) throws(SQLError) {
    try set(option.name, option.value, at: option.position)
  }

  mutating func set(
    _ name: String, _ value: String, at position: SourcePosition? = nil
  ) throws(SQLError) {
    if try running.set(name, value, at: position) { return }
    if name == Self.mixedEventTimes {
      hasMixedEventTimes = true
      return
    }
    let word = value.lowercased()
    func refuse(_ what: String) -> SQLError {
      SQLError("the option \(name) takes \(what), not '\(value)'", at: position)
    }
    switch name {
    case "durability":
      switch word {
      case "sync": durability = .sync
      case "os": durability = .os
      default: throw refuse("sync or os")
      }
    case "retention", "duration":
      if word == "forever" || word == "none" { retention = nil; break }
      guard let microseconds = DurationText.microseconds(value) else {
        throw refuse("a duration as '7 days', or forever")
      }
      retention = .microseconds(microseconds)
    case "tier_after":
      if word == "never" || word == "none" { tierAfter = nil; break }
      guard let microseconds = DurationText.microseconds(value) else {
        throw refuse("a duration as '1 day', or never")
      }
      tierAfter = .microseconds(microseconds)
    case "tier_to":
      tierTo = word == "default" ? nil : value
    case "retention_bytes":
      if word == "none" { retentionByteCount = nil; break }
      guard let byteCount = DurationText.byteCount(value) else {
        throw refuse("a size as '10GB', or none")
      }
      retentionByteCount = byteCount
    case "retention_ignores_readers":
      guard let flag = Self.flag(word) else { throw refuse("true or false") }
      retentionIgnoresHolds = flag
    case "on_error":
      guard let chosen = OnError(rawValue: word) else { throw refuse("reject or dead_letter") }
      onError = chosen
    case "format":
      switch word {
      case "json": isSchemaless = true
      case "columns", "arrow": isSchemaless = false
      default: throw refuse("JSON, for columns that appear as rows bring them, or columns")
      }
    case "key_memory":
      guard let microseconds = DurationText.microseconds(value) else {
        throw refuse("a duration as '7 days'")
      }
      keyMemory = .microseconds(microseconds)
    default:
      guard Self.ignored.contains(name) else {
        throw SQLError(
          "a stream has no option '\(name)'; it has \(Self.names.joined(separator: ", "))",
          at: position)
      }
    }
  }

  private static func flag(_ word: String) -> Bool? {
    switch word {
    case "true", "on", "1", "yes": true
    case "false", "off", "0", "no": false
    default: nil
    }
  }
}
