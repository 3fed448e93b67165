/// Statements that change rows.
extension HeadParser {
  mutating func insert() -> StatementKind? {
    var conflict: InsertHead.Conflict?
    if cursor.accept(.or) {
      if cursor.accept(.replace) {
        conflict = .replace
      } else if cursor.accept(.ignore) {
        conflict = .ignore
      } else {
        return nil
      }
    }
    guard cursor.accept(.into), let (target, targetTokens) = cursor.acceptQualifiedName() else {
      return nil
    }
    let alias = cursor.accept(.as) ? cursor.acceptName() : nil
    let columns = insertColumns()
    var isByName = false
    if cursor.accept(.by, .name) { isByName = true } else { _ = cursor.accept(.by, .position) }
    let sourceStart = cursor.index
    let source: InsertHead.Source =
      if cursor.accept(.default, .values) {
        .defaultValues
      } else {
        cursor.isAt(.values) ? .values : .query
      }
    skipToInsertTail()
    let sourceTokens = sourceStart..<cursor.index
    let onConflict = cursor.isAt(.on) ? tail(until: .returning) : nil
    return .insert(
      InsertHead(
        target: target, alias: alias, columns: columns, isByName: isByName, source: source,
        conflict: conflict, targetTokens: targetTokens, sourceTokens: sourceTokens,
        onConflictTokens: onConflict, returningTokens: returning()))
  }

  /// Steps to `ON CONFLICT` or `RETURNING` outside brackets; the `ON` of a join is stepped over.
  private mutating func skipToInsertTail() {
    cursor.skip(to: .on, .returning)
    while cursor.isAt(.on), cursor.token(ahead: 1)?.keyword != .conflict {
      cursor.advance()
      cursor.skip(to: .on, .returning)
    }
  }

  /// `(a, "b", c)` if that is next and no query in brackets.
  private mutating func insertColumns() -> [String]? {
    guard cursor.isAt(mark: "(") else { return nil }
    var ahead = cursor
    ahead.advance()
    var columns: [String] = []
    repeat {
      guard let name = ahead.acceptName() else { return nil }
      columns.append(name)
      // A column of a struct: `a.b`.
      while ahead.accept(mark: ".") { _ = ahead.acceptName() }
    } while ahead.accept(mark: ",")
    guard ahead.accept(mark: ")") else { return nil }
    cursor = ahead
    return columns
  }

  /// The tokens from here up to a keyword outside brackets.
  private mutating func tail(until keyword: Keyword) -> Range<Int> {
    let start = cursor.index
    cursor.skip(to: keyword)
    return start..<cursor.index
  }

  private mutating func returning() -> Range<Int>? {
    guard cursor.accept(.returning) else { return nil }
    defer { cursor.index = cursor.end }
    return cursor.index..<cursor.end
  }

  mutating func update() -> StatementKind? {
    if cursor.accept(.extensions) { return .updateExtensions }
    if cursor.accept(.or) { cursor.advance() }
    guard let (target, targetTokens) = cursor.acceptQualifiedName() else { return nil }
    let alias = alias(unless: .set)
    guard cursor.accept(.set) else { return nil }
    let setStart = cursor.index
    cursor.skip(to: .from, .where, .returning)
    let setTokens = setStart..<cursor.index
    cursor.skip(to: .returning)
    return .update(
      UpdateHead(
        target: target, alias: alias, targetTokens: targetTokens, setTokens: setTokens,
        returningTokens: returning()))
  }

  /// `[AS] name`, unless the next word is one of the keywords.
  private mutating func alias(unless keywords: Keyword...) -> String? {
    if cursor.accept(.as) { return cursor.acceptName() }
    if let keyword = cursor.keyword, keywords.contains(keyword) { return nil }
    return cursor.acceptName()
  }

  mutating func delete() -> StatementKind? {
    guard cursor.accept(.from), let (target, targetTokens) = cursor.acceptQualifiedName() else {
      return nil
    }
    let alias = alias(unless: .using, .where, .returning)
    var usingTokens: Range<Int>?
    if cursor.accept(.using) {
      let start = cursor.index
      cursor.skip(to: .where, .returning)
      usingTokens = start..<cursor.index
    }
    let whereTokens = cursor.accept(.where) ? tail(until: .returning) : nil
    return .delete(
      DeleteHead(
        target: target, alias: alias, isTruncate: false, targetTokens: targetTokens,
        usingTokens: usingTokens, whereTokens: whereTokens, returningTokens: returning()))
  }

  mutating func truncate() -> StatementKind? {
    _ = cursor.accept(.table)
    guard let (target, targetTokens) = cursor.acceptQualifiedName() else { return nil }
    return .delete(
      DeleteHead(
        target: target, alias: nil, isTruncate: true, targetTokens: targetTokens,
        usingTokens: nil, whereTokens: nil, returningTokens: nil))
  }

  mutating func merge() -> StatementKind? {
    guard cursor.accept(.into), let target = cursor.acceptQualifiedName()?.name else { return nil }
    cursor.skip(to: .returning)
    return .merge(target: target, hasReturning: cursor.isAt(.returning))
  }

  mutating func copy() -> StatementKind? {
    if cursor.accept(.from, .database) {
      let from = cursor.acceptName()
      let to = cursor.accept(.to) ? cursor.acceptName() : nil
      return .copy(
        CopyHead(
          direction: .databases, table: nil, path: nil, databases: [from, to].compactMap { $0 }))
    }
    var table: QualifiedName?
    if cursor.isAt(mark: "(") {
      cursor.skipTokenOrGroup()
    } else {
      guard let name = cursor.acceptQualifiedName()?.name else { return nil }
      table = name
      if cursor.isAt(mark: "(") { cursor.skipTokenOrGroup() }
    }
    guard cursor.isAt(.from) || cursor.isAt(.to) else { return nil }
    let direction: CopyHead.Direction = cursor.isAt(.from) ? .fromFile : .toFile
    cursor.advance()
    return .copy(
      CopyHead(
        direction: direction, table: table, path: cursor.acceptString(), databases: []))
  }
}
