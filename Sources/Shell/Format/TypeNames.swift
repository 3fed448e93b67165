internal import Columnar

/// What the shell calls the type of a column, and which types stand to the right.
enum TypeNames {
  /// The server's own name of the type if it sent one, else the SQL name of the Arrow type.
  static func name(of field: Field) -> String {
    if let name = field.metadataValue("ARROW:FLIGHT:SQL:TYPE_NAME"), !name.isEmpty {
      return name.lowercased()
    }
    return name(of: field.type)
  }

  static func name(of type: DataType) -> String {
    switch type {
    case .null: "null"
    case .bool: "boolean"
    case .int8: "tinyint"
    case .int16: "smallint"
    case .int32: "integer"
    case .int64: "bigint"
    case .uint8: "utinyint"
    case .uint16: "usmallint"
    case .uint32: "uinteger"
    case .uint64: "ubigint"
    case .float16: "half"
    case .float32: "float"
    case .float64: "double"
    case .decimal(_, let precision, let scale): "decimal(\(precision),\(scale))"
    case .date32, .date64: "date"
    case .time32, .time64: "time"
    case .timestamp(_, let zone): zone == nil ? "timestamp" : "timestamptz"
    case .duration: "duration"
    case .interval: "interval"
    case .utf8, .largeUTF8, .utf8View: "varchar"
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: "blob"
    default: nestedName(of: type)
    }
  }

  private static func nestedName(of type: DataType) -> String {
    switch type {
    case .list(let item), .largeList(let item), .listView(let item), .largeListView(let item):
      name(of: item) + "[]"
    case .fixedSizeList(let item, let count): name(of: item) + "[\(count)]"
    case .structure(let fields):
      "struct(" + fields.map { "\($0.name) \(name(of: $0))" }.joined(separator: ", ") + ")"
    case .map(let entries, _):
      if case .structure(let fields) = entries.type, fields.count == 2 {
        "map(\(name(of: fields[0])), \(name(of: fields[1])))"
      } else {
        "map"
      }
    case .union: "union"
    case .dictionary(_, let value, _): name(of: value)
    case .runEndEncoded(_, let values): name(of: values)
    default: "unknown"
    }
  }

  /// Numbers stand to the right, so that their digits are under each other.
  static func isRightAligned(_ type: DataType) -> Bool {
    switch type {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .float32,
      .float64, .decimal:
      true
    case .dictionary(_, let value, _): isRightAligned(value)
    case .runEndEncoded(_, let values): isRightAligned(values.type)
    default: false
    }
  }
}
