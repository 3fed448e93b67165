internal import Columnar

/// Rows as JSON objects: one array of them, or one per line.
///
/// Numbers and booleans are JSON's, lists and structs are arrays and objects, a map is an object if its keys
/// are texts and else an array of pairs; everything else is a text as the table shows it. Values that JSON has no
/// number for (NaN, infinities) are texts.
struct JSONWriter: ResultWriter {
  let isLines: Bool
  private var keys: [String] = []
  private var isFirst = true

  init(isLines: Bool) { self.isLines = isLines }

  mutating func begin(_ schema: Schema, to output: Output) throws(ShellFailure) {
    keys = schema.fields.map { JSONValue.quoted($0.name) }
    if !isLines { try output.write("[") }
  }

  mutating func write(_ batch: Batch, to output: Output) throws(ShellFailure) {
    for row in 0..<batch.rowCount {
      var line = isLines ? "{" : isFirst ? "\n  {" : ",\n  {"
      isFirst = false
      for (index, column) in batch.columns.enumerated() {
        if index > 0 { line += isLines ? "," : ", " }
        line += keys[index] + (isLines ? ":" : ": ")
        JSONValue.append(column, row, to: &line)
      }
      try output.write(line + (isLines ? "}\n" : "}"))
    }
  }

  func end(to output: Output) throws(ShellFailure) {
    if !isLines { try output.write(isFirst ? "]\n" : "\n]\n") }
  }
}

/// One value of a column as JSON.
enum JSONValue {
  static func append(_ column: Column, _ row: Int, to text: inout String) {
    guard !column.isNull(at: row) else {
      text += "null"
      return
    }
    switch column.type {
    case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64:
      text += column.string(at: row) ?? "null"
    case .decimal, .float16, .float32, .float64:
      let number = column.string(at: row) ?? "null"
      text += isNumber(number) ? number : quoted(number)
    case .list, .largeList, .listView, .largeListView, .fixedSizeList:
      appendList(column, row, to: &text)
    case .structure(let fields):
      text += "{"
      for (index, field) in fields.enumerated() {
        if index > 0 { text += "," }
        text += quoted(field.name) + ":"
        append(column.children[index], row, to: &text)
      }
      text += "}"
    case .map: appendMap(column, row, to: &text)
    default: text += quoted(column.string(at: row) ?? "")
    }
  }

  private static func appendList(_ column: Column, _ row: Int, to text: inout String) {
    text += "["
    for (position, item) in items(of: column, row).enumerated() {
      if position > 0 { text += "," }
      append(column.children[0], item, to: &text)
    }
    text += "]"
  }

  private static func appendMap(_ column: Column, _ row: Int, to text: inout String) {
    let entries = column.children[0]
    let (keys, values) = (entries.children[0], entries.children[1])
    let isObject =
      switch keys.type {
      case .utf8, .largeUTF8, .utf8View: true
      default: false
      }
    text += isObject ? "{" : "["
    for (position, item) in items(of: column, row).enumerated() {
      if position > 0 { text += "," }
      if isObject {
        text += quoted(keys.string(at: item) ?? "") + ":"
        append(values, item, to: &text)
      } else {
        text += "["
        append(keys, item, to: &text)
        text += ","
        append(values, item, to: &text)
        text += "]"
      }
    }
    text += isObject ? "}" : "]"
  }

  /// Rows of the child that the list at `row` holds.
  private static func items(of column: Column, _ row: Int) -> Range<Int> {
    func offset32(_ buffer: Int, _ index: Int) -> Int {
      let offsets = column.buffers[buffer]
      return Int(offsets.values(as: Int32.self)[index])
    }
    func offset64(_ buffer: Int, _ index: Int) -> Int {
      let offsets = column.buffers[buffer]
      return Int(offsets.values(as: Int64.self)[index])
    }
    switch column.type {
    case .list, .map: return offset32(1, row)..<offset32(1, row + 1)
    case .largeList: return offset64(1, row)..<offset64(1, row + 1)
    case .listView:
      let start = offset32(1, row)
      return start..<(start + offset32(2, row))
    case .largeListView:
      let start = offset64(1, row)
      return start..<(start + offset64(2, row))
    case .fixedSizeList(_, let size): return (row * size)..<((row + 1) * size)
    default: return 0..<0
    }
  }

  /// Whether the text is a number in JSON's grammar.
  private static func isNumber(_ text: String) -> Bool {
    let digits = text.utf8.first == 0x2D ? text.utf8.dropFirst() : text.utf8[...]
    guard let first = digits.first, (0x30...0x39).contains(first) else { return false }
    if first == 0x30 && digits.count > 1, let second = digits.dropFirst().first,
      (0x30...0x39).contains(second)
    {
      return false
    }
    return digits.last != 0x2E
      && digits.allSatisfy {
        (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0)
      }
  }

  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
