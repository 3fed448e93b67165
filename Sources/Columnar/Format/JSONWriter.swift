extension Column {
  /// The value at `row` as JSON: numbers and booleans as such, lists as arrays, structs and maps
  /// as objects, everything else as a string like `string(at:)`. Null, and numbers that JSON does
  /// not have (`nan`, `inf`), are `null`.
  public func json(at row: Int) -> String {
    var writer = JSONWriter()
    writer.append(self, row)
    return writer.text
  }
}

/// Writes values of any type as JSON.
private struct JSONWriter {
  private(set) var text = ""

  mutating func append(_ column: Column, _ row: Int) {
    let (column, row) = column.resolved(row)
    guard !column.isNull(at: row) else {
      text += "null"
      return
    }
    switch column.type {
    case .list, .largeList, .listView, .largeListView, .fixedSizeList:
      appendList(column.children[0], column.itemRange(at: row))
    case .map: appendMap(column.children[0], column.itemRange(at: row))
    case .structure(let fields): appendStructure(column, fields, row)
    case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .decimal:
      text += column.string(at: row) ?? "null"
    case .float16, .float32, .float64:
      let number = column.string(at: row) ?? "null"
      let isFinite = number.utf8.last.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
      text += isFinite == true ? number : "null"
    default: appendQuoted(column.string(at: row) ?? "")
    }
  }

  private mutating func appendList(_ items: Column, _ range: Range<Int>) {
    text += "["
    for index in range {
      if index > range.lowerBound { text += "," }
      append(items, index)
    }
    text += "]"
  }

  /// Keys of an object are strings, whatever the keys of the map are.
  private mutating func appendMap(_ entries: Column, _ range: Range<Int>) {
    text += "{"
    for index in range {
      if index > range.lowerBound { text += "," }
      appendQuoted(entries.children[0].string(at: index) ?? "null")
      text += ":"
      append(entries.children[1], index)
    }
    text += "}"
  }

  private mutating func appendStructure(_ column: Column, _ fields: [Field], _ row: Int) {
    text += "{"
    for (index, field) in fields.enumerated() {
      if index > 0 { text += "," }
      appendQuoted(field.name)
      text += ":"
      append(column.children[index], row)
    }
    text += "}"
  }

  private mutating func appendQuoted(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    text += "\""
  }
}
