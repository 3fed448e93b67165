/// A file outside of the log that holds rows of one topic in the place of the log's own.
public struct ColdFile: Sendable, Hashable {
  /// The rows in it, all of them in order.
  public var offsets: Range<Offset>
  /// Where it is, as the cold store wrote it.
  public var location: String
  /// Bytes of the file.
  public var byteCount: Int
  /// CRC-32C of the file's bytes; nil where they cannot be read as bytes.
  public var checksum: UInt32?
  /// The version of the topic's schema that all its rows were brought into.
  public var schemaID: UInt32
  /// Ingest times of its rows, in microseconds since 1970.
  public var ingestMicroseconds: ClosedRange<Int64>
  /// The smallest and the largest event time in it; nil if no row has one.
  public var eventMicroseconds: ClosedRange<Int64>?
  /// Whether some rows have no event time, so that these rule nothing out.
  public var hasUntimed: Bool
  /// What producers said between the rows, in order.
  public var marks: [ColdMark]

  public init(
    offsets: Range<Offset>, location: String, byteCount: Int, checksum: UInt32? = nil,
    schemaID: UInt32, ingestMicroseconds: ClosedRange<Int64>,
    eventMicroseconds: ClosedRange<Int64>? = nil, hasUntimed: Bool = true, marks: [ColdMark] = []
  ) {
    self.offsets = offsets
    self.location = location
    self.byteCount = byteCount
    self.checksum = checksum
    self.schemaID = schemaID
    self.ingestMicroseconds = ingestMicroseconds
    self.eventMicroseconds = eventMicroseconds
    self.hasUntimed = hasUntimed
    self.marks = marks
  }

  public var rowCount: Int { Int(offsets.upperBound.rawValue - offsets.lowerBound.rawValue) }
}

/// A watermark, or the end of a stream, between rows that are in a cold file.
public struct ColdMark: Sendable, Hashable {
  /// That of the next row.
  public var offset: Offset
  /// Microseconds since 1970; nil is the end of the stream.
  public var microseconds: Int64?

  public init(offset: Offset, microseconds: Int64?) {
    self.offset = offset
    self.microseconds = microseconds
  }
}

/// Where a log's cold rows are. The log records which files there are and reads them through this;
/// whoever gives it one decides what they look like.
///
/// Calls block. They come from any thread, several at a time.
public protocol ColdStore: AnyObject, Sendable {
  /// Some rows of a file, in order and without gaps, decoded.
  ///
  /// - Parameter columns: The ids of those that are read, nil for all: in the others anything may stand.
  /// - Throws: `.damaged` when the file is not there or not what was recorded.
  func read(
    _ offsets: Range<Offset>, of file: ColdFile, topic: TopicID, columns: Set<UInt32>?
  ) throws(LogError) -> [StoredBatch]

  /// Removes a file that the log needs no more. One that is not there is no error.
  func remove(_ file: ColdFile) throws(LogError)

  /// What is wrong with a file, as a sentence; nil if it is as it was written.
  func problem(with file: ColdFile) -> String?
}

/// Rows of a topic that could be kept elsewhere.
public struct ColdCandidate: Sendable {
  public var offsets: Range<Offset>
  public var ingestMicroseconds: ClosedRange<Int64>
  public var eventMicroseconds: ClosedRange<Int64>?
  public var hasUntimed: Bool
  /// Bytes that they take in the log.
  public var byteCount: Int
}

/// A log whose old rows may be kept in files outside of it. Its topics stay one sequence of rows for
/// readers.
public protocol ColdRows: AnyObject, Sendable {
  /// Sets what reads cold files. To be called before anyone reads them.
  func setColdStore(_ store: any ColdStore)

  /// The oldest rows of a topic that are not cold yet, all of them taken before a time: those of one
  /// sealed segment or several. The newest segment is sealed if it begins with such rows.
  ///
  /// - Parameter byteCount: About as many bytes of the log as are wanted; one segment's rows at least.
  /// - Returns: Nil if no sealed segment has only rows that are old enough.
  func coldCandidate(
    of topic: TopicID, takenBefore microseconds: Int64, byteCount: Int
  ) async throws(LogError) -> ColdCandidate?

  /// Records durably that the rows of a file are in it, and lets go of them here.
  ///
  /// - Precondition: The file would survive a power cut, and begins where the cold rows end.
  func freeze(_ file: ColdFile, of topic: TopicID) async throws(LogError)

  /// The cold files of a topic, in the order of their offsets.
  func coldFiles(of topic: TopicID) -> [ColdFile]
}
