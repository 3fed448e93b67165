/// A set of values of one column, as comparisons with constants describe it. A missing value is in none.
public enum ValueRange: Hashable, Sendable {
  /// Whole numbers, days or microseconds since 1970; empty if the first is the larger.
  case whole(Int64, Int64)
  case floats(FloatRange)
  case texts(Set<String>)

  public struct FloatRange: Hashable, Sendable {
    /// Nil for none; what is no number is larger than all that are.
    var low: Double?
    var high: Double?
    var includesLow = true
    var includesHigh = true
  }

  /// Whether every value of the other is in this one.
  public func contains(_ other: ValueRange) -> Bool {
    switch (self, other) {
    case (.whole(let low, let high), .whole(let otherLow, let otherHigh)):
      otherLow > otherHigh || (low <= otherLow && otherHigh <= high)
    case (.floats(let mine), .floats(let theirs)): mine.contains(theirs)
    case (.texts(let mine), .texts(let theirs)): theirs.isSubset(of: mine)
    default: false
    }
  }

  /// What is in both. Where they cannot be compared, what is in this one, which is more.
  func intersection(_ other: ValueRange) -> ValueRange {
    switch (self, other) {
    case (.whole(let low, let high), .whole(let otherLow, let otherHigh)):
      .whole(max(low, otherLow), min(high, otherHigh))
    case (.floats(let mine), .floats(let theirs)): .floats(mine.intersection(theirs))
    case (.texts(let mine), .texts(let theirs)): .texts(mine.intersection(theirs))
    default: self
    }
  }

  /// The smallest range with both in it; nil if there is none.
  func hull(_ other: ValueRange) -> ValueRange? {
    switch (self, other) {
    case (.whole(let low, let high), .whole(let otherLow, let otherHigh)):
      .whole(min(low, otherLow), max(high, otherHigh))
    case (.texts(let mine), .texts(let theirs)): .texts(mine.union(theirs))
    default: nil
    }
  }

  /// The whole numbers that compare so with one; nil for an operator that gives no range.
  static func whole(_ sign: ComparisonSign, _ value: Int64) -> ValueRange? {
    switch sign {
    case .equal: .whole(value, value)
    case .less: value == .min ? .whole(1, 0) : .whole(.min, value - 1)
    case .lessOrEqual: .whole(.min, value)
    case .greater: value == .max ? .whole(1, 0) : .whole(value + 1, .max)
    case .greaterOrEqual: .whole(value, .max)
    case .unequal: nil
    }
  }

  /// - Parameter value: A number, and finite.
  static func floats(_ sign: ComparisonSign, _ value: Double) -> ValueRange? {
    switch sign {
    case .equal: .floats(FloatRange(low: value, high: value))
    case .less: .floats(FloatRange(high: value, includesHigh: false))
    case .lessOrEqual: .floats(FloatRange(high: value))
    case .greater: .floats(FloatRange(low: value, includesLow: false))
    case .greaterOrEqual: .floats(FloatRange(low: value))
    case .unequal: nil
    }
  }
}

extension ValueRange.FloatRange {
  fileprivate func contains(_ other: Self) -> Bool {
    if let low {
      guard let otherLow = other.low else { return false }
      guard low < otherLow || (low == otherLow && (includesLow || !other.includesLow)) else {
        return false
      }
    }
    if let high {
      guard let otherHigh = other.high else { return false }
      guard high > otherHigh || (high == otherHigh && (includesHigh || !other.includesHigh)) else {
        return false
      }
    }
    return true
  }

  fileprivate func intersection(_ other: Self) -> Self {
    var result = self
    if let low = other.low {
      if result.low.map({ low > $0 }) ?? true {
        (result.low, result.includesLow) = (low, other.includesLow)
      } else if low == result.low {
        result.includesLow = result.includesLow && other.includesLow
      }
    }
    if let high = other.high {
      if result.high.map({ high < $0 }) ?? true {
        (result.high, result.includesHigh) = (high, other.includesHigh)
      } else if high == result.high {
        result.includesHigh = result.includesHigh && other.includesHigh
      }
    }
    return result
  }
}

enum ComparisonSign: String {
  case equal = "="
  case unequal = "<>"
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="

  init?(written: String) { self.init(rawValue: written == "!=" ? "<>" : written) }

  /// The same comparison with its sides exchanged.
  var flipped: ComparisonSign {
    switch self {
    case .equal, .unequal: self
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    }
  }
}
