internal import Columnar
internal import Log
internal import SQL
internal import Synchronization

/// All streams, by name. What it knows is in the log's topic of the catalog; it is folded from there
/// when the database opens.
final class StreamCatalog: Sendable {
  private struct State {
    var streams: [StreamName: Stream] = [:]
    /// Shared by all records of a kind, so that the log has each schema once.
    var contexts: [Schema: LogContext] = [:]
    var running: [TopicID: RunningWrites] = [:]
    var identity: String?
  }

  let log: any LogStore
  private let state = Mutex(State())
  /// Held while the catalog changes, since that waits for the log.
  let turn = CatalogTurn()

  init(_ log: any LogStore) { self.log = log }

  var isEmpty: Bool { state.withLock { $0.streams.isEmpty } }

  func stream(_ name: StreamName) -> Stream? { state.withLock { $0.streams[name] } }

  func stream(of topic: TopicID) -> Stream? {
    state.withLock { state in state.streams.values.first { $0.topicID == topic } }
  }

  /// In the order of their names.
  var all: [Stream] {
    state.withLock { Array($0.streams.values) }
      .map { (name: $0.definition.qualifiedName.description, stream: $0) }
      .sorted { $0.name < $1.name }.map(\.stream)
  }

  func add(_ stream: Stream) {
    state.withLock { $0.streams[stream.definition.key] = stream }
  }

  func remove(_ name: StreamName) -> Stream? {
    state.withLock { state in
      let stream = state.streams.removeValue(forKey: name)
      if let stream, stream.isDropped { state.running[stream.topicID] = nil }
      return stream
    }
  }

  /// Whoever computes the running columns of a stream; made at the first call.
  func running(
    of stream: Stream, _ make: () -> RunningWrites
  ) -> RunningWrites? {
    guard stream.definition.options.running.isOn else { return nil }
    return state.withLock { state in
      if let known = state.running[stream.topicID] { return known }
      let made = make()
      state.running[stream.topicID] = made
      return made
    }
  }

  // MARK: The topic of the catalog

  /// Reads the topic of the catalog. Called once, before anyone asks.
  func fold() throws(DatabaseError) {
    var definitions: [TopicID: StreamDefinition] = [:]
    var seen: Set<TopicID> = []
    try log.readCatalog(for: "the catalog of the streams") { rows in
      seen.formUnion(CatalogRows.apply(rows, to: &definitions))
      if let identity = CatalogRows.identity(rows) {
        state.withLock { $0.identity = identity }
      }
    }
    // A crash may have come between the end of a stream and that of its topic.
    for id in seen where definitions[id] == nil && log.topic(id) != nil {
      try? log.removeTopic(id)
    }
    for definition in definitions.values {
      guard let topic = log.topic(definition.topic) else { continue }
      add(Stream(definition, topic))
    }
  }

  /// Makes a definition durable, and at once with it what else is to be known.
  func record(
    _ definition: StreamDefinition, with others: [Batch] = []
  ) async throws(DatabaseError) {
    try await write([CatalogRows.batch(definition)] + others)
  }

  /// The same for one who waits for it later.
  func recording(
    _ definition: StreamDefinition, with others: [Batch]
  ) async -> Result<Void, DatabaseError> {
    do throws(DatabaseError) {
      return .success(try await record(definition, with: others))
    } catch {
      return .failure(error)
    }
  }

  /// Lets go of streams whose name something else has: their CREATE was never acknowledged.
  func dropUnfinished(_ streams: [Stream]) async throws(DatabaseError) {
    for stream in streams {
      let definition = stream.definition
      _ = remove(definition.key)
      try await recordDrop(definition)
      try? log.removeTopic(definition.topic)
    }
  }

  func recordDrop(_ definition: StreamDefinition) async throws(DatabaseError) {
    try await write(CatalogRows.dropBatch(definition))
  }

  /// What tells this log from all others; nil before anyone has asked for it.
  var knownIdentity: String? { state.withLock { $0.identity } }

  /// The same; made and recorded when it is first asked for. One caller at a time.
  func identity() async throws(DatabaseError) -> String {
    if let knownIdentity { return knownIdentity }
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    let made = String(repeating: "0", count: 16 - digits.count) + digits
    try await write(CatalogRows.identityBatch(made))
    state.withLock { $0.identity = made }
    return made
  }

  func write(_ batches: Batch...) async throws(DatabaseError) { try await write(batches) }

  private func context(_ schema: Schema, _ encoder: IPCEncoder) -> LogContext {
    state.withLock { state in
      if let known = state.contexts[schema] { return known }
      let context = LogContext(schemaID: 1, schema: encoder.schemaMessage)
      state.contexts[schema] = context
      return context
    }
  }

  private func write(_ batches: [Batch]) async throws(DatabaseError) {
    do {
      var records: [LogRecord] = []
      for batch in batches {
        var encoder = IPCEncoder(schema: batch.schema)
        let context = context(batch.schema, encoder)
        records += try encoder.encode(batch).map { message in
          LogRecord.batch(
            BatchRecord(context: context, message: message, rowCount: batch.rowCount))
        }
      }
      _ = try await log.append(AppendGroup([TopicWrite(.catalog, records)], durability: .sync))
    } catch let error as LogError {
      throw DatabaseError(error)
    } catch {
      throw DatabaseError(.internal, "\(error)")
    }
  }
}

/// The rows of the catalog's topic: one per stream and change, with everything that is known of it.
enum CatalogRows {
  private static let schema = Schema([
    Field("kind", .utf8), Field("topic", .int64), Field("version", .int64), Field("schema", .utf8),
    Field("name", .utf8), Field("columns", .binary), Field("options", .utf8),
    Field("watermark", .utf8), Field("watermark_delay", .int64),
  ])

  private static let idKey = "hyprstream:id"
  private static let typeKey = "hyprstream:type"
  private static let defaultKey = "hyprstream:default"

  static func batch(_ definition: StreamDefinition) -> Batch {
    let fields = definition.current.columns.map { column in
      var field = column.field
      field.metadata.append(KeyValue(idKey, String(column.id)))
      field.metadata.append(KeyValue(typeKey, column.sqlType))
      if let text = column.defaultExpression { field.metadata.append(KeyValue(defaultKey, text)) }
      return field
    }
    let options = definition.writtenOptions.sorted { $0.key < $1.key }
      .map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
    return row(
      "stream", definition, columns: IPCStream.schemaBytes(Schema(fields)), options: options)
  }

  static func dropBatch(_ definition: StreamDefinition) -> Batch {
    row("drop", definition, columns: nil, options: nil)
  }

  private static func row(
    _ kind: String, _ definition: StreamDefinition, columns: [UInt8]?, options: String?
  ) -> Batch {
    Batch(
      schema: schema,
      columns: [
        .strings([kind]), .int64s([Int64(definition.topic.rawValue)]),
        .int64s([Int64(definition.current.id)]), .strings([definition.schemaName]),
        .strings([definition.name]), .binaries([columns]), .strings([options]),
        .strings([definition.watermark?.column]),
        .int64s([definition.watermark?.delayMicroseconds]),
      ], rowCount: 1)
  }

  static func identityBatch(_ identity: String) -> Batch {
    Batch(
      schema: schema,
      columns: [
        .strings(["identity"]), .int64s([0]), .int64s([0]), .strings([nil]), .strings([identity]),
        .binaries([nil]), .strings([nil]), .strings([nil]), .int64s([nil]),
      ], rowCount: 1)
  }

  static func identity(_ batch: Batch) -> String? {
    guard batch.columns.count >= 9, batch.rowCount == 1,
      batch.columns[0].string(at: 0) == "identity"
    else { return nil }
    return batch.columns[4].string(at: 0)
  }

  /// - Returns: The topics that the rows are about.
  static func apply(
    _ batch: Batch, to definitions: inout [TopicID: StreamDefinition]
  ) -> Set<TopicID> {
    guard batch.columns.count >= 9 else { return [] }
    var topics: Set<TopicID> = []
    for row in 0..<batch.rowCount {
      func text(_ column: Int) -> String? { batch.columns[column].string(at: row) }
      guard let kind = text(0), let topic = text(1).flatMap({ UInt32($0) }) else { continue }
      let id = TopicID(rawValue: topic)
      if kind == "stream" || kind == "drop" { topics.insert(id) }
      if kind == "drop" {
        definitions[id] = nil
        continue
      }
      guard kind == "stream", let version = text(2).flatMap({ UInt32($0) }),
        let schemaName = text(3), let name = text(4),
        let columns = columns(of: batch.columns[5], row)
      else { continue }
      var definition =
        definitions[id]
        ?? StreamDefinition(topic: id, schemaName: schemaName, name: name, versions: [])
      definition.schemaName = schemaName
      definition.name = name
      definition.versions.removeAll { $0.id == version }
      definition.versions.append(StreamDefinition.Version(id: version, columns: columns))
      definition.watermark = text(7).map { column in
        StreamWatermark(column: column, delayMicroseconds: text(8).flatMap { Int64($0) } ?? 0)
      }
      definition.writtenOptions = [:]
      definition.options = StreamOptions()
      for line in (text(6) ?? "").split(separator: "\n") {
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { continue }
        let (name, value) = (String(parts[0]), String(parts[1]))
        definition.writtenOptions[name] = value
        // An option of a newer server is no reason to lose the stream.
        try? definition.options.set(name, value)
      }
      definitions[id] = definition
    }
    return topics
  }

  private static func columns(of column: Column, _ row: Int) -> [StreamDefinition.Column]? {
    let bytes = column.bytes(at: row)
    guard let schema = try? IPCStream.schema(fromEncapsulated: unsafe Array(bytes.unsafeBytes))
    else { return nil }
    return schema.fields.enumerated().map { index, field in
      var plain = field
      plain.metadata.removeAll { [idKey, typeKey, defaultKey].contains($0.key) }
      return StreamDefinition.Column(
        id: field.metadataValue(idKey).flatMap { UInt32($0) } ?? UInt32(index + 1), field: plain,
        sqlType: field.metadataValue(typeKey) ?? "",
        defaultExpression: field.metadataValue(defaultKey))
    }
  }
}

extension StoredBatch {
  /// The rows; decoded, unless they were written lately.
  func decoded() throws(IPCError) -> Batch {
    if let batch { return batch }
    var decoder = IPCDecoder()
    _ = try decoder.decode(context.schema)
    for dictionary in context.dictionaries { _ = try decoder.decode(dictionary) }
    guard case .batch(let batch) = try decoder.decode(message) else {
      throw .unexpectedMessage("something else than a batch")
    }
    return batch
  }
}

extension IPCDecoder {
  /// Decodes a message of our own.
  mutating func decode(_ message: IPCMessage) throws(IPCError) -> IPCDecoded {
    try decode(header: Buffer(copying: message.header), body: message.wholeBody)
  }
}

extension IPCMessage {
  /// The body in one piece.
  var wholeBody: Buffer {
    if body.count <= 1 { return body.first ?? .empty }
    let memory = WritableBuffer(byteCount: bodyByteCount)
    var position = 0
    for part in body {
      unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[position...])
        .copyMemory(from: part.unsafeBytes)
      let padding = (8 - part.count % 8) % 8
      position += part.count
      for index in position..<(position + padding) { unsafe memory.bytes[index] = 0 }
      position += padding
    }
    return memory.finish(byteCount: position)
  }
}

extension DatabaseError {
  init(_ error: LogError) {
    let code: Code =
      switch error {
      case .noTopic: .notFound
      case .gone: .failedPrecondition
      case .full: .resourceExhausted
      case .failed, .closed: .unavailable
      case .damaged: .internal
      case .noPreparation, .moved: .aborted
      case .invalid: .invalidArgument
      }
    self.init(code, "\(error)", cause: error)
  }
}
