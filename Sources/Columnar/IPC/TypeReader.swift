/// Reads the type of one field, whose children have been read already.
struct TypeReader {
  let name: String
  let children: [Field]

  private func bad(_ reason: String) -> IPCError {
    .malformedMetadata("field \"\(name)\" \(reason)")
  }

  func type(of field: FlatTable) throws(IPCError) -> DataType {
    let kind = try field.number(Metadata.Field.typeKind, default: UInt8(0))
    guard let table = try field.table(Metadata.Field.type) else { throw bad("has no type") }
    typealias Kind = Metadata.TypeKind
    switch kind {
    case Kind.null: return .null
    case Kind.bool: return .bool
    case Kind.utf8: return .utf8
    case Kind.largeUTF8: return .largeUTF8
    case Kind.utf8View: return .utf8View
    case Kind.binary: return .binary
    case Kind.largeBinary: return .largeBinary
    case Kind.binaryView: return .binaryView
    case Kind.int: return try integer(table).dataType
    case Kind.floatingPoint: return try floatingPoint(table)
    case Kind.decimal: return try decimal(table)
    case Kind.fixedSizeBinary: return try fixedSizeBinary(table)
    case Kind.date, Kind.time, Kind.timestamp, Kind.duration, Kind.interval:
      return try temporal(kind, table)
    default: return try nested(kind, table)
    }
  }

  func integer(_ table: FlatTable) throws(IPCError) -> IndexType {
    let width = try table.number(0, default: Int32(0))
    switch (width, try table.bool(1)) {
    case (8, true): return .int8
    case (16, true): return .int16
    case (32, true): return .int32
    case (64, true): return .int64
    case (8, false): return .uint8
    case (16, false): return .uint16
    case (32, false): return .uint32
    case (64, false): return .uint64
    default: throw bad("is an integer of \(width) bits")
    }
  }

  private func floatingPoint(_ table: FlatTable) throws(IPCError) -> DataType {
    switch try table.number(0, default: Int16(0)) {
    case 0: return .float16
    case 1: return .float32
    case 2: return .float64
    case let precision: throw bad("has a floating point precision \(precision)")
    }
  }

  private func decimal(_ table: FlatTable) throws(IPCError) -> DataType {
    let precision = Int(try table.number(0, default: Int32(0)))
    let scale = Int(try table.number(1, default: Int32(0)))
    let bits = Int(try table.number(2, default: Int32(128)))
    guard let width = DecimalWidth(rawValue: bits) else {
      throw bad("is a decimal of \(bits) bits")
    }
    guard precision >= 1, precision <= width.maxPrecision else {
      throw bad("is a decimal of \(bits) bits with a precision of \(precision)")
    }
    return .decimal(width: width, precision: precision, scale: scale)
  }

  private func fixedSizeBinary(_ table: FlatTable) throws(IPCError) -> DataType {
    let width = Int(try table.number(0, default: Int32(0)))
    guard width >= 0 else { throw bad("has values of \(width) bytes") }
    return .fixedSizeBinary(byteWidth: width)
  }

  private func unit(
    _ table: FlatTable, default unit: TimeUnit
  ) throws(IPCError) -> TimeUnit {
    let number = try table.number(0, default: Int16(unit.rawValue))
    guard let unit = TimeUnit(rawValue: Int(number)) else { throw bad("has a time unit \(number)") }
    return unit
  }

  private func temporal(_ kind: UInt8, _ table: FlatTable) throws(IPCError) -> DataType {
    switch kind {
    case Metadata.TypeKind.date:
      switch try table.number(0, default: Int16(1)) {
      case 0: return .date32
      case 1: return .date64
      case let unit: throw bad("has a date unit \(unit)")
      }
    case Metadata.TypeKind.time:
      let unit = try unit(table, default: .millisecond)
      switch (try table.number(1, default: Int32(32)), unit) {
      case (32, .second), (32, .millisecond): return .time32(unit)
      case (64, .microsecond), (64, .nanosecond): return .time64(unit)
      case (let bits, _): throw bad("is a time in \(unit)s of \(bits) bits")
      }
    case Metadata.TypeKind.timestamp:
      let zone = try table.string(1) ?? ""
      return .timestamp(
        try unit(table, default: .second), timeZone: zone.isEmpty ? nil : zone)
    case Metadata.TypeKind.duration:
      return .duration(try unit(table, default: .millisecond))
    default:
      let number = try table.number(0, default: Int16(0))
      guard let unit = IntervalUnit(rawValue: Int(number)) else {
        throw bad("has an interval unit \(number)")
      }
      return .interval(unit)
    }
  }

  private func nested(_ kind: UInt8, _ table: FlatTable) throws(IPCError) -> DataType {
    typealias Kind = Metadata.TypeKind
    switch kind {
    case Kind.structure: return .structure(children)
    case Kind.union: return try union(table)
    case Kind.list: return .list(try onlyChild())
    case Kind.largeList: return .largeList(try onlyChild())
    case Kind.listView: return .listView(try onlyChild())
    case Kind.largeListView: return .largeListView(try onlyChild())
    case Kind.fixedSizeList:
      let count = Int(try table.number(0, default: Int32(0)))
      guard count >= 0 else { throw bad("has lists of \(count) items") }
      return .fixedSizeList(try onlyChild(), count: count)
    case Kind.map:
      let entries = try onlyChild()
      guard case .structure(let fields) = entries.type, fields.count == 2 else {
        throw bad("is a map whose entries are not pairs")
      }
      return .map(entries: entries, keysSorted: try table.bool(0))
    case Kind.runEndEncoded: return try runEndEncoded()
    default: throw bad("has a type of unknown kind \(kind)")
    }
  }

  private func onlyChild() throws(IPCError) -> Field {
    guard children.count == 1, let child = children.first else {
      throw bad("has \(children.count) children instead of one")
    }
    return child
  }

  private func runEndEncoded() throws(IPCError) -> DataType {
    guard children.count == 2 else {
      throw bad("is run-end encoded with \(children.count) children instead of two")
    }
    switch children[0].type {
    case .int16, .int32, .int64: break
    default: throw bad("has run ends that are not 16, 32 or 64 bit integers")
    }
    return .runEndEncoded(runEnds: children[0], values: children[1])
  }

  private func union(_ table: FlatTable) throws(IPCError) -> DataType {
    let number = try table.number(0, default: Int16(0))
    guard let mode = UnionMode(rawValue: Int(number)) else {
      throw bad("has a union mode \(number)")
    }
    guard children.count <= 128 else { throw bad("is a union of more than 128 types") }
    var typeIDs: [Int8] = []
    if let vector = try table.vector(1, stride: 4) {
      guard vector.count == children.count else {
        throw bad("has \(vector.count) type ids for \(children.count) children")
      }
      for index in 0..<vector.count {
        let id = vector.number(index, as: Int32.self)
        guard id >= 0, let id = Int8(exactly: id), !typeIDs.contains(id) else {
          throw bad("has a type id \(id)")
        }
        typeIDs.append(id)
      }
    } else {
      typeIDs = children.indices.map { Int8(truncatingIfNeeded: $0) }
    }
    return .union(mode, children, typeIDs: typeIDs)
  }
}
