/// Statements about the session: transactions, settings, extensions, prepared statements.
extension HeadParser {
  mutating func transaction(_ verb: Keyword) -> StatementKind? {
    if verb == .start, !cursor.isAt(.transaction) { return nil }
    _ = cursor.accept(.transaction) || cursor.accept(.work)
    switch verb {
    case .begin, .start:
      let isReadOnly = cursor.accept(.read, .only)
      if !isReadOnly { _ = cursor.accept(.read, .write) }
      return cursor.isAtEnd ? .transaction(.begin(readOnly: isReadOnly)) : nil
    case .commit, .end: return cursor.isAtEnd ? .transaction(.commit) : nil
    default: return cursor.isAtEnd ? .transaction(.rollback) : nil
    }
  }

  private mutating func settingScope() -> SettingHead.Scope {
    if cursor.accept(.global) { return .global }
    if cursor.accept(.session) { return .session }
    if cursor.accept(.local) { return .local }
    if cursor.accept(.variable) { return .variable }
    return .automatic
  }

  private mutating func settingName() -> String? {
    if cursor.accept(.time, .zone) { return "TimeZone" }
    return cursor.acceptQualifiedName().map { $0.name.parts.joined(separator: ".") }
  }

  mutating func set() -> StatementKind? {
    // A setting may itself be called like a scope: `SET session = …` has no scope.
    let scope = cursor.token(ahead: 1).map(isAssignment) == true ? .automatic : settingScope()
    let isTimeZone = cursor.isAt(.time)
    let isSchema = cursor.isAt(.schema) && cursor.token(ahead: 1)?.kind == .string
    guard let name = settingName() else { return nil }
    guard cursor.accept(symbol: "=") || cursor.accept(.to) || isTimeZone || isSchema else {
      return nil
    }
    return .set(SettingHead(scope: scope, name: name, valueTokens: cursor.index..<cursor.end))
  }

  private func isAssignment(_ token: Token) -> Bool {
    token.keyword == .to || (token.kind == .symbol && cursor.source.text(of: token) == "=")
  }

  mutating func reset() -> StatementKind? {
    let scope = cursor.token(ahead: 1) == nil ? .automatic : settingScope()
    guard let name = settingName() else { return nil }
    return .reset(SettingHead(scope: scope, name: name, valueTokens: cursor.end..<cursor.end))
  }

  mutating func pragma() -> StatementKind? {
    guard let name = settingName() else { return nil }
    var head = PragmaHead(name: name, form: .plain, valueTokens: cursor.index..<cursor.index)
    if cursor.accept(symbol: "=") {
      head.form = .assignment
      head.valueTokens = cursor.index..<cursor.end
    } else if cursor.isAt(mark: "(") {
      head.form = .call
      let start = cursor.index + 1
      cursor.skipTokenOrGroup()
      head.valueTokens = start..<max(start, cursor.index - 1)
    }
    return .pragma(head)
  }

  mutating func install(isForced: Bool) -> StatementKind? {
    if isForced { _ = cursor.accept(.install) }
    var names: [String] = []
    repeat {
      guard let name = cursor.acceptString() ?? cursor.acceptName() else { break }
      names.append(name)
    } while cursor.accept(mark: ",")
    return .install(extensions: names)
  }

  mutating func load() -> StatementKind? {
    (cursor.acceptString() ?? cursor.acceptName()).map { .load(extension: $0) }
  }

  mutating func explain() -> StatementKind? {
    var analyzes = false
    if cursor.isAt(mark: "(") {
      let options = cursor
      cursor.skipTokenOrGroup()
      if cursor.isAtEnd {
        // No options but a query in brackets.
        cursor = options
      } else {
        analyzes = options.source.tokens[options.index..<cursor.index]
          .contains { $0.keyword == .analyze || $0.keyword == .analyse }
      }
    } else {
      analyzes = cursor.accept(.analyze) || cursor.accept(.analyse)
      _ = cursor.accept(.verbose)
    }
    return inner().map { .explain(analyzes: analyzes, $0) }
  }

  mutating func prepare() -> StatementKind? {
    guard let name = cursor.acceptName() else { return nil }
    if cursor.isAt(mark: "(") { cursor.skipTokenOrGroup() }
    guard cursor.accept(.as) else { return nil }
    return inner().map { .prepare(name: name, $0) }
  }

  private func inner() -> StatementHead? {
    guard depth < Self.maxDepth, !cursor.isAtEnd else { return nil }
    var parser = HeadParser(cursor: cursor, depth: depth + 1)
    return parser.parse()
  }

  mutating func deallocate() -> StatementKind? {
    _ = cursor.accept(.prepare)
    if cursor.accept(.all) { return .deallocate(name: nil) }
    return cursor.acceptName().map { .deallocate(name: $0) }
  }
}
