/// A query for the row of one key: `SELECT columns FROM table WHERE column = value`, and nothing more.
///
/// The columns are names or `*`, the value is a whole number, a plain string or a parameter. Nothing
/// but the rows depends on the value then: not the names or types of the result. Whether the names
/// are columns, and the table a table, the text does not tell.
public struct PointQuery: Sendable {
  public enum Value: Hashable, Sendable {
    case integer(Int64)
    case text(String)
    case parameter
  }

  /// The text up to the value: queries with the same template differ in the key only.
  public let template: String
  public let value: Value
  private let source: SQLText
  private let parts: Parts

  private struct Parts {
    /// The names in the list, empty for `*`; as places of their tokens.
    var listed: [Int] = []
    var list = 0..<0
    /// The table with its schema and alias.
    var relation = 0..<0
    /// The last part of the table's name.
    var table = 0
    var column = 0..<0
  }

  /// Longer texts are not looked at.
  private static let maxByteCount = 4_096

  /// - Returns: `nil` if it is anything else.
  public init?(_ sql: String) {
    guard sql.utf8.count <= Self.maxByteCount, let source = try? SQLText(sql) else { return nil }
    var reader = PointQueryReader(tokens: source.tokens)
    var parts = Parts()
    guard reader.takes(.select) else { return nil }
    let listStart = reader.index
    if !reader.takesSymbol("*") {
      repeat {
        guard let name = reader.path() else { return nil }
        parts.listed.append(name.upperBound - 1)
        if reader.takes(.as), reader.path(maxPartCount: 1) == nil { return nil }
      } while reader.takesMark(",")
    }
    parts.list = listStart..<reader.index
    guard reader.takes(.from), let table = reader.path() else { return nil }
    parts.table = table.upperBound - 1
    if !reader.isAt(.where) {
      _ = reader.takes(.as)
      guard reader.path(maxPartCount: 1) != nil else { return nil }
    }
    parts.relation = table.lowerBound..<reader.index
    guard reader.takes(.where), let column = reader.path(), reader.takesSymbol("="),
      let valueToken = reader.next()
    else { return nil }
    parts.column = column
    _ = reader.takesMark(";")
    guard reader.isAtEnd, let value = Self.value(of: valueToken, in: source) else { return nil }
    self.value = value
    self.parts = parts
    self.source = source
    template = source.text(in: 0..<Int(valueToken.start))
  }

  private static func value(of token: Token, in source: SQLText) -> Value? {
    switch token.kind {
    case .number: Int64(source.text(of: token)).map { .integer($0) }
    case .string where token.firstByte == UInt8(ascii: "'"):
      source.stringValue(of: token).map { .text($0) }
    case .parameter where token.firstByte == UInt8(ascii: "?"): .parameter
    case .parameter: source.text(of: token) == "$1" ? .parameter : nil
    default: nil
    }
  }

  /// The names in the list without what stands before their last dot; empty for `*`.
  public var columns: [String] {
    parts.listed.compactMap { source.name(of: source.tokens[$0]) }
  }

  /// The last part of the table's name.
  public var table: String { source.name(of: source.tokens[parts.table]) ?? "" }

  /// The last part of the name of the column that is compared.
  public var column: String {
    source.name(of: source.tokens[max(parts.column.upperBound - 1, 0)]) ?? ""
  }

  /// The same query for all keys that `keys` holds, a relation with the column `key`.
  ///
  /// - Parameter alias: Of the relation; a name that no query uses.
  public func joined(with keys: String, as alias: String, key: String) -> String {
    "SELECT \(source.text(ofTokens: parts.list)) FROM \(source.text(ofTokens: parts.relation)) "
      + "SEMI JOIN \(keys) AS \(alias) ON \(source.text(ofTokens: parts.column)) = \(alias).\(key)"
  }
}

/// Goes through tokens from left to right.
private struct PointQueryReader {
  let tokens: [Token]
  private(set) var index = 0

  init(tokens: [Token]) { self.tokens = tokens }

  var isAtEnd: Bool { index >= tokens.count }

  mutating func next() -> Token? {
    guard index < tokens.count else { return nil }
    defer { index += 1 }
    return tokens[index]
  }

  func isAt(_ keyword: Keyword) -> Bool {
    index < tokens.count && tokens[index].isKeyword(keyword)
  }

  mutating func takes(_ keyword: Keyword) -> Bool {
    guard isAt(keyword) else { return false }
    index += 1
    return true
  }

  mutating func takesMark(_ mark: Unicode.Scalar) -> Bool {
    guard index < tokens.count, tokens[index].isMark(mark) else { return false }
    index += 1
    return true
  }

  mutating func takesSymbol(_ symbol: Unicode.Scalar) -> Bool {
    guard index < tokens.count, tokens[index].kind == .symbol,
      UInt32(tokens[index].firstByte) == symbol.value, tokens[index].range.count == 1
    else { return false }
    index += 1
    return true
  }

  /// A name with at most so many parts, as the places of its tokens.
  mutating func path(maxPartCount: Int = 4) -> Range<Int>? {
    let start = index
    for _ in 0..<maxPartCount {
      guard index < tokens.count, isName(tokens[index]) else { return nil }
      index += 1
      guard index < tokens.count, tokens[index].isMark(".") else { return start..<index }
      index += 1
    }
    return nil
  }

  private func isName(_ token: Token) -> Bool {
    switch token.kind {
    case .quotedName: true
    case .word: token.keyword.map { $0.category == .unreserved } ?? true
    default: false
    }
  }
}
