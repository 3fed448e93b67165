/// The names and words of a statement.
extension CoverageReader {
  mutating func name(_ what: String) throws(NotCovered) -> String {
    guard let token = cursor.token, let name = cursor.source.name(of: token) else {
      throw NotCovered("it has no \(what) where one is expected")
    }
    if token.kind == .word, Self.isReserved(token, name) {
      throw NotCovered("it has the word \(name) there")
    }
    cursor.advance()
    return dialect.folded(name, isQuoted: token.kind == .quotedName)
  }

  static func isReserved(_ token: Token, _ word: String) -> Bool {
    guard token.kind == .word else { return false }
    if let keyword = token.keyword, keyword.category == .reserved { return true }
    let word = word.lowercased()
    return word == "user" || KnownFunctions.wordsOfTheMoment.contains(word)
  }

  /// `c` or `t.c`; nothing that is called.
  mutating func column() throws(NotCovered) -> CoverageTerm {
    var parts = [try name("column")]
    while cursor.accept(mark: ".") { parts.append(try name("column")) }
    guard parts.count <= 2, !cursor.isAt(mark: "("), !cursor.isAt(mark: "[") else {
      throw NotCovered("it calls \(parts.last ?? "something")")
    }
    let qualifier = parts.count == 2 ? parts[0] : nil
    guard let found = try find(parts[parts.count - 1], of: qualifier) else {
      throw NotCovered("\(parts.joined(separator: ".")) is no column of a copy")
    }
    return term(of: found)
  }

  /// The only column of that name; nil if there is none.
  func find(_ name: String, of qualifier: String?) throws(NotCovered) -> CoverageColumn? {
    var found: CoverageColumn?
    for (index, relation) in relations.enumerated() {
      if let qualifier, !dialect.isSame(qualifier, relation.qualifier) { continue }
      for (place, column) in relation.table.columns.enumerated()
      where dialect.isSame(column.name, name) {
        guard found == nil else { throw NotCovered("\(name) may be one of several columns") }
        guard column.isHeld else { throw NotCovered("the copy does not have the column \(name)") }
        found = CoverageColumn(relation: index, column: place)
      }
    }
    return found
  }

  func term(of column: CoverageColumn) -> CoverageTerm {
    let relation = relations[column.relation]
    let copied = relation.table.columns[column.column]
    return CoverageTerm(
      kind: copied.type.map { .typed($0) } ?? .opaque,
      sql: "\(relation.alias).\(quotedName(copied.name))", column: column, bounds: copied.bounds)
  }

  // MARK: - Words

  func isAt(_ word: String) -> Bool {
    guard let token = cursor.token, token.kind == .word else { return false }
    return cursor.source.text(of: token).lowercased() == word
  }

  mutating func accept(_ word: String) -> Bool {
    guard isAt(word) else { return false }
    cursor.advance()
    return true
  }

  func isAt(symbol: String) -> Bool {
    guard let token = cursor.token, token.kind == .symbol else { return false }
    return cursor.source.text(of: token) == symbol
  }
}
