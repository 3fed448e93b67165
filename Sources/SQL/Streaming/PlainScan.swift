/// `SELECT * FROM s`, `FROM s` or `TABLE s`, with or without LIMIT: all of one relation as it is.
public struct PlainScan: Hashable, Sendable {
  public var relation: QualifiedName
  public var limit: Int?

  /// - Returns: Nil for every other statement.
  public init?(_ statement: StatementText) {
    var cursor = TokenCursor(statement)
    if cursor.accept(.select) {
      guard cursor.accept(symbol: "*"), cursor.accept(.from) else { return nil }
    } else if !cursor.accept(.from), !cursor.accept(.table) {
      return nil
    }
    guard let name = cursor.acceptQualifiedName()?.name else { return nil }
    relation = name
    if cursor.accept(.limit) {
      guard let token = cursor.token, token.kind == .number,
        let count = Int(cursor.source.text(of: token))
      else { return nil }
      cursor.advance()
      limit = count
    }
    guard cursor.isAtEnd else { return nil }
  }
}

extension StatementText {
  /// Whether one of the names, in lower case, stands anywhere in the statement.
  public func mentions(_ names: [String]) -> Bool {
    tokens.contains { token in
      guard token.firstByte == UInt8(ascii: "_") || token.kind == .quotedName,
        let name = source.name(of: token)
      else { return false }
      return names.contains(name.lowercased())
    }
  }
}

extension StatementText {
  /// The names that stand behind FROM or JOIN, in order: of relations, and of what a WITH has named.
  public var relationNames: [QualifiedName] {
    var names: [QualifiedName] = []
    var cursor = TokenCursor(self)
    while !cursor.isAtEnd {
      guard cursor.isAt(.from) || cursor.isAt(.join) else {
        cursor.advance()
        continue
      }
      cursor.advance()
      if let name = cursor.acceptQualifiedName()?.name { names.append(name) }
    }
    return names
  }
}

extension StatementText {
  /// Where the FROM of a SELECT stands: a 0-based offset in bytes of the statement's text. Nil for other
  /// statements, and for those whose FROM is not the one of the first SELECT.
  public var topLevelFrom: Int? {
    guard tokens.first?.isKeyword(.select) == true else { return nil }
    var depth = 0
    for token in tokens {
      depth += token.nesting
      if depth == 0, token.isKeyword(.from) { return Int(token.start) - byteRange.lowerBound }
    }
    return nil
  }
}
