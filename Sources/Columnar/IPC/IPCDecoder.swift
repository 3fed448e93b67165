/// What one message turned out to be.
public enum IPCDecoded: Sendable {
  case schema(Schema)
  /// The decoder has kept the dictionary; batches that follow use it.
  case dictionary(id: Int64)
  case batch(Batch)
}

/// Reads Arrow IPC messages (metadata versions V4 and V5) that come from outside.
///
/// Everything is checked before use; a bad message is an error, never a trap. Columns are slices
/// of `body`, without copying, except buffers that are compressed or misaligned. One decoder
/// serves one stream: it keeps the schema and the dictionaries.
public struct IPCDecoder: Sendable {
  public let limits: IPCLimits
  /// The schema of the stream, once known.
  public private(set) var schema: Schema?
  private var plans: [DictionaryPlan] = []
  private var dictionaries = DictionaryStore()

  /// - Parameter schema: For a stream whose schema message was handled elsewhere; dictionaries are
  ///   then numbered in depth-first order, as `IPCEncoder` numbers them.
  public init(limits: IPCLimits = .default, schema: Schema? = nil) {
    self.limits = limits
    self.schema = schema
    if let schema {
      var next: Int64 = 0
      plans = DictionaryPlan.numbering(schema.fields, next: &next)
      // Ids that are counted up are never used for two types, which is all that can fail.
      if let store = try? DictionaryStore(fields: schema.fields, plans: plans) {
        dictionaries = store
      }
    }
  }

  /// Reads one message. After an error the stream cannot be continued.
  ///
  /// - Parameters:
  ///   - header: The flatbuffer `Message`, without the prefix of a stream.
  ///   - body: All of the body; may be longer than the header says.
  public mutating func decode(header: Buffer, body: Buffer) throws(IPCError) -> IPCDecoded {
    let message = try MessageHeader(header, limits: limits)
    guard message.bodyByteCount <= body.count else {
      throw .truncated(expectedBytes: message.bodyByteCount, actualBytes: body.count)
    }
    let body = body.slice(from: 0, byteCount: message.bodyByteCount)
    switch message.kind {
    case Metadata.HeaderKind.schema: return .schema(try readSchema(message))
    case Metadata.HeaderKind.dictionaryBatch:
      return .dictionary(id: try readDictionary(header, message, body))
    case Metadata.HeaderKind.recordBatch: return .batch(try readBatch(message, body))
    case let kind: throw .unsupported("a message of kind \(kind), such as a tensor")
    }
  }

  private mutating func readSchema(_ message: MessageHeader) throws(IPCError) -> Schema {
    guard schema == nil else { throw .unexpectedMessage("a second schema") }
    var reader = SchemaReader(limits: limits)
    let (schema, plans) = try reader.schema(message.content)
    dictionaries = try DictionaryStore(fields: schema.fields, plans: plans)
    self.plans = plans
    self.schema = schema
    return schema
  }

  private mutating func readDictionary(
    _ header: Buffer, _ message: MessageHeader, _ body: Buffer
  ) throws(IPCError) -> Int64 {
    let id = try message.content.number(Metadata.DictionaryBatch.id, default: Int64(0))
    try dictionaries.receive(
      DictionaryStore.Message(header: header, body: body), id: id,
      isDelta: try message.content.bool(Metadata.DictionaryBatch.isDelta), limits: limits)
    return id
  }

  private mutating func readBatch(_ message: MessageHeader, _ body: Buffer) throws(IPCError)
    -> Batch
  {
    guard let schema else { throw .unexpectedMessage("a batch before the schema") }
    try dictionaries.resolve(limits)
    let rowCount = try BodyReader.rowCount(of: message.content, limits: limits)
    var reader = try BodyReader(
      batch: message.content, body: body, isV4: message.isV4, limits: limits,
      dictionaries: dictionaries)
    var columns: [Column] = []
    columns.reserveCapacity(schema.fields.count)
    for (index, field) in schema.fields.enumerated() {
      let plan = index < plans.count ? plans[index] : .none
      columns.append(try reader.column(field, plan: plan, rowCount: rowCount))
    }
    return Batch(
      schema: schema, columns: columns, rowCount: rowCount, metadata: try message.metadata(limits))
  }
}

/// The flatbuffer `Message` around every other one.
struct MessageHeader {
  let kind: UInt8
  let content: FlatTable
  let bodyByteCount: Int
  /// Metadata version V4, as written by Arrow before 1.0; otherwise it is V5.
  let isV4: Bool
  private let table: FlatTable

  init(_ header: Buffer, limits: IPCLimits) throws(IPCError) {
    guard header.count <= limits.maxHeaderBytes else {
      throw .limitExceeded("\(header.count) bytes of metadata, more than \(limits.maxHeaderBytes)")
    }
    table = try FlatTable.root(of: header)
    let version = try table.number(Metadata.Message.version, default: Int16(0))
    guard version == Metadata.Version.v4 || version == Metadata.Version.v5 else {
      throw .unsupported("metadata version V\(Int(version) + 1); V4 and V5 are read")
    }
    isV4 = version == Metadata.Version.v4
    kind = try table.number(Metadata.Message.headerKind, default: UInt8(0))
    guard let content = try table.table(Metadata.Message.header) else {
      throw .malformedMetadata("the message has no content")
    }
    self.content = content
    let length = try table.number(Metadata.Message.bodyLength, default: Int64(0))
    guard length >= 0, let count = Int(exactly: length) else {
      throw .malformedMetadata("the body has \(length) bytes")
    }
    bodyByteCount = count
  }

  /// The custom metadata of the message.
  func metadata(_ limits: IPCLimits) throws(IPCError) -> [KeyValue] {
    var reader = SchemaReader(limits: limits)
    return try reader.metadata(table, Metadata.Message.metadata)
  }
}
