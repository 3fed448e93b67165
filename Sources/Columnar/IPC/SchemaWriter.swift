/// Writes the flatbuffer of a schema message.
struct SchemaWriter {
  private var writer = FlatBufferWriter(capacity: 1024)

  /// The header of the message that starts a stream of `schema`, padded to 8 bytes.
  static func message(_ schema: Schema) -> [UInt8] {
    var next: Int64 = 0
    let plans = DictionaryPlan.numbering(schema.fields, next: &next)
    return message(schema, plans: plans)
  }

  /// The same with dictionaries numbered by `plans`.
  static func message(_ schema: Schema, plans: [DictionaryPlan]) -> [UInt8] {
    var writer = SchemaWriter()
    return writer.write(schema, plans: plans)
  }

  private mutating func write(_ schema: Schema, plans: [DictionaryPlan]) -> [UInt8] {
    let message = writer.table(Metadata.Message.layout)
    writer.setRoot(message)
    writer.set(message, Metadata.Message.version, Metadata.Version.v5)
    writer.set(message, Metadata.Message.headerKind, Metadata.HeaderKind.schema)
    let table = writer.childTable(
      message, Metadata.Message.header, [0, 4, schema.metadata.isEmpty ? 0 : 4])
    writer.tables(table, Metadata.Schema.fields, count: schema.fields.count) { writer, index in
      let plan = index < plans.count ? plans[index] : .none
      return Self.field(schema.fields[index], plan: plan, &writer)
    }
    writer.metadata(table, Metadata.Schema.metadata, schema.metadata)
    writer.pad(to: 8)
    return writer.bytes
  }

  private static func field(
    _ field: Field, plan: DictionaryPlan, _ writer: inout FlatBufferWriter
  ) -> FlatBufferWriter.Table {
    var type = field.type
    var dictionary: (index: IndexType, isOrdered: Bool)?
    if case .dictionary(let index, let value, let isOrdered) = type {
      type = value
      dictionary = (index, isOrdered)
    }
    let table = writer.table([
      4, 1, 1, 4, dictionary == nil ? 0 : 4, 4, field.metadata.isEmpty ? 0 : 4,
    ])
    writer.set(table, Metadata.Field.isNullable, UInt8(field.isNullable ? 1 : 0))
    writer.string(table, Metadata.Field.name, Array(field.name.utf8))
    TypeWriter.write(type, to: table, &writer)
    if let dictionary {
      let encoding = writer.childTable(table, Metadata.Field.dictionary, [8, 4, 1])
      writer.set(encoding, Metadata.DictionaryEncoding.id, plan.id ?? 0)
      writer.set(
        encoding, Metadata.DictionaryEncoding.isOrdered, UInt8(dictionary.isOrdered ? 1 : 0))
      let index = writer.childTable(encoding, Metadata.DictionaryEncoding.indexType, [4, 1])
      TypeWriter.setInteger(dictionary.index, in: index, &writer)
    }
    let children = type.children
    writer.tables(table, Metadata.Field.children, count: children.count) { writer, index in
      Self.field(children[index], plan: plan.child(index), &writer)
    }
    writer.metadata(table, Metadata.Field.metadata, field.metadata)
    return table
  }
}

extension FlatBufferWriter {
  /// Key-value pairs into a slot; nothing when there are none.
  mutating func metadata(_ table: Table, _ slot: Int, _ pairs: [KeyValue]) {
    guard !pairs.isEmpty else { return }
    tables(table, slot, count: pairs.count) { writer, index in
      let pair = writer.table([4, 4])
      writer.string(pair, Metadata.KeyValue.key, pairs[index].keyBytes)
      writer.string(pair, Metadata.KeyValue.value, pairs[index].valueBytes)
      return pair
    }
  }
}

/// Writes the type of a field.
enum TypeWriter {
  private typealias Kind = Metadata.TypeKind

  static func setInteger(
    _ type: IndexType, in table: FlatBufferWriter.Table, _ writer: inout FlatBufferWriter
  ) {
    writer.set(table, 0, Int32(type.byteWidth * 8))
    switch type {
    case .int8, .int16, .int32, .int64: writer.set(table, 1, UInt8(1))
    default: break
    }
  }

  /// Writes the kind and the table of `type` into the slots of a field.
  static func write(
    _ type: DataType, to field: FlatBufferWriter.Table, _ writer: inout FlatBufferWriter
  ) {
    writer.set(field, Metadata.Field.typeKind, kind(of: type))
    func table(_ slots: [UInt8]) -> FlatBufferWriter.Table {
      writer.childTable(field, Metadata.Field.type, slots)
    }
    switch type {
    case .int8: setInteger(.int8, in: table([4, 1]), &writer)
    case .int16: setInteger(.int16, in: table([4, 1]), &writer)
    case .int32: setInteger(.int32, in: table([4, 1]), &writer)
    case .int64: setInteger(.int64, in: table([4, 1]), &writer)
    case .uint8: setInteger(.uint8, in: table([4, 1]), &writer)
    case .uint16: setInteger(.uint16, in: table([4, 1]), &writer)
    case .uint32: setInteger(.uint32, in: table([4, 1]), &writer)
    case .uint64: setInteger(.uint64, in: table([4, 1]), &writer)
    case .float16: writer.set(table([2]), 0, Int16(0))
    case .float32: writer.set(table([2]), 0, Int16(1))
    case .float64: writer.set(table([2]), 0, Int16(2))
    case .decimal(let width, let precision, let scale):
      let decimal = table([4, 4, 4])
      writer.set(decimal, 0, Int32(truncatingIfNeeded: precision))
      writer.set(decimal, 1, Int32(truncatingIfNeeded: scale))
      writer.set(decimal, 2, Int32(width.rawValue))
    case .fixedSizeBinary(let width): writer.set(table([4]), 0, Int32(truncatingIfNeeded: width))
    case .fixedSizeList(_, let count): writer.set(table([4]), 0, Int32(truncatingIfNeeded: count))
    case .map(_, let keysSorted): writer.set(table([1]), 0, UInt8(keysSorted ? 1 : 0))
    case .union(let mode, _, let typeIDs):
      let union = table([2, 4])
      writer.set(union, 0, Int16(mode.rawValue))
      writer.numbers(union, 1, typeIDs.map { Int32($0) })
    case .date32, .date64, .time32, .time64, .timestamp, .duration, .interval:
      writeTemporal(type, to: field, &writer)
    default: _ = table([])
    }
  }

  private static func writeTemporal(
    _ type: DataType, to field: FlatBufferWriter.Table, _ writer: inout FlatBufferWriter
  ) {
    func table(_ slots: [UInt8]) -> FlatBufferWriter.Table {
      writer.childTable(field, Metadata.Field.type, slots)
    }
    switch type {
    case .date32: writer.set(table([2]), 0, Int16(0))
    case .date64: writer.set(table([2]), 0, Int16(1))
    case .time32(let unit), .time64(let unit):
      let time = table([2, 4])
      writer.set(time, 0, Int16(unit.rawValue))
      writer.set(time, 1, Int32((type.fixedByteWidth ?? 0) * 8))
    case .timestamp(let unit, let zone):
      let timestamp = table([2, zone == nil ? 0 : 4])
      writer.set(timestamp, 0, Int16(unit.rawValue))
      if let zone { writer.string(timestamp, 1, Array(zone.utf8)) }
    case .duration(let unit): writer.set(table([2]), 0, Int16(unit.rawValue))
    case .interval(let unit): writer.set(table([2]), 0, Int16(unit.rawValue))
    default: break
    }
  }

  private static func kind(of type: DataType) -> UInt8 {
    switch type {
    case .null: Kind.null
    case .bool: Kind.bool
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: Kind.int
    case .float16, .float32, .float64: Kind.floatingPoint
    case .decimal: Kind.decimal
    case .date32, .date64: Kind.date
    case .time32, .time64: Kind.time
    case .timestamp: Kind.timestamp
    case .duration: Kind.duration
    case .interval: Kind.interval
    case .utf8: Kind.utf8
    case .largeUTF8: Kind.largeUTF8
    case .utf8View: Kind.utf8View
    case .binary: Kind.binary
    case .largeBinary: Kind.largeBinary
    case .binaryView: Kind.binaryView
    case .fixedSizeBinary: Kind.fixedSizeBinary
    case .list: Kind.list
    case .largeList: Kind.largeList
    case .listView: Kind.listView
    case .largeListView: Kind.largeListView
    case .fixedSizeList: Kind.fixedSizeList
    case .structure: Kind.structure
    case .map: Kind.map
    case .union: Kind.union
    case .runEndEncoded: Kind.runEndEncoded
    // A dictionary of a dictionary: refused by the encoder, which checks the schema first.
    case .dictionary: Kind.null
    }
  }
}
