/// The format strings by which the Arrow C data interface names types.
///
/// Source: Arrow columnar format 1.5, "The Arrow C data interface", data type description.
enum TypeFormat {
  private static let units: [Character] = ["s", "m", "u", "n"]

  /// The types that a string alone names.
  private static let plain: [(String, DataType)] = [
    ("n", .null), ("b", .bool), ("c", .int8), ("C", .uint8), ("s", .int16), ("S", .uint16),
    ("i", .int32), ("I", .uint32), ("l", .int64), ("L", .uint64), ("e", .float16),
    ("f", .float32), ("g", .float64), ("z", .binary), ("Z", .largeBinary), ("vz", .binaryView),
    ("u", .utf8), ("U", .largeUTF8), ("vu", .utf8View), ("tdD", .date32), ("tdm", .date64),
    ("tts", .time32(.second)), ("ttm", .time32(.millisecond)), ("ttu", .time64(.microsecond)),
    ("ttn", .time64(.nanosecond)), ("tDs", .duration(.second)), ("tDm", .duration(.millisecond)),
    ("tDu", .duration(.microsecond)), ("tDn", .duration(.nanosecond)),
    ("tiM", .interval(.yearMonth)), ("tiD", .interval(.dayTime)),
    ("tin", .interval(.monthDayNano)),
  ]

  /// The format of a type; that of a dictionary is the one of its indices.
  static func text(of type: DataType) -> String {
    switch type {
    case .decimal(let width, let precision, let scale):
      let suffix = width == .bits128 ? "" : ",\(width.rawValue)"
      return "d:\(precision),\(scale)\(suffix)"
    case .fixedSizeBinary(let width): return "w:\(width)"
    case .timestamp(let unit, let zone): return "ts\(units[unit.rawValue]):\(zone ?? "")"
    case .list: return "+l"
    case .largeList: return "+L"
    case .listView: return "+vl"
    case .largeListView: return "+vL"
    case .fixedSizeList(_, let count): return "+w:\(count)"
    case .structure: return "+s"
    case .map: return "+m"
    case .union(let mode, _, let typeIDs):
      let ids = typeIDs.map { "\($0)" }.joined(separator: ",")
      return (mode == .dense ? "+ud:" : "+us:") + ids
    case .runEndEncoded: return "+r"
    case .dictionary(let index, _, _): return text(of: index.dataType)
    default: return plain.first { $0.1 == type }?.0 ?? "n"
    }
  }

  /// The type that a format and the fields of the children name; nil if there is none.
  static func type(_ text: String, children: [Field], keysSorted: Bool) -> DataType? {
    if let type = plain.first(where: { $0.0 == text }) { return type.1 }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let argument = parts.count == 2 ? parts[1] : ""
    switch (parts[0], children.count) {
    case ("d", 0): return decimal(argument)
    case ("w", 0):
      guard let width = Int(argument), width >= 0, width <= Int32.max else { return nil }
      return .fixedSizeBinary(byteWidth: width)
    case ("tss", 0), ("tsm", 0), ("tsu", 0), ("tsn", 0):
      guard let letter = parts[0].last, let index = units.firstIndex(of: letter),
        let unit = TimeUnit(rawValue: index)
      else { return nil }
      return .timestamp(unit, timeZone: argument.isEmpty ? nil : String(argument))
    case ("+l", 1): return .list(children[0])
    case ("+L", 1): return .largeList(children[0])
    case ("+vl", 1): return .listView(children[0])
    case ("+vL", 1): return .largeListView(children[0])
    case ("+w", 1):
      guard let count = Int(argument), count >= 0, count <= Int32.max else { return nil }
      return .fixedSizeList(children[0], count: count)
    case ("+s", _): return .structure(children)
    case ("+m", 1):
      guard case .structure(let fields) = children[0].type, fields.count == 2 else { return nil }
      return .map(entries: children[0], keysSorted: keysSorted)
    case ("+ud", _): return union(.dense, argument, children)
    case ("+us", _): return union(.sparse, argument, children)
    case ("+r", 2):
      switch children[0].type {
      case .int16, .int32, .int64:
        return .runEndEncoded(runEnds: children[0], values: children[1])
      default: return nil
      }
    default: return nil
    }
  }

  /// The index type that a format names.
  static func indexType(_ text: String) -> IndexType? {
    let types: [IndexType] = [
      .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64,
    ]
    return types.first { self.text(of: $0.dataType) == text }
  }

  private static func decimal(_ argument: Substring) -> DataType? {
    let numbers = argument.split(separator: ",").map { Int($0) }
    guard numbers.count == 2 || numbers.count == 3, let precision = numbers[0],
      let scale = numbers[1],
      let width = DecimalWidth(rawValue: (numbers.count == 3 ? numbers[2] : 128) ?? 0),
      precision >= 1, precision <= width.maxPrecision
    else { return nil }
    return .decimal(width: width, precision: precision, scale: scale)
  }

  private static func union(
    _ mode: UnionMode, _ argument: Substring, _ children: [Field]
  ) -> DataType? {
    let ids = argument.split(separator: ",").compactMap { Int8($0) }
    guard ids.count == children.count, ids.allSatisfy({ $0 >= 0 }), Set(ids).count == ids.count
    else { return nil }
    return .union(mode, children, typeIDs: ids)
  }
}
