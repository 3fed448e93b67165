/// Writes values of any type behind each other into a text.
struct ValueWriter {
  let options: TextOptions
  private(set) var text = ""
  private var depth = 0

  init(options: TextOptions) {
    self.options = options
  }

  mutating func append(_ column: Column, _ row: Int) {
    let (column, row) = column.resolved(row)
    guard !column.isNull(at: row) else {
      text += options.null
      return
    }
    switch column.type {
    case .bool: text += Bitmap.isSet(column.buffers[1], row) ? "true" : "false"
    case .utf8, .largeUTF8, .utf8View: appendString(column.bytes(at: row))
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: appendBlob(column.bytes(at: row))
    case .float16, .float32, .float64: appendFloat(column, row)
    case .uint64: text += "\(column.buffers[1].number(at: row * 8, as: UInt64.self) ?? 0)"
    case .decimal(let width, _, let scale):
      text += DecimalText.text(column.buffers[1], at: row, width: width, scale: scale)
    case .date32, .date64, .time32, .time64, .timestamp, .duration, .interval:
      text += TimeText.text(column, row)
    case .list, .largeList, .listView, .largeListView, .fixedSizeList:
      appendList(column.children[0], column.itemRange(at: row))
    case .map: appendMap(column.children[0], column.itemRange(at: row))
    case .structure(let fields): appendStructure(column, fields, row)
    default: text += "\(column.plainInteger(row))"
    }
  }

  private mutating func appendString(_ bytes: Buffer) {
    let string = unsafe String(decoding: bytes.unsafeBytes, as: UTF8.self)
    guard depth > 0, options.quotesNestedStrings else {
      text += string
      return
    }
    appendQuoted(string)
  }

  private mutating func appendQuoted(_ string: String) {
    text += "'"
    for character in string.unicodeScalars {
      if character == "'" { text += "'" }
      text.unicodeScalars.append(character)
    }
    text += "'"
  }

  /// Printable ASCII as it is, other bytes as `\xFF`.
  private mutating func appendBlob(_ bytes: Buffer) {
    let digits = Array("0123456789ABCDEF")
    for index in 0..<bytes.count {
      let byte = unsafe bytes.unsafeBytes[index]
      if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "\\x"
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
      }
    }
  }

  private mutating func appendFloat(_ column: Column, _ row: Int) {
    let buffer = column.buffers[1]
    switch column.type {
    case .float64: text += "\(Double(bitPattern: buffer.number(at: row * 8, as: UInt64.self) ?? 0))"
    case .float32: text += "\(Float(bitPattern: buffer.number(at: row * 4, as: UInt32.self) ?? 0))"
    default: text += "\(Self.float(half: buffer.number(at: row * 2, as: UInt16.self) ?? 0))"
    }
  }

  /// A half-precision number: 1 bit of sign, 5 of exponent, 10 of fraction.
  static func float(half: UInt16) -> Float {
    let sign: Float = half >> 15 == 1 ? -1 : 1
    let exponent = Int(half >> 10 & 0x1F)
    let fraction = Float(half & 0x3FF) / 1024
    switch exponent {
    case 0: return sign * fraction * 0x1p-14
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default: return sign * Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
    }
  }

  private mutating func appendList(_ items: Column, _ range: Range<Int>) {
    depth += 1
    text += "["
    for index in range {
      if index > range.lowerBound { text += ", " }
      append(items, index)
    }
    text += "]"
    depth -= 1
  }

  private mutating func appendMap(_ entries: Column, _ range: Range<Int>) {
    depth += 1
    text += "{"
    for index in range {
      if index > range.lowerBound { text += ", " }
      append(entries.children[0], index)
      text += "="
      append(entries.children[1], index)
    }
    text += "}"
    depth -= 1
  }

  private mutating func appendStructure(_ column: Column, _ fields: [Field], _ row: Int) {
    depth += 1
    text += "{"
    for (index, field) in fields.enumerated() {
      if index > 0 { text += ", " }
      appendQuoted(field.name)
      text += ": "
      append(column.children[index], row)
    }
    text += "}"
    depth -= 1
  }
}

extension Column {
  /// The value of an integer or temporal column that fits `Int`.
  func plainInteger(_ row: Int) -> Int {
    switch type {
    case .int8: integer(1, row, Int8.self)
    case .int16: integer(1, row, Int16.self)
    case .int32, .date32, .time32, .interval(.yearMonth): integer(1, row, Int32.self)
    case .uint8: integer(1, row, UInt8.self)
    case .uint16: integer(1, row, UInt16.self)
    case .uint32: integer(1, row, UInt32.self)
    default: integer(1, row, Int64.self)
    }
  }
}
