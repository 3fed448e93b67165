/// Reads expressions of the subset of SQL in which a database and DuckDB are known to agree, and writes them for DuckDB.
///
/// Everything that is not certain is refused: the statement then goes to the database itself. Left out are what rounds, divides,
/// orders or matches texts, converts, or depends on settings.
struct CoverageReader {
  /// A relation of FROM.
  struct Relation {
    /// The name that its columns go by.
    var qualifier: String
    var table: CopiedTable
    /// What it is called in the statement for DuckDB.
    var alias: String
  }

  enum Node {
    case term(CoverageTerm)
    case condition(CoverageCondition)
  }

  let dialect: CoverageDialect
  let parameters: [CoverageParameter]
  var cursor: TokenCursor
  var relations: [Relation] = []
  private var parameterCount = 0
  private var depth = 0
  private static let maxDepth = 60
  private static let maxListCount = 1_000

  init(_ statement: StatementText, _ dialect: CoverageDialect, _ parameters: [CoverageParameter]) {
    self.dialect = dialect
    self.parameters = parameters
    cursor = TokenCursor(statement)
  }

  // MARK: - Conditions

  mutating func condition() throws(NotCovered) -> CoverageCondition {
    try asCondition(try either())
  }

  private func asCondition(_ node: Node) throws(NotCovered) -> CoverageCondition {
    switch node {
    case .condition(let condition): return condition
    case .term(let term):
      guard term.type == .bool else { throw NotCovered("a condition is no condition") }
      return CoverageCondition(sql: term.sql)
    }
  }

  private func asTerm(_ node: Node) throws(NotCovered) -> CoverageTerm {
    guard case .term(let term) = node else { throw NotCovered("it computes with conditions") }
    return term
  }

  private mutating func either() throws(NotCovered) -> Node {
    depth += 1
    defer { depth -= 1 }
    guard depth < Self.maxDepth else { throw NotCovered("it is nested too deeply") }
    var left = try both()
    while accept("or") {
      left = .condition(.or(try asCondition(left), try asCondition(try both())))
    }
    return left
  }

  private mutating func both() throws(NotCovered) -> Node {
    var left = try negation()
    while accept("and") {
      left = .condition(.and(try asCondition(left), try asCondition(try negation())))
    }
    return left
  }

  private mutating func negation() throws(NotCovered) -> Node {
    var isNegated = false
    while accept("not") { isNegated.toggle() }
    let node = try predicate()
    return isNegated ? .condition(.not(try asCondition(node))) : node
  }

  private mutating func predicate() throws(NotCovered) -> Node {
    let node = try sum()
    guard case .term(let left) = node else { return node }
    if let sign = acceptSign() {
      return .condition(try .comparison(left, sign, try asTerm(try sum()), dialect))
    }
    if accept("is") {
      let isNegated = accept("not")
      guard accept("null"), !left.isLiteral else { throw NotCovered("it asks what something is") }
      return .condition(
        CoverageCondition(sql: "(\(left.sql) IS \(isNegated ? "NOT " : "")NULL)"))
    }
    let isNegated = accept("not")
    if accept("between") {
      let low = try asTerm(try sum())
      guard accept("and") else { throw NotCovered("it has a BETWEEN of another kind") }
      let high = try asTerm(try sum())
      let inside = CoverageCondition.and(
        try .comparison(left, .greaterOrEqual, low, dialect),
        try .comparison(left, .lessOrEqual, high, dialect))
      return .condition(isNegated ? .not(inside) : inside)
    }
    if accept("in") {
      let inside = try list(left)
      return .condition(isNegated ? .not(inside) : inside)
    }
    guard !isNegated else { throw NotCovered("it has a condition that is not known here") }
    return node
  }

  private mutating func list(_ left: CoverageTerm) throws(NotCovered) -> CoverageCondition {
    guard cursor.accept(mark: "(") else { throw NotCovered("it has an IN without a list") }
    // PostgreSQL rounds the list here, and not what stands behind `=`.
    guard left.type != .float32 else { throw NotCovered("it has an IN of real numbers") }
    var result: CoverageCondition?
    var count = 0
    repeat {
      let item = try asTerm(try sum())
      guard item.isLiteral else { throw NotCovered("it has an IN of more than constants") }
      let same = try CoverageCondition.comparison(left, .equal, item, dialect)
      let isTexts: Bool =
        if case .texts? = left.column.flatMap({ same.ranges[$0] }) { true } else { false }
      var next = result.map { CoverageCondition.or($0, same) } ?? same
      next.isExact = same.isExact && isTexts && (result?.isExact ?? true)
      result = next
      count += 1
      guard count <= Self.maxListCount else { throw NotCovered("its list is long") }
    } while cursor.accept(mark: ",")
    guard cursor.accept(mark: ")"), let result else {
      throw NotCovered("it has an IN of another kind")
    }
    return result
  }

  private mutating func acceptSign() -> ComparisonSign? {
    guard let token = cursor.token, token.kind == .symbol,
      let sign = ComparisonSign(written: cursor.source.text(of: token))
    else { return nil }
    cursor.advance()
    return sign
  }

  // MARK: - Values

  private mutating func sum() throws(NotCovered) -> Node {
    var left = try product()
    while let sign = ["+", "-"].first(where: { isAt(symbol: $0) }) {
      cursor.advance()
      left = .term(try computed(try asTerm(left), sign, try asTerm(try product())))
    }
    return left
  }

  /// A value and no condition.
  mutating func computation() throws(NotCovered) -> CoverageTerm { try asTerm(try sum()) }

  private mutating func product() throws(NotCovered) -> Node {
    var left = try primary()
    while isAt(symbol: "*") {
      cursor.advance()
      left = .term(try computed(try asTerm(left), "*", try asTerm(try primary())))
    }
    return left
  }

  /// Of whole numbers only, in the type that the standard gives the result, and only where the result must fit: which rows are computed
  /// before others are left out, no database tells.
  private func computed(
    _ left: CoverageTerm, _ sign: String, _ right: CoverageTerm
  ) throws(NotCovered) -> CoverageTerm {
    guard dialect == .postgresql, let first = wholeType(left), let second = wholeType(right) else {
      throw NotCovered("it computes with other than whole numbers")
    }
    let order: [AgreedType] = [.int16, .int32, .int64]
    let type = order.last { $0 == first || $0 == second } ?? .int64
    let (one, two) = (
      CoverageCondition.cast(left.sql, type), CoverageCondition.cast(right.sql, type)
    )
    guard let bounds = bounds(left, sign, right), type.bounds.contains(bounds.lowerBound),
      type.bounds.contains(bounds.upperBound)
    else { throw NotCovered("it computes what may be too large for its type") }
    return CoverageTerm(kind: .typed(type), sql: "(\(one) \(sign) \(two))", bounds: bounds)
  }

  private func bounds(
    _ left: CoverageTerm, _ sign: String, _ right: CoverageTerm
  ) -> ClosedRange<Int64>? {
    guard let one = bounds(left), let two = bounds(right) else { return nil }
    var least = Int64.max
    var most = Int64.min
    for first in [one.lowerBound, one.upperBound] {
      for second in [two.lowerBound, two.upperBound] {
        let (value, isTooLarge) =
          switch sign {
          case "+": first.addingReportingOverflow(second)
          case "-": first.subtractingReportingOverflow(second)
          default: first.multipliedReportingOverflow(by: second)
          }
        guard !isTooLarge else { return nil }
        least = min(least, value)
        most = max(most, value)
      }
    }
    return least...most
  }

  private func bounds(_ term: CoverageTerm) -> ClosedRange<Int64>? {
    switch term.kind {
    case .integer(let value, _): value...value
    case .typed(let type): term.bounds ?? type.bounds
    default: nil
    }
  }

  private func wholeType(_ term: CoverageTerm) -> AgreedType? {
    switch term.kind {
    case .typed(let type) where type.isInteger: type
    case .integer(_, let type) where !term.isParameter: type
    default: nil
    }
  }

  private mutating func primary() throws(NotCovered) -> Node {
    guard let token = cursor.token else { throw NotCovered("it ends too early") }
    switch token.kind {
    case .punctuation where token.isMark("("):
      cursor.advance()
      let inner = try either()
      guard cursor.accept(mark: ")") else { throw NotCovered("it has other brackets") }
      return inner
    case .symbol where isAt(symbol: "-"):
      cursor.advance()
      guard let number = cursor.token, number.kind == .number else {
        throw NotCovered("it computes with other than whole numbers")
      }
      return .term(try self.number(number, isNegative: true))
    case .number: return .term(try number(token, isNegative: false))
    case .string: return .term(try string(token))
    case .parameter: return .term(try parameter(token))
    case .word, .quotedName: return .term(try word(token))
    default: throw NotCovered("it has a sign that is not known here")
    }
  }

  private mutating func number(
    _ token: Token, isNegative: Bool
  ) throws(NotCovered) -> CoverageTerm {
    let text = cursor.source.text(of: token)
    cursor.advance()
    let sign = isNegative ? "-" : ""
    if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      guard let size = Int64(text) else { throw NotCovered("it has a number of more than 64 bits") }
      let type: AgreedType = Int32(exactly: size) == nil ? .int64 : .int32
      return CoverageTerm(kind: .integer(isNegative ? -size : size, type), sql: "\(sign)\(size)")
    }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }),
      text.utf8.count < 18, let value = Double(text)
    else { throw NotCovered("it has a number of another kind") }
    return CoverageTerm(kind: .decimal(isNegative ? -value : value), sql: sign + text)
  }

  private mutating func string(_ token: Token) throws(NotCovered) -> CoverageTerm {
    guard token.firstByte == UInt8(ascii: "'"), let text = cursor.acceptString(),
      !text.utf8.contains(UInt8(ascii: "\\"))
    else { throw NotCovered("it has a text of another kind") }
    return CoverageTerm(kind: .string(text), sql: stringLiteral(text))
  }

  private mutating func parameter(_ token: Token) throws(NotCovered) -> CoverageTerm {
    let text = cursor.source.text(of: token)
    cursor.advance()
    var index = parameterCount
    if text == "?" {
      parameterCount += 1
    } else {
      guard let number = Int(text.dropFirst()), number > 0 else {
        throw NotCovered("it has a parameter with a name")
      }
      index = number - 1
    }
    guard parameters.indices.contains(index) else {
      throw NotCovered("it has a parameter without a value")
    }
    var term: CoverageTerm
    switch parameters[index] {
    case .integer(let value):
      term = CoverageTerm(kind: .integer(value, .int64), sql: "\(value)")
    case .float(let value):
      guard value.isFinite else { throw NotCovered("it has a parameter that is no number") }
      term = CoverageTerm(kind: .decimal(value), sql: "\(value)")
    case .text(let text):
      term = CoverageTerm(kind: .string(text), sql: stringLiteral(text))
    case .other: throw NotCovered("it has a parameter of another type")
    }
    term.isParameter = true
    return term
  }

  private static let typedLiterals: [String: AgreedType] = [
    "date": .date, "timestamp": .timestamp, "timestamptz": .timestampUTC,
  ]

  private mutating func word(_ token: Token) throws(NotCovered) -> CoverageTerm {
    if token.kind == .word {
      let word = cursor.source.text(of: token).lowercased()
      if word == "true" || word == "false" {
        cursor.advance()
        return CoverageTerm(kind: .typed(.bool), sql: word)
      }
      if let type = Self.typedLiterals[word], let next = cursor.token(ahead: 1),
        next.kind == .string
      {
        cursor.advance()
        guard case .string(let text) = try string(next).kind,
          let time = CoverageTime.value(text, type)
        else { throw NotCovered("it has a time of another kind") }
        return CoverageTerm(
          kind: .typed(type), sql: CoverageCondition.cast(stringLiteral(text), type), time: time)
      }
    }
    return try column()
  }
}

/// The value of a parameter of a statement.
public enum CoverageParameter: Hashable, Sendable {
  case integer(Int64)
  case float(Double)
  case text(String)
  /// Of a type, or without a value, that keeps the statement from being answered from copies.
  case other
}
