public import Columnar

/// What a batch needs to be decoded: its schema and the dictionaries of its columns.
///
/// Batches of one producer share a context; the log writes it once per file and tells contexts apart by
/// identity.
public final class LogContext: Sendable {
  /// Which version of the topic's schema; numbered by whoever owns the topic.
  public let schemaID: UInt32
  public let schema: IPCMessage
  /// Whole dictionaries, none of them a delta, in the order in which a decoder needs them.
  public let dictionaries: [IPCMessage]

  public init(schemaID: UInt32, schema: IPCMessage, dictionaries: [IPCMessage] = []) {
    self.schemaID = schemaID
    self.schema = schema
    self.dictionaries = dictionaries
  }
}

/// One batch to append.
public struct BatchRecord: Sendable {
  public var context: LogContext
  public var message: IPCMessage
  public var rowCount: Int
  /// The smallest and the largest event time in it, in microseconds since 1970.
  public var eventMicroseconds: ClosedRange<Int64>?
  /// The rows themselves, if the writer has them: those who read what was just written need not
  /// decode it.
  public var batch: Batch?

  public init(
    context: LogContext, message: IPCMessage, rowCount: Int,
    eventMicroseconds: ClosedRange<Int64>? = nil, batch: Batch? = nil
  ) {
    self.context = context
    self.message = message
    self.rowCount = rowCount
    self.eventMicroseconds = eventMicroseconds
    self.batch = batch
  }
}

/// What a topic is made of.
public enum LogRecord: Sendable {
  case batch(BatchRecord)
  /// No event time below this follows, in microseconds since 1970.
  case watermark(microseconds: Int64)
  /// The producer sends no more.
  case endOfStream
}

/// Records for one topic.
public struct TopicWrite: Sendable {
  public var topic: TopicID
  public var records: [LogRecord]
  /// Where the first row must go, if that matters to what is in the rows.
  public var expectedOffset: Offset?

  public init(_ topic: TopicID, _ records: [LogRecord], expectedOffset: Offset? = nil) {
    self.topic = topic
    self.records = records
    self.expectedOffset = expectedOffset
  }
}

/// Names a group of a producer, so that a retry is stored once.
public struct ProducerKey: Hashable, Sendable {
  public var producer: String
  /// Counted by the producer; need not be without gaps, nor come in order.
  public var sequence: Int64

  public init(producer: String, sequence: Int64) {
    self.producer = producer
    self.sequence = sequence
  }
}

/// A group that is prepared first and resolved later, as part of a transaction with something else.
public struct PreparationID: Hashable, Sendable {
  /// Random; 16 bytes.
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// What is appended at once.
public struct AppendGroup: Sendable {
  public var writes: [TopicWrite]
  /// Remembered with the topic of the first write.
  public var key: ProducerKey?
  /// `nil` takes the strictest of the topics' settings.
  public var durability: Durability?
  /// Set to prepare only: the rows stay invisible until `resolve`, and are durable from now on.
  public var preparation: PreparationID?

  public init(
    _ writes: [TopicWrite], key: ProducerKey? = nil, durability: Durability? = nil,
    preparation: PreparationID? = nil
  ) {
    self.writes = writes
    self.key = key
    self.durability = durability
    self.preparation = preparation
  }
}

/// Where a group went.
public struct AppendOutcome: Sendable {
  /// For each write, the offsets of its rows; empty for a group that is only prepared.
  public var offsets: [Range<Offset>]
  /// Whether it had been stored before, under the same key.
  public var isRepeat: Bool

  public init(offsets: [Range<Offset>], isRepeat: Bool = false) {
    self.offsets = offsets
    self.isRepeat = isRepeat
  }
}

/// Which rows a reader needs; a bound that is `nil` rules nothing out.
public struct ScanFilter: Sendable, Hashable {
  /// In microseconds since 1970, both ends included.
  public var ingestMicroseconds: ClosedRange<Int64>?
  /// In microseconds since 1970, both ends included. Records without event times are never ruled out.
  public var eventMicroseconds: ClosedRange<Int64>?
  /// The most rows per unit that a reader would like; a unit has one record at least.
  public var preferredUnitRowCount: Int
  /// Whether units name places in files also where the rows are in memory: such a unit holds the same
  /// rows for ever, unless it is the last.
  public var namesPlaces: Bool
  /// The ids of the columns that are read; nil for all. What cold rows have in others does not matter.
  public var columns: Set<UInt32>?

  public init(
    ingestMicroseconds: ClosedRange<Int64>? = nil, eventMicroseconds: ClosedRange<Int64>? = nil,
    preferredUnitRowCount: Int = 65_536, namesPlaces: Bool = false
  ) {
    self.namesPlaces = namesPlaces
    self.ingestMicroseconds = ingestMicroseconds
    self.eventMicroseconds = eventMicroseconds
    self.preferredUnitRowCount = preferredUnitRowCount
  }
}

/// Some records that lie together, to be read in one go.
public struct ScanUnit: Sendable, Hashable {
  /// All rows in it.
  public var offsets: Range<Offset>
  /// Where they are: known to the topic that made the unit.
  public var file: UInt64
  public var position: Int
  public var byteCount: Int
  /// Whether it is a record that was prepared first and made visible later.
  public var wasPrepared: Bool
  /// Those that the filter named.
  public var columns: Set<UInt32>?

  /// Whether its rows are outside of the log.
  public var isCold: Bool { file == Self.coldFile }

  static let coldFile = UInt64.max - 1

  public init(
    offsets: Range<Offset>, file: UInt64, position: Int, byteCount: Int, wasPrepared: Bool = false
  ) {
    self.offsets = offsets
    self.file = file
    self.position = position
    self.byteCount = byteCount
    self.wasPrepared = wasPrepared
  }
}

/// A batch as it lies in the log.
public struct StoredBatch: Sendable {
  public var firstOffset: Offset
  public var rowCount: Int
  /// When the log took it, in microseconds since 1970; never smaller than that of an earlier record.
  /// Of rows that were several records, when it took the first.
  public var ingestMicroseconds: Int64
  /// When the log took each row, for rows that were several records: those of cold files.
  public var ingestTimes: Column?
  public var eventMicroseconds: ClosedRange<Int64>?
  public var context: LogContext
  /// The message, as Flight ships it. Its body is in one piece if it was read from a file.
  public var message: IPCMessage
  /// The rows themselves, if the batch was written lately.
  public var batch: Batch?

  public init(
    firstOffset: Offset, rowCount: Int, ingestMicroseconds: Int64,
    eventMicroseconds: ClosedRange<Int64>?, context: LogContext, message: IPCMessage,
    batch: Batch? = nil
  ) {
    self.firstOffset = firstOffset
    self.rowCount = rowCount
    self.ingestMicroseconds = ingestMicroseconds
    self.eventMicroseconds = eventMicroseconds
    self.context = context
    self.message = message
    self.batch = batch
  }

  /// The offset behind the last row.
  public var endOffset: Offset { firstOffset.advanced(by: rowCount) }
}

/// What comes out of a topic.
public enum StoredRecord: Sendable {
  case batch(StoredBatch)
  /// `offset`: that of the next row.
  case watermark(microseconds: Int64, at: Offset)
  case endOfStream(at: Offset)
}
