public import Columnar
public import SQL

/// How the columns of Arrow batches become rows of `metrics`.
public struct MetricsIngest: Hashable, Sendable {
  /// The columns of the table, in the order of ``expressions``.
  public var storedColumns: [String]
  /// What to select from the batches, one per column.
  public var expressions: [String]
  private let relation: MetricsRelation

  init(relation: MetricsRelation, storedColumns: [String], expressions: [String]) {
    self.relation = relation
    self.storedColumns = storedColumns
    self.expressions = expressions
  }

  /// The statement that stores all rows of `source` in the order in which it gives them.
  ///
  /// - Parameter source: What may stand after `FROM`.
  public func insertStatement(from source: String) -> String {
    relation.insertStatement(columns: storedColumns, expressions: expressions, from: source)
  }
}

extension MetricsRelation {
  /// Finds the columns of `metrics` in a schema: by name, without regard to case.
  ///
  /// `timestamp` may be any timestamp, date, text or integer (s, ms, µs or ns since 1970 by
  /// magnitude); a timestamp without a time zone is UTC. `value` and the running columns may be any
  /// number. The running columns may be left out, wholly or in part.
  ///
  /// - Throws: When a column is missing, doubled, unknown or of a type that does not fit; the sentence
  ///   names it.
  public func conform(_ schema: Schema) throws(SQLError) -> MetricsIngest {
    var found: [String: Field] = [:]
    for field in schema.fields {
      let name = field.name.lowercased()
      guard Self.columns.contains(name) else {
        throw SQLError(
          "metrics has no column \(quotedName(field.name)); it has "
            + Self.columns.joined(separator: ", "))
      }
      guard found.updateValue(field, forKey: name) == nil else {
        throw SQLError("column \(quotedName(field.name)) is there twice")
      }
    }
    var stored: [String] = []
    var expressions: [String] = []
    for column in Self.columns {
      guard let field = found[column] else {
        if Self.runningColumns.contains(column) { continue }
        throw SQLError("column \(quotedName(column)) of metrics is missing")
      }
      stored.append(Self.storedName(of: column))
      expressions.append(try expression(for: column, from: field))
    }
    return MetricsIngest(relation: self, storedColumns: stored, expressions: expressions)
  }

  private func expression(for column: String, from field: Field) throws(SQLError) -> String {
    let name = quotedName(field.name)
    let type = field.type.plain
    switch column {
    case "metric_id" where type.isText: return name
    case "timestamp":
      if type.isInteger { return "\(timeFunction)(\(name))" }
      if let expression = timeExpression(name, of: type) { return expression }
    case "value_running_window_count" where type.isInteger: return "CAST(\(name) AS BIGINT)"
    case "value", "value_running_window_sum", "value_running_window_avg":
      if type.isNumber { return "CAST(\(name) AS DOUBLE)" }
    default: break
    }
    if type == .null, Self.runningColumns.contains(column) { return "NULL" }
    throw SQLError(
      "column \(quotedName(column)) of metrics takes \(Self.expected(for: column)), not \(type)")
  }

  private func timeExpression(_ name: String, of type: DataType) -> String? {
    switch type {
    case .timestamp(_, let zone): return utcExpression(name, isUTC: zone != nil)
    case .date32, .date64: return utcExpression(name, isUTC: false)
    default: return type.isText ? "CAST(\(name) AS TIMESTAMPTZ)" : nil
    }
  }

  private func utcExpression(_ name: String, isUTC: Bool) -> String {
    isUTC ? "CAST(\(name) AS TIMESTAMPTZ)" : "CAST(\(name) AS TIMESTAMP) AT TIME ZONE 'UTC'"
  }

  private static func expected(for column: String) -> String {
    switch column {
    case "metric_id": "text"
    case "timestamp": "a timestamp or an integer (s, ms, µs or ns since 1970)"
    case "value_running_window_count": "an integer"
    default: "a number"
    }
  }
}

extension DataType {
  /// The type of the values, without dictionary or runs.
  fileprivate var plain: DataType {
    switch self {
    case .dictionary(_, let value, _): value.plain
    case .runEndEncoded(_, let values): values.type.plain
    default: self
    }
  }

  fileprivate var isText: Bool {
    switch self {
    case .utf8, .largeUTF8, .utf8View: true
    default: false
    }
  }

  fileprivate var isInteger: Bool {
    switch self {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: true
    default: false
    }
  }

  fileprivate var isNumber: Bool {
    switch self {
    case .float16, .float32, .float64, .decimal: true
    default: isInteger
    }
  }
}
