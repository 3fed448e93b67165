/// What a statement is not answered from copies for.
struct NotCovered: Error {
  var reason: String
  init(_ reason: String) { self.reason = reason }
}

/// A column of one of the relations of a statement.
struct CoverageColumn: Hashable, Sendable {
  /// The position of the relation among those of FROM.
  var relation: Int
  /// The position of the column in its table.
  var column: Int
}

/// A value in a statement, with its text for DuckDB.
struct CoverageTerm {
  enum Kind: Equatable {
    case typed(AgreedType)
    /// A column of a type that cannot be compared.
    case opaque
    /// A whole number that is no larger than 64 bits, with the type that the standard gives it.
    case integer(Int64, AgreedType)
    /// A number with a point.
    case decimal(Double)
    /// A text between quotes, which becomes what it is compared with.
    case string(String)
  }

  var kind: Kind
  var sql: String
  var column: CoverageColumn?
  /// Days or microseconds of a literal that says its type.
  var time: Int64?
  var isParameter = false
  /// Between which whole numbers it is, if it is known better than by its type.
  var bounds: ClosedRange<Int64>?

  var type: AgreedType? {
    if case .typed(let type) = kind { return type }
    return nil
  }

  var isLiteral: Bool {
    switch kind {
    case .typed, .opaque: time != nil
    default: true
    }
  }
}

/// Something that is true or not, and what it says of columns.
struct CoverageCondition {
  var sql: String
  /// What is true of each column where the condition is.
  var ranges: [CoverageColumn: ValueRange] = [:]
  /// Whether that is all that the condition says.
  var isExact = false

  static func and(_ first: CoverageCondition, _ second: CoverageCondition) -> CoverageCondition {
    CoverageCondition(
      sql: "(\(first.sql) AND \(second.sql))",
      ranges: first.ranges.merging(second.ranges) { $0.intersection($1) },
      isExact: first.isExact && second.isExact)
  }

  static func or(_ first: CoverageCondition, _ second: CoverageCondition) -> CoverageCondition {
    var ranges: [CoverageColumn: ValueRange] = [:]
    for (column, range) in first.ranges {
      if let hull = second.ranges[column].flatMap({ range.hull($0) }) { ranges[column] = hull }
    }
    return CoverageCondition(sql: "(\(first.sql) OR \(second.sql))", ranges: ranges)
  }

  static func not(_ condition: CoverageCondition) -> CoverageCondition {
    CoverageCondition(sql: "(NOT \(condition.sql))")
  }
}

extension CoverageCondition {
  /// A comparison that both databases make in the same way.
  static func comparison(
    _ left: CoverageTerm, _ sign: ComparisonSign, _ right: CoverageTerm, _ dialect: CoverageDialect
  ) throws(NotCovered) -> CoverageCondition {
    if left.isLiteral, !right.isLiteral {
      return try comparison(right, sign.flipped, left, dialect)
    }
    if case .integer = left.kind, case .integer = right.kind {
      return CoverageCondition(sql: "(\(left.sql) \(sign.rawValue) \(right.sql))")
    }
    guard let type = left.type else { throw NotCovered("it compares what cannot be compared") }
    switch right.kind {
    case .typed(let other): return try typed(left, type, sign, right, other, dialect)
    case .integer(let value, _): return try number(left, type, sign, right, value, dialect)
    case .decimal(let value): return try float(left, type, sign, value, dialect)
    case .string(let text): return try string(left, type, sign, right, text)
    case .opaque: throw NotCovered("it compares a column of a type that is not known here")
    }
  }

  private static func made(
    _ left: CoverageTerm, _ leftSQL: String, _ sign: ComparisonSign, _ rightSQL: String,
    _ range: ValueRange?
  ) -> CoverageCondition {
    var made = CoverageCondition(sql: "(\(leftSQL) \(sign.rawValue) \(rightSQL))")
    if let column = left.column, let range {
      made.ranges = [column: range]
      made.isExact = true
    }
    return made
  }

  private static func typed(
    _ left: CoverageTerm, _ type: AgreedType, _ sign: ComparisonSign, _ right: CoverageTerm,
    _ other: AgreedType, _ dialect: CoverageDialect
  ) throws(NotCovered) -> CoverageCondition {
    if type == .text || type == .bool {
      guard sign == .equal || sign == .unequal else { throw NotCovered("it orders texts") }
    }
    if type == other {
      let range = right.time.flatMap { ValueRange.whole(sign, $0) }
      return made(left, left.sql, sign, right.sql, range)
    }
    let wide: AgreedType
    if type.isInteger, other.isInteger {
      wide = .int64
    } else if type.isFloat, other.isFloat, dialect == .postgresql {
      wide = .float64
    } else {
      throw NotCovered("it compares values of two types")
    }
    return made(left, cast(left.sql, wide), sign, cast(right.sql, wide), nil)
  }

  private static func number(
    _ left: CoverageTerm, _ type: AgreedType, _ sign: ComparisonSign, _ right: CoverageTerm,
    _ value: Int64, _ dialect: CoverageDialect
  ) throws(NotCovered) -> CoverageCondition {
    if type.isFloat {
      // Larger ones may be rounded in another way.
      guard abs(Double(value)) < 9e15, !right.isParameter else {
        throw NotCovered("it compares numbers of two types")
      }
      return try float(left, type, sign, Double(value), dialect)
    }
    guard type.isInteger else { throw NotCovered("it compares values of two types") }
    let fits = type.holds(value)
    return made(
      left, fits ? left.sql : cast(left.sql, .int64), sign,
      cast("\(value)", fits ? type : .int64), .whole(sign, value))
  }

  private static func float(
    _ left: CoverageTerm, _ type: AgreedType, _ sign: ComparisonSign, _ value: Double,
    _ dialect: CoverageDialect
  ) throws(NotCovered) -> CoverageCondition {
    guard type == .float64 || (type == .float32 && dialect == .postgresql) else {
      throw NotCovered("it compares numbers of two types")
    }
    return made(
      left, type == .float64 ? left.sql : cast(left.sql, .float64), sign,
      cast("'\(value)'", .float64), .floats(sign, value))
  }

  private static func string(
    _ left: CoverageTerm, _ type: AgreedType, _ sign: ComparisonSign, _ right: CoverageTerm,
    _ text: String
  ) throws(NotCovered) -> CoverageCondition {
    if type == .text {
      guard sign == .equal || sign == .unequal else { throw NotCovered("it orders texts") }
      return made(left, left.sql, sign, right.sql, sign == .equal ? .texts([text]) : nil)
    }
    guard !right.isParameter, let time = CoverageTime.value(text, type) else {
      throw NotCovered("it compares values of two types")
    }
    return made(left, left.sql, sign, cast(right.sql, type), .whole(sign, time))
  }

  static func cast(_ sql: String, _ type: AgreedType) -> String { "CAST(\(sql) AS \(type.name))" }
}

enum CoverageTime {
  /// The number of a text that is compared with a column of this type.
  static func value(_ text: String, _ type: AgreedType) -> Int64? {
    switch type {
    case .date: ISOTime.days(text)
    case .timestamp: ISOTime.microseconds(text, hasZone: false)
    case .timestampUTC: ISOTime.microseconds(text, hasZone: true)
    default: nil
    }
  }
}
