internal import Columnar
internal import Log
internal import SQL
internal import Synchronization

/// The durable subscriptions, by name. Their definitions and positions are rows of the catalog's topic.
final class Subscriptions: Sendable {
  private static let schema = Schema([
    Field("kind", .utf8), Field("topic", .int64), Field("offset", .int64), Field("name", .utf8),
    Field("query", .utf8), Field("ack_timeout", .int64),
  ])

  private let streams: StreamCatalog
  private let state = Mutex<[String: Delivery]>([:])

  init(_ streams: StreamCatalog) { self.streams = streams }

  func find(_ name: String) -> Delivery? { state.withLock { $0[name.lowercased()] } }

  var all: [Delivery] {
    state.withLock { Array($0.values) }.sorted { $0.name < $1.name }
  }

  func add(_ delivery: Delivery) async throws(DatabaseError) {
    try await write("subscription", delivery, delivery.position)
    state.withLock { $0[delivery.name.lowercased()] = delivery }
  }

  func drop(_ name: String) async throws(DatabaseError) -> Bool {
    guard let delivery = find(name) else { return false }
    try await write("drop subscription", delivery, delivery.position)
    state.withLock { $0[name.lowercased()] = nil }
    delivery.drop()
    return true
  }

  func acknowledge(_ name: String, _ token: String) async throws(DatabaseError) {
    guard let delivery = find(name) else { throw Self.unknown(name) }
    let before = delivery.position
    let offset = try ResumeToken.parse(token, for: delivery.stream)
    let position = try delivery.acknowledge(upTo: offset)
    if position > before { try await write("position", delivery, position) }
  }

  static func unknown(_ name: String) -> DatabaseError {
    DatabaseError(
      .notFound, "there is no subscription \(name); SHOW SUBSCRIPTIONS lists those there are")
  }

  func sweep() { for delivery in all { delivery.sweep() } }

  // MARK: The topic of the catalog

  private func write(
    _ kind: String, _ delivery: Delivery, _ position: Offset
  ) async throws(DatabaseError) {
    let timeout = delivery.acknowledgeTimeout.components
    try await streams.write(
      Batch(
        schema: Self.schema,
        columns: [
          .strings([kind]), .int64s([Int64(delivery.stream.topicID.rawValue)]),
          .int64s([position.rawValue]), .strings([delivery.name]), .strings([delivery.query]),
          .int64s([timeout.seconds * 1_000 + timeout.attoseconds / 1_000_000_000_000_000]),
        ], rowCount: 1))
  }

  /// Reads what the catalog knows. Called once, after the streams are there.
  func fold() async throws(DatabaseError) {
    let byTopic = Dictionary(
      streams.all.map { ($0.topicID, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [String: Delivery] = [:]
    try streams.log.readCatalog(for: "the subscriptions") { apply($0, byTopic, to: &found) }
    let all = found
    state.withLock { $0 = all }
  }

  private func apply(
    _ batch: Batch, _ streams: [TopicID: Stream], to found: inout [String: Delivery]
  ) {
    guard batch.columns.count == 6 else { return }
    for row in 0..<batch.rowCount {
      func text(_ column: Int) -> String { batch.columns[column].string(at: row) ?? "" }
      let name = text(3).lowercased()
      guard text(0) != "drop subscription" else {
        found[name] = nil
        continue
      }
      guard let topic = UInt32(text(1)), let stream = streams[TopicID(rawValue: topic)],
        let offset = Int64(text(2)), ["subscription", "position"].contains(text(0))
      else { continue }
      found[name] = Delivery(
        name: text(3), stream: stream, query: text(4), position: Offset(offset),
        acknowledgeTimeout: .milliseconds(Int64(text(5)) ?? 60_000), writtenOptions: [:])
    }
  }

  var listing: Batch {
    let all = all
    return StreamListing.batch([
      ("name", .strings(all.map(\.name))),
      ("stream", .strings(all.map { $0.stream.definition.qualifiedName.description })),
      ("query", .strings(all.map(\.query))),
      ("acknowledged_offset", .int64s(all.map(\.position.rawValue))),
      ("token", .strings(all.map { ResumeToken($0.stream.topicID, $0.position).text })),
      ("outstanding_batches", .int64s(all.map { Int64($0.outstandingCount) })),
      ("consumers", .int64s(all.map { Int64($0.consumerCount) })),
      (
        "lag",
        .int64s(all.map { $0.stream.topic.state.head.rawValue - $0.position.rawValue })
      ),
    ])
  }
}

extension Session {
  /// Acknowledges what a subscription has delivered, up to a token.
  public func acknowledge(_ subscription: String, upTo token: String) async throws(DatabaseError) {
    try await database.subscriptions.acknowledge(subscription, token)
  }

  func create(_ create: CreateSubscription) async throws(DatabaseError) {
    if database.subscriptions.find(create.name) != nil {
      if create.isIfNotExists { return }
      throw DatabaseError(.alreadyExists, "there is a subscription \(create.name) already")
    }
    var timeout = Duration.seconds(60)
    var startsAtBeginning = false
    var written: [String: String] = [:]
    for option in create.options {
      written[option.name] = option.value
      switch option.name {
      case "ack_timeout":
        guard let microseconds = DurationText.microseconds(option.value) else {
          throw DatabaseError(
            .invalidArgument, "the option ack_timeout takes a duration as '30 seconds'")
        }
        timeout = .microseconds(microseconds)
      case "start":
        let word = option.value.lowercased()
        guard ["beginning", "now"].contains(word) else {
          throw DatabaseError(.invalidArgument, "the option start takes beginning or now")
        }
        startsAtBeginning = word == "beginning"
      case "retention": break
      default:
        throw DatabaseError(
          .invalidArgument,
          "a subscription has no option '\(option.name)'; it has ack_timeout, retention, start")
      }
    }
    let plan = try await plan(EmitChanges(query: create.query))
    let state = plan.stream.topic.state
    try await database.subscriptions.add(
      Delivery(
        name: create.name, stream: plan.stream, query: create.query,
        position: startsAtBeginning ? state.start : state.head, acknowledgeTimeout: timeout,
        writtenOptions: written))
  }

  func dropSubscription(_ name: String, isIfExists: Bool) async throws(DatabaseError) {
    let wasThere = try await database.subscriptions.drop(name)
    if !wasThere, !isIfExists { throw Subscriptions.unknown(name) }
  }
}
