/// The log: topics of Arrow messages, appended in atomic groups, durable before they are acknowledged.
///
/// It is the truth of the database. Everything else is computed from it.
public protocol LogStore: AnyObject, Sendable {
  /// Makes an empty topic.
  ///
  /// It is durable no later than the next durable append to any topic, so that a catalog that records
  /// it afterwards pays for one sync.
  ///
  /// - Parameter name: For people who look at the files; need not be unique.
  func createTopic(named name: String, settings: TopicSettings) throws(LogError) -> TopicID

  /// Lets go of a topic and all it holds, files outside of the log included: for them it blocks. Its
  /// number is never used again.
  func removeTopic(_ id: TopicID) throws(LogError)

  /// The topic of a number, or `nil` if there is none.
  func topic(_ id: TopicID) -> (any Topic)?

  /// Hands over a group, which is appended whole or not at all. Groups that are handed over one after
  /// the other are in that order in the log.
  ///
  /// Rows get their offsets in the order of `writes`. A group whose key is remembered is not stored
  /// again; the outcome is that of the first time. A group that expects offsets which others have taken
  /// is not stored (`.moved`), so that rows which depend on those before them can be handed over without
  /// waiting for each.
  ///
  /// - Parameter completion: Called once, when the group is as durable as it asks for, from a thread of
  ///   the log: it must return quickly. Its error is `LogError.full` when the disk is full (nothing of
  ///   the group is kept, and later groups may succeed), `.failed` when a sync failed: then the topics
  ///   take no more until a restart.
  func submit(
    _ group: AppendGroup,
    _ completion: @escaping @Sendable (Result<AppendOutcome, LogError>) -> Void)

  /// Makes a prepared group visible, or drops it. Offsets are given here.
  func resolve(_ preparation: PreparationID, commits: Bool) async throws(LogError) -> AppendOutcome

  /// Groups that were prepared and not resolved, as after a crash.
  var openPreparations: [PreparationID] { get }
}

extension LogStore {
  /// Appends a group, and returns when it is as durable as it asks for.
  public func append(_ group: AppendGroup) async throws(LogError) -> AppendOutcome {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<AppendOutcome, LogError>, Never>) in
      submit(group) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }
}

/// One topic of a log, for its readers.
public protocol Topic: AnyObject, Sendable {
  /// Where the topic begins and ends now.
  var state: TopicState { get }

  /// Takes over new settings; they are durable like a topic that is created.
  func apply(_ settings: TopicSettings) throws(LogError)

  /// What has to be read to get all rows of a range of offsets that the filter cannot rule out, in the
  /// order of the log. Units may hold rows outside the range: readers cut.
  ///
  /// Costs memory per unit, not per record.
  func units(in offsets: Range<Offset>, _ filter: ScanFilter) throws(LogError) -> [ScanUnit]

  /// The records of a unit, in the order of the log. Blocks on the disk unless they are among the
  /// newest, which are kept in memory.
  ///
  /// - Throws: `.gone` when retention has taken them meanwhile, `.damaged` when their checksum is wrong.
  func read(_ unit: ScanUnit) throws(LogError) -> [StoredRecord]

  /// Calls `onAppend` after each append, once the rows are visible, from whatever thread did it: it must
  /// return quickly. Ends when the returned watch is let go of.
  func watch(_ onAppend: @escaping @Sendable (TopicState) -> Void) -> TopicWatch

  /// Keeps retention from taking rows at or above an offset, for as long as somebody needs them.
  ///
  /// - Parameter offset: `nil` lets go.
  func hold(_ offset: Offset?, for reader: String)
}

/// The number of a topic, never used again.
public struct TopicID: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The topic of the catalog, which every log has from its start.
  public static let catalog = TopicID(rawValue: 0)

  public static func < (left: TopicID, right: TopicID) -> Bool { left.rawValue < right.rawValue }
}

/// The place of a row in its topic: rows are counted from 0.
public struct Offset: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: Int64

  public init(rawValue: Int64) { self.rawValue = rawValue }
  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  public static let zero = Offset(0)

  public static func < (left: Offset, right: Offset) -> Bool { left.rawValue < right.rawValue }

  /// The offset so many rows on.
  public func advanced(by rowCount: Int) -> Offset {
    Offset(rawValue.addingReportingOverflow(Int64(rowCount)).partialValue)
  }
}

/// When an append counts as done.
public enum Durability: UInt8, Sendable {
  /// When it would survive a power cut.
  case sync = 0
  /// When it would survive the end of this process: the operating system has it.
  case os = 1
}

/// What a topic keeps.
public struct TopicSettings: Hashable, Sendable {
  public var durability: Durability
  /// Rows older than this by ingest time may go; `nil` keeps them.
  public var retention: Duration?
  /// The oldest rows may go while the topic is larger; `nil` sets no limit.
  public var retentionByteCount: Int?
  /// Whether retention goes on past what a reader still holds.
  public var retentionIgnoresHolds: Bool
  /// How long the keys of producers are remembered.
  public var keyMemory: Duration

  public init(
    durability: Durability = .sync, retention: Duration? = nil, retentionByteCount: Int? = nil,
    retentionIgnoresHolds: Bool = false, keyMemory: Duration = .seconds(7 * 86_400)
  ) {
    self.durability = durability
    self.retention = retention
    self.retentionByteCount = retentionByteCount
    self.retentionIgnoresHolds = retentionIgnoresHolds
    self.keyMemory = keyMemory
  }
}

/// A topic as it is at one moment.
public struct TopicState: Sendable {
  public var name: String
  public var settings: TopicSettings
  /// The first row that is still there.
  public var start: Offset
  /// Where the next row will go: all rows below it are visible.
  public var head: Offset
  /// The first row that is in the log's own files; those before it are cold.
  public var hotStart: Offset
  /// Bytes in the log's own files.
  public var byteCount: Int
  /// Bytes of the files that hold cold rows.
  public var coldByteCount: Int
  /// The last watermark in the log, in microseconds since 1970.
  public var watermarkMicroseconds: Int64?
  /// Whether a producer has said that nothing follows.
  public var isEnded: Bool
  /// Ingest time of the newest row, in microseconds since 1970.
  public var lastIngestMicroseconds: Int64?
  /// Why the topic takes nothing more, if so.
  public var failure: LogError?

  public init(name: String, settings: TopicSettings) {
    self.name = name
    self.settings = settings
    start = .zero
    head = .zero
    hotStart = .zero
    byteCount = 0
    coldByteCount = 0
    isEnded = false
  }
}

/// Ends a watch when it is let go of.
public final class TopicWatch: Sendable {
  private let onEnd: @Sendable () -> Void

  public init(onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }

  deinit { onEnd() }
}
