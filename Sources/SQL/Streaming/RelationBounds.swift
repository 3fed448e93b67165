/// What a WHERE clause says of one column of a relation: a comparison with a constant.
public struct ColumnComparison: Hashable, Sendable {
  public enum Bound: Hashable, Sendable { case lower, upper, both }

  /// The column, as it was written.
  public var column: String
  public var bound: Bound
  /// Whether the constant is in range itself.
  public var isInclusive: Bool
  /// An expression of literals, and of the time at which the statement runs if `dependsOnNow`.
  public var constant: String
  public var dependsOnNow: Bool
  /// Whether it is a whole number, perhaps with a sign.
  public var isInteger: Bool
  /// Whether it says something about time zones, as `now()` and `TIMESTAMPTZ '…'` do.
  public var hasTimeZone: Bool
  /// The other values of `column IN (…)`; the bound is `both`.
  public var alternatives: [String] = []
  /// Whether the constant is a parameter of the statement, such as `$1`.
  public var isParameter = false
  /// Where the constant begins in the source of the statement, in bytes.
  public var place = 0
}

/// A relation of a FROM clause, and what must be true of every row of it that takes part.
public struct BoundedReference: Hashable, Sendable {
  /// The name that columns of it go by: its alias, or its own.
  public var qualifier: String
  public var hasAlias: Bool
  public var comparisons: [ColumnComparison]
}

extension StatementText {
  /// Finds the comparisons that the WHERE clause next to a reference makes for all of its rows.
  ///
  /// Only what is certain is found: comparisons with constants that AND joins, of columns whose
  /// relation is clear. Joins keep their meaning when the rows that WHERE would remove are gone before,
  /// except those that take neighbours (ASOF, POSITIONAL) and samples: there nothing is found.
  public func bounds(of reference: RelationReference) -> BoundedReference? {
    RelationBounds(self, reference).read()
  }

  /// The same, with lists of values and comparisons with parameters among what is found.
  public func conditions(on reference: RelationReference) -> BoundedReference? {
    RelationBounds(self, reference, isWide: true).read()
  }

  /// Whether a reference has a name of its own in the statement.
  public func aliasFollows(_ reference: RelationReference) -> Bool {
    RelationBounds(self, reference).alias()?.hasAlias ?? true
  }
}

/// Reads the clauses around one reference.
private struct RelationBounds {
  private let statement: StatementText
  private let source: SQLText
  private let reference: RelationReference
  /// Whether lists and parameters are wanted.
  private let isWide: Bool

  init(_ statement: StatementText, _ reference: RelationReference, isWide: Bool = false) {
    self.statement = statement
    self.isWide = isWide
    source = statement.source
    self.reference = reference
  }

  private static let unsafeWords: Set<String> = [
    "asof", "positional", "tablesample", "sample", "lateral", "pivot", "unpivot", "semi", "anti",
    "natural", "at",
  ]
  private static let endsOfWhere: Set<String> = [
    "group", "having", "qualify", "window", "order", "limit", "offset", "fetch", "union", "except",
    "intersect", "returning", "select", "using", "sample",
  ]
  /// What may follow the name of a relation and is no alias.
  private static let noAliases: Set<String> = [
    "where", "join", "inner", "left", "right", "full", "cross", "on", "using", "select", "set",
  ]

  private func word(_ index: Int) -> String {
    guard statement.tokenRange.contains(index), source.tokens[index].kind == .word else {
      return ""
    }
    return source.text(of: source.tokens[index]).lowercased()
  }

  private func isMark(_ mark: Unicode.Scalar, _ index: Int) -> Bool {
    statement.tokenRange.contains(index) && source.tokens[index].isMark(mark)
  }

  func read() -> BoundedReference? {
    guard let (next, qualifier, hasAlias) = alias() else { return nil }
    var place = next
    guard isSafeBefore() else { return nil }
    var isAlone = word(reference.tokens.lowerBound - 1) == "from"
    var depth = 0
    while place < statement.tokenRange.upperBound {
      if isMark("(", place) { depth += 1 }
      if isMark(")", place) {
        depth -= 1
        if depth < 0 { return nil }
      }
      if depth == 0 {
        let word = word(place)
        if word == "where" { break }
        if Self.unsafeWords.contains(word) { return nil }
        if Self.endsOfWhere.contains(word), word != "select", word != "using" { return nil }
        // What follows is about the rows of another table.
        if word == "on", self.word(place + 1) == "conflict" { return nil }
        if word == "join" || isMark(",", place) { isAlone = false }
        if isMark(";", place) { return nil }
      }
      place += 1
    }
    guard word(place) == "where", let condition = condition(from: place + 1) else { return nil }
    var comparisons: [ColumnComparison] = []
    for part in conjuncts(condition) {
      comparisons += comparison(part, qualifier: qualifier, isAlone: isAlone)
    }
    return BoundedReference(
      qualifier: qualifier, hasAlias: hasAlias, comparisons: comparisons)
  }

  /// The name behind the reference and where the rest begins; nil if its columns are renamed.
  func alias() -> (next: Int, qualifier: String, hasAlias: Bool)? {
    var place = reference.tokens.upperBound
    let isExplicit = word(place) == "as"
    if isExplicit { place += 1 }
    guard statement.tokenRange.contains(place) else {
      return (place, reference.name.name.lowercased(), false)
    }
    let isName =
      source.tokens[place].kind == .quotedName
      || (!word(place).isEmpty && !Self.noAliases.contains(word(place))
        && !Self.endsOfWhere.contains(word(place)) && !Self.unsafeWords.contains(word(place)))
    guard isName, let name = source.name(of: source.tokens[place]) else {
      return isExplicit ? nil : (place, reference.name.name.lowercased(), false)
    }
    return isMark("(", place + 1) ? nil : (place + 1, name.lowercased(), true)
  }

  /// Looks back to the FROM of the reference.
  private func isSafeBefore() -> Bool {
    var place = reference.tokens.lowerBound - 1
    var depth = 0
    while place >= statement.tokenRange.lowerBound {
      if isMark(")", place) { depth += 1 }
      if isMark("(", place) {
        depth -= 1
        if depth < 0 { return false }
      }
      if depth == 0 {
        let word = word(place)
        if word == "from" { return true }
        if Self.unsafeWords.contains(word) { return false }
      }
      place -= 1
    }
    return false
  }

  /// The tokens of the condition; nil if an OR joins them.
  private func condition(from start: Int) -> Range<Int>? {
    var (place, depth) = (start, 0)
    while place < statement.tokenRange.upperBound {
      if isMark("(", place) || isMark("[", place) || word(place) == "case" { depth += 1 }
      if isMark(")", place) || isMark("]", place) || word(place) == "end" {
        depth -= 1
        if depth < 0 { break }
      }
      if depth == 0 {
        let word = word(place)
        // `sample` may be a column, and what follows it more of the condition; a sample is taken before it.
        if word == "or" || word == "sample" { return nil }
        if word == "using", self.word(place + 1) == "sample" { return nil }
        if Self.endsOfWhere.contains(word) || isMark(";", place) { break }
      }
      place += 1
    }
    return start..<place
  }

  private func conjuncts(_ condition: Range<Int>) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var (start, depth, isBetween) = (condition.lowerBound, 0, false)
    for place in condition {
      if isMark("(", place) || isMark("[", place) || word(place) == "case" { depth += 1 }
      if isMark(")", place) || isMark("]", place) || word(place) == "end" { depth -= 1 }
      guard depth == 0 else { continue }
      if word(place) == "or" { return [] }
      if word(place) == "between" { isBetween = true }
      if word(place) == "and" {
        if isBetween {
          isBetween = false
        } else {
          parts.append(start..<place)
          start = place + 1
        }
      }
    }
    parts.append(start..<condition.upperBound)
    return parts.flatMap { part -> [Range<Int>] in
      guard part.count > 2, isMark("(", part.lowerBound), isOneGroup(part) else { return [part] }
      return conjuncts(part.dropFirst().dropLast())
    }
  }

  private func isOneGroup(_ part: Range<Int>) -> Bool {
    var depth = 0
    for place in part {
      if isMark("(", place) { depth += 1 }
      if isMark(")", place) { depth -= 1 }
      if depth == 0 { return place == part.upperBound - 1 }
    }
    return false
  }

  // MARK: One comparison

  private func comparison(
    _ part: Range<Int>, qualifier: String, isAlone: Bool
  ) -> [ColumnComparison] {
    if let (column, next) = column(part.lowerBound, part.upperBound, qualifier, isAlone) {
      if word(next) == "between" {
        // `a BETWEEN 1 AND 2 = false` compares what BETWEEN finds.
        guard let and = (next..<part.upperBound).first(where: { word($0) == "and" }),
          constant((next + 1)..<and) != nil, constant((and + 1)..<part.upperBound) != nil
        else { return [] }
        return [
          made(column, .lower, true, (next + 1)..<and),
          made(column, .upper, true, (and + 1)..<part.upperBound),
        ].compactMap(\.self)
      }
      if word(next) == "in" { return limits(column, (next + 1)..<part.upperBound) }
      guard let (bound, isInclusive, rest) = sign(next) else { return [] }
      return [made(column, bound, isInclusive, rest..<part.upperBound)].compactMap(\.self)
    }
    // The constant stands on the left.
    guard let place = part.first(where: { sign($0) != nil }),
      let (bound, isInclusive, rest) = sign(place),
      let (column, next) = column(rest, part.upperBound, qualifier, isAlone),
      next == part.upperBound
    else { return [] }
    let turned: ColumnComparison.Bound =
      switch bound {
      case .lower: .upper
      case .upper: .lower
      case .both: .both
      }
    return [made(column, turned, isInclusive, part.lowerBound..<place)].compactMap(\.self)
  }

  /// The smallest and the largest number of a list.
  private func limits(_ column: String, _ list: Range<Int>) -> [ColumnComparison] {
    guard list.count > 2, isMark("(", list.lowerBound), isMark(")", list.upperBound - 1) else {
      return []
    }
    if isWide { return alternatives(column, list.dropFirst().dropLast()) }
    var smallest = list.lowerBound + 1
    var largest = smallest
    for (place, index) in list.dropFirst().dropLast().enumerated() {
      guard place % 2 == 0 else {
        guard isMark(",", index) else { return [] }
        continue
      }
      guard let value = integer(index), let low = integer(smallest), let high = integer(largest)
      else { return [] }
      if value < low { smallest = index }
      if value > high { largest = index }
    }
    return [
      made(column, .lower, true, smallest..<(smallest + 1)),
      made(column, .upper, true, largest..<(largest + 1)),
    ].compactMap(\.self)
  }

  /// All values of a list, if each is one token.
  private func alternatives(_ column: String, _ list: Range<Int>) -> [ColumnComparison] {
    var values: [ColumnComparison] = []
    for (place, index) in list.enumerated() {
      guard place % 2 == 0 else {
        guard isMark(",", index) else { return [] }
        continue
      }
      guard let value = made(column, .both, true, index..<(index + 1)), !value.isParameter else {
        return []
      }
      values.append(value)
    }
    guard var first = values.first, values.count <= Self.maxListCount,
      values.allSatisfy({ $0.isInteger == first.isInteger })
    else { return [] }
    first.alternatives = values.dropFirst().map(\.constant)
    return [first]
  }

  /// A longer list is compared where the rows arrive.
  private static let maxListCount = 1_000

  private func integer(_ index: Int) -> Int64? {
    let token = source.tokens[index]
    return token.kind == .number ? Int64(source.text(of: token)) : nil
  }

  private func column(
    _ start: Int, _ end: Int, _ qualifier: String, _ isAlone: Bool
  ) -> (name: String, next: Int)? {
    guard start < end, let first = name(start) else { return nil }
    if isMark(".", start + 1), start + 2 < end, let second = name(start + 2) {
      guard first.lowercased() == qualifier, !isMark(".", start + 3) else { return nil }
      return (second, start + 3)
    }
    return isAlone ? (first, start + 1) : nil
  }

  private func name(_ index: Int) -> String? {
    let token = source.tokens[index]
    guard token.kind == .word || token.kind == .quotedName else { return nil }
    return source.name(of: token)
  }

  private func sign(_ index: Int) -> (ColumnComparison.Bound, isInclusive: Bool, next: Int)? {
    guard statement.tokenRange.contains(index), source.tokens[index].kind == .symbol else {
      return nil
    }
    switch source.text(of: source.tokens[index]) {
    case "=", "==": return (.both, true, index + 1)
    case ">": return (.lower, false, index + 1)
    case ">=": return (.lower, true, index + 1)
    case "<": return (.upper, false, index + 1)
    case "<=": return (.upper, true, index + 1)
    default: return nil
    }
  }

  // MARK: Constants

  private static let constantWords: Set<String> = [
    "timestamp", "timestamptz", "date", "interval", "now", "current_timestamp",
    "get_current_timestamp", "cast", "as", "with", "without", "time", "zone", "year", "years",
    "month", "months", "week", "weeks", "day", "days", "hour", "hours", "minute", "minutes",
    "second", "seconds", "millisecond", "milliseconds", "microsecond", "microseconds",
  ]
  private static let nowWords: Set<String> = ["now", "current_timestamp", "get_current_timestamp"]

  private func made(
    _ column: String, _ bound: ColumnComparison.Bound, _ isInclusive: Bool, _ tokens: Range<Int>
  ) -> ColumnComparison? {
    if isWide, tokens.count == 1, let index = tokens.first,
      source.tokens[index].kind == .parameter
    {
      return ColumnComparison(
        column: column, bound: bound, isInclusive: isInclusive,
        constant: source.text(of: source.tokens[index]), dependsOnNow: false, isInteger: false,
        hasTimeZone: false, isParameter: true, place: Int(source.tokens[index].start))
    }
    guard let (text, dependsOnNow, hasTimeZone) = constant(tokens) else { return nil }
    // A time that grows may be kept with a plan: only a lower bound stays true.
    guard !dependsOnNow || bound == .lower else { return nil }
    return ColumnComparison(
      column: column, bound: bound, isInclusive: isInclusive, constant: text,
      dependsOnNow: dependsOnNow,
      isInteger: Int64(text.filter { $0 != " " }) != nil, hasTimeZone: hasTimeZone)
  }

  private func constant(
    _ tokens: Range<Int>
  ) -> (text: String, dependsOnNow: Bool, hasTimeZone: Bool)? {
    guard !tokens.isEmpty else { return nil }
    var (dependsOnNow, hasTimeZone) = (false, false)
    for index in tokens {
      let token = source.tokens[index]
      switch token.kind {
      case .string, .number: continue
      case .word:
        let word = word(index)
        guard Self.constantWords.contains(word) else { return nil }
        if Self.nowWords.contains(word) {
          // What is taken from something else shrinks as time passes.
          guard index == tokens.lowerBound else { return nil }
          dependsOnNow = true
        }
        if Self.nowWords.contains(word) || ["timestamptz", "with", "zone"].contains(word) {
          hasTimeZone = true
        }
      case .symbol, .punctuation:
        guard ["+", "-", "::", "(", ")"].contains(source.text(of: token)) else { return nil }
      default: return nil
      }
    }
    return (source.text(ofTokens: tokens), dependsOnNow, hasTimeZone)
  }
}
