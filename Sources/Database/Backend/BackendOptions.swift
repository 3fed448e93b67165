/// When a change for a database behind is acknowledged.
public enum WriteMode: String, Hashable, Sendable, CaseIterable {
  /// When the database has it, and the cache serves nothing older.
  case through
  /// When it is durable in the outbox, from where it is pushed to the database in order, exactly once.
  case behind
  /// When the database has it; what is cached of the table is let go, and cached tables are not changed in place.
  case around
}

/// What an operator says about one database behind, beside how to reach it.
public struct BackendOptions: Hashable, Sendable {
  public var writeMode = WriteMode.through
  /// Bytes of changes that may wait for the database; more are refused with RESOURCE_EXHAUSTED.
  public var outboxMaxByteCount = 1 << 30
  /// The channel on which the database says which tables others have changed; nil for none.
  public var notifyChannel: String?

  public init() {}

  /// The names of the options in WITH.
  public static let names = ["write", "outbox_max_bytes", "notify_channel"]

  /// Sets the option of that name, as `CREATE ENGINE … WITH (write = 'behind')` does.
  ///
  /// - Returns: False if there is no such option here.
  /// - Throws: INVALID_ARGUMENT for a value that makes no sense.
  public mutating func set(_ name: String, _ value: String) throws(DatabaseError) -> Bool {
    switch name {
    case "write": writeMode = try WriteMode(option: value)
    case "outbox_max_bytes":
      guard let count = Self.byteCount(value), count >= 1 << 20 else {
        throw DatabaseError(
          .invalidArgument,
          "outbox_max_bytes is \"\(value)\"; it must be a size of at least 1MiB, such as 512MiB or 4GB"
        )
      }
      outboxMaxByteCount = count
    case "notify_channel": notifyChannel = value.isEmpty ? nil : value
    default: return false
    }
    return true
  }

  private static func byteCount(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit: Int? =
      switch text.dropFirst(digits.count).drop(while: { $0 == " " }).lowercased() {
      case "", "b": 1
      case "kib": 1 << 10
      case "mib": 1 << 20
      case "gib": 1 << 30
      case "tib": 1 << 40
      case "kb": 1_000
      case "mb": 1_000_000
      case "gb": 1_000_000_000
      case "tb": 1_000_000_000_000
      default: nil
      }
    guard let unit, let number = Int(digits) else { return nil }
    let (count, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? nil : count
  }
}

extension WriteMode {
  /// - Throws: INVALID_ARGUMENT for another word.
  init(option text: String) throws(DatabaseError) {
    guard let mode = WriteMode(rawValue: text.lowercased()) else {
      throw DatabaseError(
        .invalidArgument, "write is \"\(text)\"; it must be through, behind or around")
    }
    self = mode
  }
}
