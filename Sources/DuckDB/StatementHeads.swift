/// The first words of the statements of a text, found without parsing it: quotes, comments and
/// dollar quotes are skipped, and a semicolon outside of them ends a statement.
struct StatementHeads {
  private var keywords: [String] = []
  /// Where each statement is, in bytes of UTF-8, without its semicolon.
  private(set) var ranges: [Range<Int>] = []
  /// Where the parameters are: `?`, `?1`, `$1`, `$name`.
  private(set) var parameters: [Range<Int>] = []

  init(of sql: String) {
    let bytes = Array(sql.utf8)
    var position = 0
    var head: [UInt8] = []
    var isInHead = true
    var isEmpty = true
    var start = 0
    func close() {
      guard !isEmpty else { return }
      keywords.append(String(decoding: head, as: UTF8.self))
      ranges.append(start..<position)
    }
    while position < bytes.count {
      let next = Self.end(ofTokenAt: position, in: bytes)
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: ";"):
        close()
        (head, isInHead, isEmpty, start) = ([], true, true, next)
      case _ where next > position + 1 && !Self.isQuote(byte): break  // a comment
      case 0x41...0x5A, 0x61...0x7A:
        isEmpty = false
        if isInHead { head.append(byte & 0xDF) }
      case 0x09...0x0D, 0x20: isInHead = isInHead && head.isEmpty
      default: (isEmpty, isInHead) = (false, false)
      }
      if let end = Self.end(ofParameterAt: position, in: bytes), end >= next {
        parameters.append(position..<end)
        position = end
      } else {
        position = next
      }
    }
    close()
  }

  /// The first word of statement `index` in capitals; empty if it has none.
  func keyword(_ index: Int) -> String {
    index >= 0 && index < keywords.count ? keywords[index] : ""
  }

  /// The end of the parameter that begins at `start`, if one does.
  private static func end(ofParameterAt start: Int, in bytes: [UInt8]) -> Int? {
    let isNamed = bytes[start] == UInt8(ascii: "$")
    guard isNamed || bytes[start] == UInt8(ascii: "?") else { return nil }
    if start > 0, isWord(bytes[start - 1]) { return nil }
    let end = bytes[(start + 1)...].firstIndex { !isWord($0) } ?? bytes.count
    if isNamed, end == start + 1 || (end < bytes.count && bytes[end] == UInt8(ascii: "$")) {
      return nil
    }
    return end
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    byte == 0x5F || byte > 0x7F || (0x30...0x39).contains(byte)
      || (0x61...0x7A).contains(byte | 0x20)
  }

  private static func isQuote(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "$")
  }

  /// The end of the quote or comment that begins at `start`, else `start + 1`.
  private static func end(ofTokenAt start: Int, in bytes: [UInt8]) -> Int {
    let next = start + 1 < bytes.count ? bytes[start + 1] : 0
    switch bytes[start] {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      let close = bytes[(start + 1)...].firstIndex(of: bytes[start])
      return close.map { $0 + 1 } ?? bytes.count
    case UInt8(ascii: "-") where next == UInt8(ascii: "-"):
      return bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    case UInt8(ascii: "/") where next == UInt8(ascii: "*"):
      return Self.position(after: [UInt8(ascii: "*"), UInt8(ascii: "/")], from: start + 2, bytes)
    case UInt8(ascii: "$"):
      guard let close = bytes[(start + 1)...].firstIndex(of: UInt8(ascii: "$")),
        bytes[(start + 1)..<close].allSatisfy({ $0 == 0x5F || ($0 | 0x20) >= 0x61 || $0 > 0x7F })
      else { return start + 1 }
      return Self.position(after: Array(bytes[start...close]), from: close + 1, bytes)
    default:
      return start + 1
    }
  }

  private static func position(after mark: [UInt8], from start: Int, _ bytes: [UInt8]) -> Int {
    var position = start
    while position + mark.count <= bytes.count {
      if bytes[position..<(position + mark.count)].elementsEqual(mark) {
        return position + mark.count
      }
      position += 1
    }
    return bytes.count
  }
}
