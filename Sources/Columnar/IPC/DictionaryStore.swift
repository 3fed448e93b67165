/// The dictionaries of one stream, by the ids of its schema.
struct DictionaryStore: Sendable {
  /// What the values of a dictionary look like.
  struct Shape: Sendable, Hashable {
    var type: DataType
    var plan: DictionaryPlan
    /// The first field that uses it.
    var fieldName: String
  }
  private(set) var shapes: [Int64: Shape] = [:]
  private(set) var values: [Int64: Column] = [:]
  private var byteCounts: [Int64: Int] = [:]

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

  /// Keeps the values of dictionary `id`: behind the known ones if `isDelta`, else instead of them.
  mutating func update(
    _ id: Int64, _ column: Column, isDelta: Bool, limits: IPCLimits
  ) throws(IPCError) {
    var column = column
    if isDelta, let known = values[id] {
      do {
        column = try .concatenate([known, column])
      } catch {
        throw .invalidColumn(
          column: shapes[id]?.fieldName ?? "", reason: "a dictionary delta: \(error)")
      }
    }
    byteCounts[id] = column.bufferByteCount
    guard byteCounts.values.reduce(0, +) <= limits.maxDictionaryBytes else {
      throw .limitExceeded("the dictionaries take more than \(limits.maxDictionaryBytes) bytes")
    }
    values[id] = column
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
