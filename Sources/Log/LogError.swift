/// Why the log could not do something.
public enum LogError: Error, Hashable, Sendable {
  /// There is no such topic, or no longer.
  case noTopic(TopicID)
  /// The rows were taken by retention: the first that is still there is at `start`.
  case gone(Offset, start: Offset)
  /// The disk is full. Nothing of the group was kept; it can be tried again.
  case full(String)
  /// A write or a sync failed; nothing more is taken until the process starts again.
  case failed(String)
  /// A file does not hold what was written to it. Names file and byte.
  case damaged(String)
  /// The rows would have gone elsewhere than to the offset that was expected. Nothing was kept.
  case moved(head: Offset)
  /// No such preparation, or it was resolved already.
  case noPreparation(PreparationID)
  /// The group makes no sense: a sentence.
  case invalid(String)
  /// The log is closed.
  case closed
}

extension LogError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noTopic(let id): "the log has no topic \(id.rawValue)"
    case .gone(let offset, let start):
      "the rows from offset \(offset.rawValue) on were removed by retention; "
        + "the oldest that are kept begin at offset \(start.rawValue)"
    case .full(let what): "the disk is full: \(what)"
    case .failed(let what): "the log has failed and takes nothing more: \(what)"
    case .damaged(let what): "the log is damaged: \(what)"
    case .moved(let head): "other rows came first: the next one goes to offset \(head.rawValue)"
    case .noPreparation: "there is no such prepared group, or it was resolved already"
    case .invalid(let sentence): sentence
    case .closed: "the log is closed"
    }
  }
}
