internal import Log
internal import Synchronization

/// Hands the batches of a subscription out to its consumers, and remembers what they have not
/// acknowledged.
final class Delivery: Sendable {
  struct Outstanding: Sendable {
    var range: Range<Offset>
    /// Nil while nobody has it: it is to be delivered again.
    var consumer: ObjectIdentifier?
    var deadline: ContinuousClock.Instant
  }

  fileprivate struct State {
    /// Everything below was acknowledged.
    var acknowledged: Offset
    /// The first row that nobody was given yet.
    var next: Offset
    /// In the order of their rows.
    var outstanding: [Outstanding] = []
    var consumers: [ObjectIdentifier: WeakConsumer] = [:]
  }

  fileprivate struct WeakConsumer {
    weak var query: LiveQuery?
  }

  let name: String
  let stream: Stream
  let query: String
  let acknowledgeTimeout: Duration
  let writtenOptions: [String: String]
  private let state: Mutex<State>

  init(
    name: String, stream: Stream, query: String, position: Offset, acknowledgeTimeout: Duration,
    writtenOptions: [String: String]
  ) {
    self.name = name
    self.stream = stream
    self.query = query
    self.acknowledgeTimeout = acknowledgeTimeout
    self.writtenOptions = writtenOptions
    state = Mutex(State(acknowledged: position, next: position))
    stream.topic.hold(position, for: holdName)
  }

  private var holdName: String { "subscription \(name)" }

  /// Everything below was acknowledged.
  var position: Offset { state.withLock { $0.acknowledged } }

  var outstandingCount: Int { state.withLock { $0.outstanding.count } }
  var consumerCount: Int { state.withLock { $0.consumers.count } }

  /// The next rows for a consumer: first those that another one did not acknowledge in time.
  func take(for query: LiveQuery, head: Offset, maxRowCount: Int64) -> Range<Offset>? {
    let now = ContinuousClock.now
    let id = ObjectIdentifier(query)
    return state.withLock { state in
      state.consumers[id] = WeakConsumer(query: query)
      let again = state.outstanding.firstIndex { $0.consumer == nil || $0.deadline <= now }
      if let again {
        state.outstanding[again].consumer = id
        state.outstanding[again].deadline = now + acknowledgeTimeout
        return state.outstanding[again].range
      }
      guard state.next < head else { return nil }
      let range = state.next..<min(head, state.next.advanced(by: Int(maxRowCount)))
      state.next = range.upperBound
      state.outstanding.append(
        Outstanding(range: range, consumer: id, deadline: now + acknowledgeTimeout))
      return range
    }
  }

  /// Rows of which the query made nothing need no acknowledgement.
  func acknowledgeEmpty(_ range: Range<Offset>, of query: LiveQuery) {
    state.withLock { state in
      state.outstanding.removeAll { $0.range == range }
      state.settle()
    }
  }

  /// A consumer has dealt with everything up to an offset that it was given.
  ///
  /// - Returns: Below what everything is acknowledged now.
  func acknowledge(upTo offset: Offset) throws(DatabaseError) -> Offset {
    let (position, isKnown) = state.withLock { state in
      guard offset <= state.next else { return (state.acknowledged, false) }
      state.outstanding.removeAll { $0.range.upperBound <= offset }
      state.settle()
      return (state.acknowledged, true)
    }
    guard isKnown else {
      throw DatabaseError(
        .invalidArgument, "the token is of rows that the subscription \(name) has not delivered yet"
      )
    }
    stream.topic.hold(position, for: holdName)
    return position
  }

  /// Begins anew behind a token.
  func rewind(to offset: Offset) throws(DatabaseError) {
    state.withLock { state in
      state.outstanding = []
      state.next = offset
      state.acknowledged = min(state.acknowledged, offset)
    }
  }

  /// What a consumer had is delivered to others.
  func consumerLeft(_ query: LiveQuery) {
    let id = ObjectIdentifier(query)
    let others = state.withLock { state in
      state.consumers[id] = nil
      for index in state.outstanding.indices where state.outstanding[index].consumer == id {
        state.outstanding[index].consumer = nil
      }
      return state.consumers.values.compactMap(\.query)
    }
    for other in others { other.signal() }
  }

  /// Wakes consumers when something has waited too long. Called several times a second.
  func sweep() {
    let now = ContinuousClock.now
    let waiting = state.withLock { state in
      state.outstanding.contains { $0.deadline <= now }
        ? state.consumers.values.compactMap(\.query) : []
    }
    for query in waiting { query.signal() }
  }

  func drop() {
    stream.topic.hold(nil, for: holdName)
    let consumers = state.withLock { $0.consumers.values.compactMap(\.query) }
    for consumer in consumers {
      consumer.end(
        .failed(DatabaseError(.notFound, "the subscription \(name) was dropped")))
    }
  }
}

extension Delivery.State {
  /// Everything before the first rows that are outstanding is acknowledged.
  fileprivate mutating func settle() {
    acknowledged = max(acknowledged, outstanding.map(\.range.lowerBound).min() ?? next)
  }
}
