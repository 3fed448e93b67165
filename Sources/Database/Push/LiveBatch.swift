public import Columnar

/// Some rows of an endless query, with the place behind them.
public struct LiveBatch: Sendable {
  public var batch: Batch
  /// Of the first row of the stream that was looked at for it.
  public var offset: Int64
  /// Behind the last one.
  public var nextOffset: Int64
  /// What to give `SINCE`, or `EMIT CHANGES FROM TOKEN`, to go on behind it.
  public var token: String

  /// As it travels beside the rows.
  public var json: String {
    "{\"offset\":\(offset),\"next_offset\":\(nextOffset),\"token\":\"\(token)\"}"
  }
}
