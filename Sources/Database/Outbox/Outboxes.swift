internal import Columnar
internal import Log
internal import Synchronization

/// What the catalog's topic says of an outbox.
struct OutboxDefinition: Hashable, Sendable {
  /// The database behind that it is for, by its name.
  var engine: String
  /// Random: it names the outbox in that database, where other servers may have some too.
  var id: String
  /// Its changes.
  var topic: TopicID
  /// How far the database is, as this server knows it.
  var positions: TopicID
}

/// The outboxes of all databases behind. Their definitions are rows of the catalog's topic.
final class Outboxes: Sendable {
  private static let schema = Schema([
    Field("kind", .utf8), Field("topic", .int64), Field("positions", .int64),
    Field("engine", .utf8), Field("id", .utf8),
  ])

  private let streams: StreamCatalog
  private let state = Mutex<[String: OutboxDefinition]>([:])

  init(_ streams: StreamCatalog) { self.streams = streams }

  /// The outbox of an engine, if it ever had one.
  func definition(of engine: String) -> OutboxDefinition? {
    state.withLock { $0[engine.lowercased()] }
  }

  /// The outbox of an engine; made and recorded if there is none. One caller at a time.
  func make(for engine: String) async throws(DatabaseError) -> OutboxDefinition {
    if let known = definition(of: engine) { return known }
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    let log = streams.log
    let definition: OutboxDefinition
    do throws(LogError) {
      definition = OutboxDefinition(
        engine: engine, id: String(repeating: "0", count: 16 - digits.count) + digits,
        topic: try log.createTopic(named: "outbox of \(engine)", settings: Outbox.settings),
        positions: try log.createTopic(
          named: "outbox of \(engine): applied", settings: Outbox.positionSettings))
    } catch {
      throw DatabaseError(error)
    }
    try await streams.write(Self.batch("outbox", definition))
    state.withLock { $0[engine.lowercased()] = definition }
    return definition
  }

  /// Lets go of the outbox of an engine, and of what is in it.
  func drop(_ engine: String) async throws(DatabaseError) {
    guard let definition = definition(of: engine) else { return }
    try await streams.write(Self.batch("outbox dropped", definition))
    state.withLock { $0[engine.lowercased()] = nil }
    for topic in [definition.topic, definition.positions] { try? streams.log.removeTopic(topic) }
  }

  // MARK: - The topic of the catalog

  private static func batch(_ kind: String, _ definition: OutboxDefinition) -> Batch {
    Batch(
      schema: schema,
      columns: [
        .strings([kind]), .int64s([Int64(definition.topic.rawValue)]),
        .int64s([Int64(definition.positions.rawValue)]), .strings([definition.engine]),
        .strings([definition.id]),
      ], rowCount: 1)
  }

  /// Reads what the catalog knows. Called once, before anyone asks. Blocks on the disk.
  func fold() throws(DatabaseError) {
    var found: [String: OutboxDefinition] = [:]
    var dropped: [OutboxDefinition] = []
    try streams.log.readCatalog(for: "the outboxes") { rows in
      guard let (kind, definition) = Self.definition(rows) else { return }
      found[definition.engine.lowercased()] = kind == "outbox" ? definition : nil
      if kind != "outbox" { dropped.append(definition) }
    }
    for topic in dropped.flatMap({ [$0.topic, $0.positions] }) where streams.log.topic(topic) != nil
    {
      try? streams.log.removeTopic(topic)
    }
    let all = found
    state.withLock { $0 = all }
  }

  private static func definition(_ batch: Batch) -> (kind: String, OutboxDefinition)? {
    guard batch.columns.count == schema.fields.count, batch.rowCount == 1 else { return nil }
    func text(_ column: Int) -> String { batch.columns[column].string(at: 0) ?? "" }
    guard ["outbox", "outbox dropped"].contains(text(0)), let topic = UInt32(text(1)),
      let positions = UInt32(text(2))
    else { return nil }
    return (
      text(0),
      OutboxDefinition(
        engine: text(3), id: text(4), topic: TopicID(rawValue: topic),
        positions: TopicID(rawValue: positions))
    )
  }
}
