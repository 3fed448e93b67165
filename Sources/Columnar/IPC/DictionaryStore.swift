/// The dictionaries of one stream, by the ids of its schema.
///
/// A dictionary whose values use other dictionaries is kept as it came and read when a batch needs
/// it: writers send the inner ones before or after it, and may replace one without the other.
struct DictionaryStore: Sendable {
  /// What the values of a dictionary look like.
  struct Shape: Sendable, Hashable {
    var type: DataType
    var plan: DictionaryPlan
    /// The first field that uses it.
    var fieldName: String
  }

  /// A dictionary message that has not been read.
  struct Message: Sendable {
    var header: Buffer
    var body: Buffer
  }

  private(set) var shapes: [Int64: Shape] = [:]
  private(set) var values: [Int64: Column] = [:]
  private var byteCounts: [Int64: Int] = [:]
  /// For dictionaries with inner ones: the last whole one and the deltas since.
  private var messages: [Int64: [Message]] = [:]
  /// Those among them that changed, or whose inner ones did, since they were read.
  private var stale: Set<Int64> = []

  init() {}

  init(fields: [Field], plans: [DictionaryPlan]) throws(IPCError) {
    try register(fields, plans)
  }

  private mutating func register(
    _ fields: [Field], _ plans: [DictionaryPlan]
  ) throws(IPCError) {
    for (field, plan) in zip(fields, plans) where !plan.isEmpty {
      guard case .dictionary(_, let value, _) = field.type, let id = plan.id else {
        try register(field.type.children, plan.children)
        continue
      }
      let shape = Shape(
        type: value, plan: DictionaryPlan(children: plan.children), fieldName: field.name)
      if let known = shapes[id] {
        guard known.type == value, known.plan == shape.plan else {
          throw .malformedMetadata("dictionary \(id) has values of two types")
        }
      } else {
        shapes[id] = shape
      }
      try register(value.children, plan.children)
    }
  }

  /// Takes note of a message for dictionary `id`. Values without inner dictionaries are read now.
  mutating func receive(
    _ message: Message, id: Int64, isDelta: Bool, limits: IPCLimits
  ) throws(IPCError) {
    guard let shape = shapes[id] else {
      throw .unexpectedMessage("dictionary \(id), which the schema does not use")
    }
    for (outer, outerShape) in shapes where outerShape.plan.uses(id) { stale.insert(outer) }
    guard !shape.plan.isEmpty else { return try read(message, id, shape, limits) }
    stale.insert(id)
    messages[id] = (isDelta ? messages[id] ?? [] : []) + [message]
    let byteCount = message.header.count + message.body.count
    try account(isDelta ? (byteCounts[id] ?? 0) + byteCount : byteCount, id, limits)
  }

  /// Reads what was left unread, inner dictionaries first.
  mutating func resolve(_ limits: IPCLimits) throws(IPCError) {
    while let id = stale.first {
      try resolve(id, limits)
    }
  }

  private mutating func resolve(_ id: Int64, _ limits: IPCLimits) throws(IPCError) {
    guard stale.remove(id) != nil, let shape = shapes[id] else { return }
    // A dictionary contains only dictionaries of types that are parts of its own: no cycles.
    for inner in stale where shape.plan.uses(inner) { try resolve(inner, limits) }
    values[id] = nil
    for message in messages[id] ?? [] { try read(message, id, shape, limits) }
  }

  private mutating func read(
    _ message: Message, _ id: Int64, _ shape: Shape, _ limits: IPCLimits
  ) throws(IPCError) {
    let header = try MessageHeader(message.header, limits: limits)
    guard let batch = try header.content.table(Metadata.DictionaryBatch.data) else {
      throw .malformedMetadata("dictionary \(id) has no values")
    }
    var reader = try BodyReader(
      batch: batch, body: message.body, isV4: header.isV4, limits: limits, dictionaries: self)
    var column = try reader.column(
      Field(shape.fieldName, shape.type), plan: shape.plan,
      rowCount: try BodyReader.rowCount(of: batch, limits: limits))
    if try header.content.bool(Metadata.DictionaryBatch.isDelta), let known = values[id] {
      do {
        column = try .concatenate([known, column])
      } catch {
        throw .invalidColumn(column: shape.fieldName, reason: "a dictionary delta: \(error)")
      }
    }
    values[id] = column
    if shape.plan.isEmpty { try account(column.bufferByteCount, id, limits) }
  }

  private mutating func account(
    _ byteCount: Int, _ id: Int64, _ limits: IPCLimits
  ) throws(IPCError) {
    byteCounts[id] = byteCount
    guard byteCounts.values.reduce(0, +) <= limits.maxDictionaryBytes else {
      throw .limitExceeded("the dictionaries take more than \(limits.maxDictionaryBytes) bytes")
    }
  }
}

extension DictionaryPlan {
  /// Whether dictionary `id` is used here or below.
  func uses(_ id: Int64) -> Bool {
    self.id == id || children.contains { $0.uses(id) }
  }
}

extension Column {
  /// Bytes of all buffers, those of children and dictionaries included.
  public var bufferByteCount: Int {
    buffers.reduce(0) { $0 + $1.count }
      + children.reduce(0) { $0 + $1.bufferByteCount } + (dictionary?.bufferByteCount ?? 0)
  }
}

extension Batch {
  /// Bytes of all buffers, those of dictionaries included.
  public var byteCount: Int { columns.reduce(0) { $0 + $1.bufferByteCount } }
}
