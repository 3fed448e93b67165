/// A relation that a statement names in a FROM clause.
public struct RelationReference: Hashable, Sendable {
  public var name: QualifiedName
  /// Where the name stands.
  public var tokens: Range<Int>
}

extension StatementText {
  /// The relations that FROM clauses name, in order, without those that a WITH of the statement names.
  public var relationReferences: [RelationReference] {
    let common = commonTableNames
    var references: [RelationReference] = []
    var isInFrom = [false]
    var expectsName = false
    var index = tokenRange.lowerBound
    while index < tokenRange.upperBound {
      let token = source.tokens[index]
      let word = token.kind == .word ? source.text(of: token).lowercased() : ""
      if expectsName, let (name, end) = qualifiedName(at: index) {
        expectsName = false
        let isCommon = name.parts.count == 1 && common.contains(name.name.lowercased())
        if !isCommon, !isMark("(", at: end) {
          references.append(RelationReference(name: name, tokens: index..<end))
        }
        index = end
        continue
      }
      expectsName = false
      if token.isMark("(") { isInFrom.append(false) }
      if token.isMark(")"), isInFrom.count > 1 { isInFrom.removeLast() }
      if token.isMark(","), isInFrom[isInFrom.count - 1] { expectsName = true }
      if word == "join" { expectsName = true }
      if word == "from", !isWord("distinct", at: index - 1) || !isComparison(at: index - 1) {
        isInFrom[isInFrom.count - 1] = true
        expectsName = true
      }
      if Self.endsOfFrom.contains(word) { isInFrom[isInFrom.count - 1] = false }
      index += 1
    }
    return references
  }

  private static let endsOfFrom: Set<String> = [
    "select", "where", "group", "having", "qualify", "window", "order", "limit", "offset", "union",
    "except", "intersect", "returning",
  ]

  /// The names that WITH gives: those before `AS (`.
  private var commonTableNames: Set<String> {
    var names: Set<String> = []
    for index in tokenRange where isWord("as", at: index) {
      var next = index + 1
      if isWord("not", at: next) { next += 1 }
      if isWord("materialized", at: next) { next += 1 }
      guard isMark("(", at: next) else { continue }
      var before = index - 1
      if isMark(")", at: before) {
        while before > tokenRange.lowerBound, !isMark("(", at: before) { before -= 1 }
        before -= 1
      }
      guard tokenRange.contains(before), let name = source.name(of: source.tokens[before]) else {
        continue
      }
      names.insert(name.lowercased())
    }
    return names
  }

  private func qualifiedName(at start: Int) -> (QualifiedName, end: Int)? {
    guard let first = source.name(of: source.tokens[start]) else { return nil }
    var (parts, end) = ([first], start + 1)
    while isMark(".", at: end), end + 1 < tokenRange.upperBound,
      let part = source.name(of: source.tokens[end + 1])
    {
      parts.append(part)
      end += 2
    }
    return (QualifiedName(parts: parts), end)
  }

  private func isMark(_ mark: Unicode.Scalar, at index: Int) -> Bool {
    tokenRange.contains(index) && source.tokens[index].isMark(mark)
  }

  private func isWord(_ word: String, at index: Int) -> Bool {
    tokenRange.contains(index) && source.tokens[index].kind == .word
      && source.text(of: source.tokens[index]).lowercased() == word
  }

  /// `IS [NOT] DISTINCT`: what follows is no relation.
  private func isComparison(at index: Int) -> Bool {
    isWord("is", at: index - 1) || (isWord("not", at: index - 1) && isWord("is", at: index - 2))
  }
}
