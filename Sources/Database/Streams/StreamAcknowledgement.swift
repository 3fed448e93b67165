/// What a producer is told when its rows are stored.
public struct StreamAcknowledgement: Sendable, Hashable {
  /// Of the first row.
  public var offset: Int64
  /// Behind the last row.
  public var nextOffset: Int64
  public var rowCount: Int
  /// Whether the rows had been stored before, under the same producer and sequence.
  public var isRepeat: Bool
  /// Rows that went to the dead letters.
  public var deadLetterCount: Int

  public init(
    offset: Int64, nextOffset: Int64, rowCount: Int, isRepeat: Bool = false,
    deadLetterCount: Int = 0
  ) {
    self.offset = offset
    self.nextOffset = nextOffset
    self.rowCount = rowCount
    self.isRepeat = isRepeat
    self.deadLetterCount = deadLetterCount
  }

  /// As it travels in the metadata of an answer.
  public var json: String {
    "{\"offset\":\(offset),\"next_offset\":\(nextOffset),\"rows\":\(rowCount),"
      + "\"repeat\":\(isRepeat),\"dead_letters\":\(deadLetterCount)}"
  }
}

/// What a producer may say with its rows.
public struct StreamMarks: Sendable, Hashable {
  /// Names the rows, so that a retry is stored once.
  public var producer: String?
  public var sequence: Int64?
  /// No event time below this follows, in microseconds since 1970.
  public var watermarkMicroseconds: Int64?
  /// Nothing follows.
  public var endsStream = false

  public init(
    producer: String? = nil, sequence: Int64? = nil, watermarkMicroseconds: Int64? = nil,
    endsStream: Bool = false
  ) {
    self.producer = producer
    self.sequence = sequence
    self.watermarkMicroseconds = watermarkMicroseconds
    self.endsStream = endsStream
  }
}
