internal import ADBC
internal import Columnar
internal import SQL

/// What a WHERE clause says of a table behind, as an expression of DuckDB whose value is a condition in the engine's SQL.
///
/// A condition lets through every row that the clause lets through, maybe more: DuckDB looks at all of them again. Constants get
/// their values here, so both compare with the same.
struct ForeignFilter {
  /// Nil if nothing is known.
  private(set) var expression: String?

  /// - Parameter hasParameters: Whether comparisons with parameters count.
  init(
    _ comparisons: [ColumnComparison], _ columns: [ForeignColumn], _ dialect: Dialect,
    hasParameters: Bool
  ) {
    let parts = comparisons.compactMap { comparison -> String? in
      guard hasParameters || !comparison.isParameter else { return nil }
      let found = columns.filter { $0.field.name.lowercased() == comparison.column.lowercased() }
      guard let column = found.first, found.count == 1, let kind = column.comparison else {
        return nil
      }
      return Self.part(comparison, dialect.quote(column.field.name), kind, dialect)
    }
    guard !parts.isEmpty else { return }
    expression = "concat_ws(' AND ', \(parts.joined(separator: ", ")))"
  }

  private static func part(
    _ comparison: ColumnComparison, _ column: String, _ kind: ForeignColumn.Comparison,
    _ dialect: Dialect
  ) -> String? {
    let constants = [comparison.constant] + comparison.alternatives
    let values = constants.compactMap { value(comparison, $0, kind) }
    guard values.count == constants.count else { return nil }
    if values.count > 1 {
      // NULL if one of them cannot be told.
      return
        "(\(stringLiteral("\(column) IN (")) || \(values.joined(separator: " || ', ' || ")) || ')')"
    }
    // A constant of another type may lie between two values of the column's: bounds are inclusive.
    let sign =
      switch comparison.bound {
      case .both: "="
      case .lower: ">="
      case .upper: "<="
      }
    return "(\(stringLiteral("\(column) \(sign) ")) || \(values[0]))"
  }

  /// An expression for a constant as the engine reads it; its value is NULL if it cannot be told.
  private static func value(
    _ comparison: ColumnComparison, _ constant: String, _ kind: ForeignColumn.Comparison
  ) -> String? {
    let (isParameter, isInteger) = (
      comparison.isParameter, Int64(constant) != nil || comparison.isInteger
    )
    switch kind {
    case .integer:
      return isInteger || isParameter ? "TRY(CAST((\(constant)) AS HUGEINT))::VARCHAR" : nil
    case .decimal:
      // What is written with so few digits is the same number everywhere.
      guard isInteger || isShortDecimal(constant) else { return nil }
      return "TRY(CAST((\(constant)) AS DECIMAL(38, 10)))::VARCHAR"
    case .double:
      guard isInteger || isParameter || isShortDecimal(constant) else { return nil }
      let number = "TRY(CAST((\(constant)) AS DOUBLE))"
      return "CASE WHEN isfinite(\(number)) THEN \(number)::VARCHAR END"
    case .text: return comparison.bound == .both ? text(constant, isParameter) : nil
    case .date:
      guard !isInteger else { return nil }
      return "'DATE ''' || TRY(CAST((\(constant)) AS DATE))::VARCHAR || ''''"
    case .timestamp(let hasTimeZone):
      guard !isInteger else { return nil }
      guard hasTimeZone else {
        // With a zone on one side only, the session's zone decides.
        guard !comparison.hasTimeZone, !isParameter else { return nil }
        return "'TIMESTAMP ''' || TRY(CAST((\(constant)) AS TIMESTAMP))::VARCHAR || ''''"
      }
      let moment = "CAST((\(constant)) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
      return "'TIMESTAMP WITH TIME ZONE ''' || TRY(\(moment))::VARCHAR || '+00'''"
    }
  }

  private static func text(_ constant: String, _ isParameter: Bool) -> String? {
    guard isParameter || isText(constant) else { return nil }
    let escaped = "replace((\(constant)), '''', '''''')"
    // Some databases read a backslash as the beginning of something; numbers are compared as numbers.
    return "CASE WHEN typeof(\(constant)) = 'VARCHAR' AND NOT contains(\(constant), '\\') "
      + "AND NOT contains(\(constant), chr(0)) THEN '''' || \(escaped) || '''' END"
  }

  private static func isText(_ constant: String) -> Bool {
    constant.hasPrefix("'") && constant.hasSuffix("'") && constant.utf8.count > 1
      && !constant.dropFirst().dropLast().replacing("''", with: "").contains("'")
  }

  private static func isShortDecimal(_ constant: String) -> Bool {
    let parts = constant.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.count <= 15, parts[1].utf8.count <= 9
    else { return false }
    return parts.allSatisfy { $0.utf8.allSatisfy { (48...57).contains($0) } }
  }
}
