/// Writes batches of one schema as Arrow IPC messages (metadata version V5).
///
/// Buffers are shipped as they are: a plain column costs no work per row. It remembers the
/// dictionaries it has sent, so one encoder serves one stream.
public struct IPCEncoder: Sendable {
  public let schema: Schema
  public let compression: IPCCompression?
  private let plans: [DictionaryPlan]
  /// What was last sent under each dictionary id.
  private var sent: [Int64: Column] = [:]
  /// Why no batch of the schema can be encoded, if so.
  private let problem: IPCError?

  public init(schema: Schema, compression: IPCCompression? = nil) {
    self.schema = schema
    self.compression = compression
    var next: Int64 = 0
    plans = DictionaryPlan.numbering(schema.fields, next: &next)
    problem = Self.problem(in: schema.fields)
  }

  /// The message that starts a stream.
  public var schemaMessage: IPCMessage {
    IPCMessage(header: SchemaWriter.message(schema), body: [], bodyByteCount: 0)
  }

  /// The messages for `batch`: dictionaries that are new or have changed, then the batch itself.
  ///
  /// - Throws: `IPCError.cannotEncode` when the columns are not of this encoder's schema.
  public mutating func encode(_ batch: Batch) throws(IPCError) -> [IPCMessage] {
    if let problem { throw problem }
    guard batch.columns.count == schema.fields.count else {
      throw .cannotEncode("\(batch.columns.count) columns for \(schema.fields.count) fields")
    }
    for (field, column) in zip(schema.fields, batch.columns) where field.type != column.type {
      throw .cannotEncode("column \"\(field.name)\" is of another type than the schema says")
    }
    var messages: [IPCMessage] = []
    for (column, plan) in zip(batch.columns, plans) {
      try encodeDictionaries(of: column, plan, into: &messages)
    }
    var writer = BodyWriter(compression: compression, columnCount: batch.columns.count)
    for column in batch.columns { try writer.append(column) }
    messages.append(
      writer.message(rowCount: batch.rowCount, dictionaryID: nil, metadata: batch.metadata))
    return messages
  }

  /// Sends the dictionaries of a column, those within a dictionary's values first.
  private mutating func encodeDictionaries(
    of column: Column, _ plan: DictionaryPlan, into messages: inout [IPCMessage]
  ) throws(IPCError) {
    if plan.isEmpty { return }
    for (child, childPlan) in zip(column.children, plan.children) where plan.id == nil {
      try encodeDictionaries(of: child, childPlan, into: &messages)
    }
    guard let id = plan.id else { return }
    guard let dictionary = column.dictionary else {
      throw .cannotEncode("a dictionary-encoded column has no dictionary")
    }
    if let known = sent[id], known.hasSameBytes(as: dictionary) { return }
    for (child, childPlan) in zip(dictionary.children, plan.children) {
      try encodeDictionaries(of: child, childPlan, into: &messages)
    }
    var writer = BodyWriter(compression: compression, columnCount: 1)
    try writer.append(dictionary)
    messages.append(
      writer.message(rowCount: dictionary.count, dictionaryID: id, metadata: []))
    sent[id] = dictionary
  }

  private static func problem(in fields: [Field]) -> IPCError? {
    for field in fields {
      var type = field.type
      if case .dictionary(_, let value, _) = type {
        if case .dictionary = value {
          return .cannotEncode("field \"\(field.name)\" is a dictionary of a dictionary")
        }
        type = value
      }
      if let problem = problem(in: type.children) { return problem }
    }
    return nil
  }
}
