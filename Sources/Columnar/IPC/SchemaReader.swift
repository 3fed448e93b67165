/// Which dictionaries the columns of a type use: a tree beside the tree of fields.
struct DictionaryPlan: Sendable, Hashable {
  /// The dictionary of this field, if it is dictionary-encoded.
  var id: Int64?
  /// One per child of the type, or of the value type of a dictionary; empty if none of them uses
  /// a dictionary.
  var children: [DictionaryPlan] = []

  static let none = DictionaryPlan()

  /// The plan of child `index`.
  func child(_ index: Int) -> DictionaryPlan {
    index < children.count ? children[index] : .none
  }

  var isEmpty: Bool { id == nil && children.isEmpty }

  /// Numbers the dictionaries of `fields` depth first, a dictionary before those inside its values.
  static func numbering(_ fields: [Field], next: inout Int64) -> [DictionaryPlan] {
    let plans = fields.map { field in
      var plan = DictionaryPlan()
      if case .dictionary(_, let value, _) = field.type {
        plan.id = next
        next += 1
        plan.children = numbering(value.children, next: &next)
      } else {
        plan.children = numbering(field.type.children, next: &next)
      }
      return plan
    }
    return plans.allSatisfy(\.isEmpty) ? [] : plans
  }
}

/// Reads the flatbuffer of a schema.
struct SchemaReader {
  private let limits: IPCLimits
  private var fieldCount = 0
  /// Bytes that names and metadata may still take: flatbuffers can name the same text many times.
  private var textBudget: Int

  init(limits: IPCLimits) {
    self.limits = limits
    textBudget = limits.maxHeaderBytes
  }

  mutating func schema(
    _ table: FlatTable
  ) throws(IPCError) -> (schema: Schema, plans: [DictionaryPlan]) {
    guard try table.number(Metadata.Schema.endianness, default: Int16(0)) == 0 else {
      throw .unsupported("the data is big-endian; only little-endian data is read")
    }
    var schema = Schema()
    var plans: [DictionaryPlan] = []
    if let vector = try table.vector(Metadata.Schema.fields, stride: 4) {
      for index in 0..<vector.count {
        let (field, plan) = try field(vector.table(index), depth: 1)
        schema.fields.append(field)
        plans.append(plan)
      }
    }
    schema.metadata = try metadata(table, Metadata.Schema.metadata)
    return (schema, plans)
  }

  /// The key-value pairs in `slot` of a table.
  mutating func metadata(_ table: FlatTable, _ slot: Int) throws(IPCError) -> [KeyValue] {
    guard let vector = try table.vector(slot, stride: 4) else { return [] }
    var pairs: [KeyValue] = []
    for index in 0..<vector.count {
      let pair = try vector.table(index)
      let key = try pair.bytes(Metadata.KeyValue.key) ?? []
      let value = try pair.bytes(Metadata.KeyValue.value) ?? []
      try charge(key.count + value.count)
      pairs.append(KeyValue(keyBytes: key, valueBytes: value))
    }
    return pairs
  }

  /// Counts `byteCount` bytes of text and an object around them.
  private mutating func charge(_ byteCount: Int) throws(IPCError) {
    textBudget -= byteCount + 64
    guard textBudget >= 0 else {
      throw .limitExceeded("names and metadata take more than \(limits.maxHeaderBytes) bytes")
    }
  }

  private mutating func field(
    _ table: FlatTable, depth: Int
  ) throws(IPCError) -> (Field, DictionaryPlan) {
    guard depth <= limits.maxNestingDepth else {
      throw .limitExceeded("types nest deeper than \(limits.maxNestingDepth)")
    }
    fieldCount += 1
    guard fieldCount <= limits.maxFieldCount else {
      throw .limitExceeded("the schema has more than \(limits.maxFieldCount) fields")
    }
    let name = try table.string(Metadata.Field.name) ?? ""
    try charge(name.utf8.count)
    var children: [Field] = []
    var plan = DictionaryPlan()
    if let vector = try table.vector(Metadata.Field.children, stride: 4) {
      for index in 0..<vector.count {
        let (child, childPlan) = try field(vector.table(index), depth: depth + 1)
        children.append(child)
        plan.children.append(childPlan)
      }
    }
    if plan.children.allSatisfy(\.isEmpty) { plan.children = [] }
    var type = try TypeReader(name: name, children: children).type(of: table)
    if let encoding = try table.table(Metadata.Field.dictionary) {
      plan.id = try encoding.number(Metadata.DictionaryEncoding.id, default: Int64(0))
      type = try dictionaryType(encoding, value: type, name: name)
    }
    let field = Field(
      name, type, isNullable: try table.bool(Metadata.Field.isNullable),
      metadata: try metadata(table, Metadata.Field.metadata))
    return (field, plan)
  }

  private func dictionaryType(
    _ encoding: FlatTable, value: DataType, name: String
  ) throws(IPCError) -> DataType {
    guard try encoding.number(Metadata.DictionaryEncoding.kind, default: Int16(0)) == 0 else {
      throw .unsupported("field \"\(name)\" has a dictionary that is not an array")
    }
    var index = IndexType.int32
    if let type = try encoding.table(Metadata.DictionaryEncoding.indexType) {
      index = try TypeReader(name: name, children: []).integer(type)
    }
    let isOrdered = try encoding.bool(Metadata.DictionaryEncoding.isOrdered)
    return .dictionary(index: index, value: value, isOrdered: isOrdered)
  }
}
