internal import Columnar
internal import SQL

/// Tells DuckDB the types of parameters that it cannot find out by itself.
///
/// The type of `SELECT ? AS v` is that of the value bound, and a NULL has none, so rows of parameters
/// could have results of different types. What the client binds has a type for all rows, though:
/// where DuckDB knows none, `?` becomes `CAST(? AS type)`.
enum ParameterCasts {
  /// - Parameters:
  ///   - parameters: What DuckDB expects; the type is null where it does not know.
  ///   - bound: What the client has bound, in the same order.
  static func apply(to sql: String, parameters: Schema, bound: Schema) -> String {
    let isUnknown = parameters.fields.map { $0.type == .null }
    guard isUnknown.contains(true), let text = try? SQLText(sql) else { return sql }
    var result = ""
    var (end, count) = (0, 0)
    for token in text.tokens where token.kind == .parameter {
      let spelling = text.text(of: token)
      let index = Self.index(of: spelling, count, parameters)
      count += 1
      guard let index, isUnknown.indices.contains(index), isUnknown[index],
        bound.fields.indices.contains(index), let type = typeName(bound.fields[index].type)
      else { continue }
      result += text.text(in: end..<token.range.lowerBound) + "CAST(\(spelling) AS \(type))"
      end = token.range.upperBound
    }
    return result + text.text(in: end..<text.bytes.count)
  }

  private static func index(of spelling: String, _ count: Int, _ parameters: Schema) -> Int? {
    if spelling == "?" { return count }
    if let number = Int(spelling.dropFirst()), number > 0 { return number - 1 }
    return parameters.fields.firstIndex { $0.name.lowercased() == spelling.lowercased() }
  }

  /// DuckDB's name for a type; `nil` where it has none that holds all values.
  static func typeName(_ type: DataType) -> String? {
    switch type {
    case .bool: "BOOLEAN"
    case .int8: "TINYINT"
    case .int16: "SMALLINT"
    case .int32: "INTEGER"
    case .int64: "BIGINT"
    case .uint8: "UTINYINT"
    case .uint16: "USMALLINT"
    case .uint32: "UINTEGER"
    case .uint64: "UBIGINT"
    case .float16, .float32: "FLOAT"
    case .float64: "DOUBLE"
    case .decimal(_, let precision, let scale):
      precision <= 38 && scale >= 0 && scale <= precision ? "DECIMAL(\(precision),\(scale))" : nil
    case .utf8, .largeUTF8, .utf8View: "VARCHAR"
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: "BLOB"
    case .date32, .date64: "DATE"
    case .time32: "TIME"
    case .time64(let unit): unit == .nanosecond ? "TIME_NS" : "TIME"
    case .timestamp(_, .some): "TIMESTAMPTZ"
    case .timestamp(let unit, nil): timestampName(unit)
    case .duration, .interval: "INTERVAL"
    case .list(let item), .largeList(let item), .listView(let item), .largeListView(let item):
      typeName(item.type).map { $0 + "[]" }
    case .fixedSizeList(let item, let count): typeName(item.type).map { $0 + "[\(count)]" }
    case .structure(let fields): structureName(fields)
    case .dictionary(_, let value, _): typeName(value)
    case .runEndEncoded(_, let values): typeName(values.type)
    case .null, .map, .union: nil
    }
  }

  private static func timestampName(_ unit: TimeUnit) -> String {
    switch unit {
    case .second: "TIMESTAMP_S"
    case .millisecond: "TIMESTAMP_MS"
    case .microsecond: "TIMESTAMP"
    case .nanosecond: "TIMESTAMP_NS"
    }
  }

  private static func structureName(_ fields: [Field]) -> String? {
    var members: [String] = []
    for field in fields {
      guard let type = typeName(field.type) else { return nil }
      members.append("\(quotedName(field.name)) \(type)")
    }
    return members.isEmpty ? nil : "STRUCT(\(members.joined(separator: ", ")))"
  }
}
