extension StatementText {
  /// What the statement is about. Reads tokens only, in one pass; runs and looks up nothing.
  public var head: StatementHead {
    var parser = HeadParser(cursor: TokenCursor(self), depth: 0)
    return parser.parse()
  }
}

/// Reads the head of a statement. What it cannot read becomes `.other`, and DuckDB says what is wrong.
struct HeadParser {
  /// `EXPLAIN PREPARE a AS EXPLAIN …` may nest no deeper.
  static let maxDepth = 8

  var cursor: TokenCursor
  let depth: Int

  mutating func parse() -> StatementHead {
    let start = cursor.index
    var hasLeadingWith = false
    if cursor.isAt(.with) {
      hasLeadingWith = true
      skipLeadingWith()
    }
    let verb = cursor.index
    let kind = parseKind() ?? .other(verb: verbText(at: verb))
    return StatementHead(
      kind: kind, verbToken: cursor.source.tokens.indices.contains(verb) ? verb : start,
      hasLeadingWith: hasLeadingWith)
  }

  private func verbText(at index: Int) -> String {
    guard index < cursor.end else { return "" }
    return cursor.source.text(of: cursor.source.tokens[index]).uppercased()
  }

  /// Steps over `WITH [RECURSIVE] name [(columns)] [USING KEY (…)] AS [[NOT] MATERIALIZED] (…), …`.
  private mutating func skipLeadingWith() {
    cursor.advance()
    _ = cursor.accept(.recursive)
    repeat {
      guard cursor.acceptName() != nil else { return }
      while !cursor.isAtEnd, !cursor.isAt(.as) { cursor.skipTokenOrGroup() }
      cursor.advance()
      _ = cursor.accept(.not)
      _ = cursor.accept(.materialized)
      guard cursor.isAt(mark: "(") else { return }
      cursor.skipTokenOrGroup()
    } while cursor.accept(mark: ",")
  }

  private mutating func parseKind() -> StatementKind? {
    if cursor.isAt(mark: "(") { return bracketedQuery() }
    guard let keyword = cursor.keyword else { return nil }
    cursor.advance()
    return queryKind(keyword) ?? dataKind(keyword) ?? catalogKind(keyword) ?? sessionKind(keyword)
      ?? wrappingKind(keyword)
  }

  /// `(SELECT …) UNION …`: a query of the form that is inside.
  private mutating func bracketedQuery() -> StatementKind? {
    while cursor.accept(mark: "(") {}
    if cursor.isAt(.with) { skipLeadingWith() }
    guard let keyword = cursor.keyword else { return nil }
    return queryKind(keyword)
  }

  private func queryKind(_ keyword: Keyword) -> StatementKind? {
    switch keyword {
    case .select: .query(.select)
    case .from: .query(.fromFirst)
    case .values: .query(.values)
    case .table: .query(.table)
    case .pivot, .pivot_wider: .query(.pivot)
    case .unpivot, .pivot_longer: .query(.unpivot)
    case .describe, .desc: .query(.describe)
    case .show: .query(.show)
    case .summarize: .query(.summarize)
    default: nil
    }
  }

  private mutating func dataKind(_ keyword: Keyword) -> StatementKind? {
    switch keyword {
    case .insert: insert()
    case .update: update()
    case .delete: delete()
    case .truncate: truncate()
    case .merge: merge()
    case .copy: copy()
    default: nil
    }
  }

  private mutating func catalogKind(_ keyword: Keyword) -> StatementKind? {
    switch keyword {
    case .create: create()
    case .drop: drop()
    case .alter: alter()
    case .comment: comment()
    case .attach: attach()
    case .detach: detach()
    case .export:
      cursor.accept(.database) ? .exportDatabase(path: databasePath()) : nil
    case .import:
      cursor.accept(.database) ? .importDatabase(path: cursor.acceptString()) : nil
    case .checkpoint: .checkpoint(database: cursor.acceptName(), isForced: false)
    case .force:
      cursor.accept(.checkpoint)
        ? .checkpoint(database: cursor.acceptName(), isForced: true) : nil
    case .vacuum: .vacuum
    case .analyze, .analyse: .analyze
    default: nil
    }
  }

  /// `EXPORT DATABASE ['path' | name TO 'path']`.
  private mutating func databasePath() -> String? {
    if cursor.token(ahead: 1)?.keyword == .to {
      _ = cursor.acceptName()
      _ = cursor.accept(.to)
    }
    return cursor.acceptString()
  }

  private mutating func sessionKind(_ keyword: Keyword) -> StatementKind? {
    switch keyword {
    case .begin, .start, .commit, .end, .rollback, .abort: transaction(keyword)
    case .set: set()
    case .reset: reset()
    case .pragma: pragma()
    case .use: cursor.acceptQualifiedName().map { .use($0.name) }
    case .install: install(isForced: false)
    case .force where cursor.isAt(.install): install(isForced: true)
    case .load: load()
    default: nil
    }
  }

  private mutating func wrappingKind(_ keyword: Keyword) -> StatementKind? {
    switch keyword {
    case .explain: explain()
    case .prepare: prepare()
    case .execute: cursor.acceptName().map { .execute(name: $0) }
    case .deallocate: deallocate()
    case .call: .call(cursor.acceptQualifiedName()?.name)
    default: nil
    }
  }
}
