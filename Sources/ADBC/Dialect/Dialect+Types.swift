public import Columnar

extension Dialect {
  /// The type of a column that holds the values of a field.
  ///
  /// Where a database has no such type, the next larger one that holds every value. `arrow.uuid` and `arrow.json` are known.
  ///
  /// - Throws: `invalidArgument` if there is none.
  public func typeName(of field: Field) throws(ADBCError) -> String {
    switch (field.metadataValue("ARROW:extension:name"), self) {
    case ("arrow.uuid", .postgresql), ("arrow.uuid", .duckdb), ("arrow.uuid", .hyprstream):
      return "UUID"
    case ("arrow.json", .postgresql): return "JSONB"
    case ("arrow.json", .duckdb), ("arrow.json", .hyprstream): return "JSON"
    default: break
    }
    guard let name = typeName(of: field.type) else {
      throw ADBCError(
        .invalidArgument,
        "column \"\(field.name)\" has the type \(field.type), for which \(rawValue) has none")
    }
    return name
  }

  /// The type for values of an Arrow type; `nil` if there is none.
  public func typeName(of type: DataType) -> String? {
    switch type {
    case .dictionary(_, let value, _): return typeName(of: value)
    case .runEndEncoded(_, let values): return typeName(of: values.type)
    default: break
    }
    switch self {
    case .postgresql: return postgreSQL(type)
    case .sqlite: return sqlite(type)
    case .duckdb, .hyprstream: return duckDB(type)
    case .snowflake: return snowflake(type)
    case .bigquery: return bigQuery(type)
    case .generic: return standard(type)
    }
  }

  private func standard(_ type: DataType) -> String? {
    switch type {
    case .bool: "BOOLEAN"
    case .int8, .int16, .uint8: "SMALLINT"
    case .int32, .uint16: "INTEGER"
    case .int64, .uint32: "BIGINT"
    case .uint64: "DECIMAL(20, 0)"
    case .float16, .float32: "REAL"
    case .float64: "DOUBLE PRECISION"
    case .decimal(_, let precision, let scale): decimal("DECIMAL", precision, scale)
    case .date32, .date64: "DATE"
    case .time32, .time64: "TIME"
    case .timestamp(_, nil): "TIMESTAMP"
    case .timestamp: "TIMESTAMP WITH TIME ZONE"
    case .null, .utf8, .largeUTF8, .utf8View: "VARCHAR"
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: "BLOB"
    default: nil
    }
  }

  private func postgreSQL(_ type: DataType) -> String? {
    switch type {
    case .null, .utf8, .largeUTF8, .utf8View: "TEXT"
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: "BYTEA"
    case .uint64: "NUMERIC(20, 0)"
    case .decimal(_, let precision, let scale): decimal("NUMERIC", precision, scale)
    case .timestamp(_, .some): "TIMESTAMPTZ"
    case .duration, .interval: "INTERVAL"
    case .list(let item), .largeList(let item), .listView(let item), .largeListView(let item),
      .fixedSizeList(let item, _):
      // Arrays of arrays have the same type as arrays.
      postgreSQLItem(item)
    default: standard(type)
    }
  }

  private func postgreSQLItem(_ item: Field) -> String? {
    typeName(of: item.type).map { $0.hasSuffix("[]") ? $0 : $0 + "[]" }
  }

  /// SQLite has five kinds of values; what it has no kind for is kept as text, as its driver writes it.
  private func sqlite(_ type: DataType) -> String? {
    switch type {
    case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32: "INTEGER"
    case .uint64: "NUMERIC"
    case .float16, .float32, .float64: "REAL"
    case .null, .utf8, .largeUTF8, .utf8View, .date32, .date64, .time32, .time64, .timestamp,
      .decimal:
      "TEXT"
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: "BLOB"
    default: nil
    }
  }

  private func duckDB(_ type: DataType) -> String? {
    switch type {
    case .int8: "TINYINT"
    case .uint8: "UTINYINT"
    case .uint16: "USMALLINT"
    case .int16: "SMALLINT"
    case .uint32: "UINTEGER"
    case .uint64: "UBIGINT"
    case .float16, .float32: "FLOAT"
    case .float64: "DOUBLE"
    case .decimal(_, let precision, let scale):
      precision <= 38 ? decimal("DECIMAL", precision, scale) : nil
    case .timestamp(.second, nil): "TIMESTAMP_S"
    case .timestamp(.millisecond, nil): "TIMESTAMP_MS"
    case .timestamp(.nanosecond, nil): "TIMESTAMP_NS"
    case .timestamp(_, .some): "TIMESTAMPTZ"
    case .duration, .interval: "INTERVAL"
    case .list(let item), .largeList(let item), .listView(let item), .largeListView(let item):
      duckDB(item).map { $0 + "[]" }
    case .fixedSizeList(let item, let count): duckDB(item).map { "\($0)[\(count)]" }
    case .structure(let fields): duckDBFields("STRUCT", fields)
    case .union(_, let fields, _): duckDBFields("UNION", fields)
    case .map(let entries, _): duckDBMap(entries)
    default: standard(type)
    }
  }

  private func duckDB(_ field: Field) -> String? { try? typeName(of: field) }

  private func duckDBFields(_ word: String, _ fields: [Field]) -> String? {
    guard !fields.isEmpty, let types = all(fields.map(duckDB)) else { return nil }
    let parts = zip(fields, types).map { "\(quote($0.name)) \($1)" }
    return "\(word)(\(parts.joined(separator: ", ")))"
  }

  private func duckDBMap(_ entries: Field) -> String? {
    guard case .structure(let pair) = entries.type, pair.count == 2,
      let types = all(pair.map(duckDB))
    else { return nil }
    return "MAP(\(types.joined(separator: ", ")))"
  }

  private func snowflake(_ type: DataType) -> String? {
    switch type {
    case .decimal(_, let precision, let scale):
      precision <= 38 ? decimal("NUMBER", precision, scale) : nil
    case .uint64: "NUMBER(20, 0)"
    case .float16, .float32, .float64: "FLOAT"
    case .time32(let unit), .time64(let unit): "TIME(\(unit.digits))"
    case .timestamp(let unit, nil): "TIMESTAMP_NTZ(\(unit.digits))"
    case .timestamp(let unit, .some): "TIMESTAMP_LTZ(\(unit.digits))"
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: "BINARY"
    case .list, .largeList, .listView, .largeListView, .fixedSizeList: "ARRAY"
    case .structure, .map: "OBJECT"
    default: standard(type)
    }
  }

  private func bigQuery(_ type: DataType) -> String? {
    switch type {
    case .bool: "BOOL"
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32: "INT64"
    case .uint64: "NUMERIC(20)"
    case .float16, .float32, .float64: "FLOAT64"
    case .decimal(_, let precision, let scale): bigQueryDecimal(precision, scale)
    case .timestamp(_, nil): "DATETIME"
    case .timestamp: "TIMESTAMP"
    case .interval, .duration: "INTERVAL"
    case .null, .utf8, .largeUTF8, .utf8View: "STRING"
    case .binary, .largeBinary, .binaryView, .fixedSizeBinary: "BYTES"
    case .list(let item), .largeList(let item), .listView(let item), .largeListView(let item),
      .fixedSizeList(let item, _):
      bigQueryItem(item)
    case .structure(let fields): bigQueryFields(fields)
    default: standard(type)
    }
  }

  /// NUMERIC has 29 digits before the point and 9 behind it, BIGNUMERIC 38 and 38.
  private func bigQueryDecimal(_ precision: Int, _ scale: Int) -> String? {
    let (precision, scale) = scale < 0 ? (precision - scale, 0) : (max(precision, scale), scale)
    let whole = precision - scale
    guard whole <= 38, scale <= 38 else { return nil }
    let word = whole <= 29 && scale <= 9 ? "NUMERIC" : "BIGNUMERIC"
    return scale == 0 ? "\(word)(\(precision))" : "\(word)(\(precision), \(scale))"
  }

  /// BigQuery has no arrays of arrays.
  private func bigQueryItem(_ item: Field) -> String? {
    guard let name = typeName(of: item.type), !name.hasPrefix("ARRAY<") else { return nil }
    return "ARRAY<\(name)>"
  }

  private func bigQueryFields(_ fields: [Field]) -> String? {
    guard !fields.isEmpty, let types = all(fields.map { typeName(of: $0.type) }) else { return nil }
    let parts = zip(fields, types).map { "\(quote($0.name)) \($1)" }
    return "STRUCT<\(parts.joined(separator: ", "))>"
  }

  /// Of a negative scale, which few databases know, the zeros are digits like others.
  private func decimal(_ word: String, _ precision: Int, _ scale: Int) -> String {
    let (precision, scale) = scale < 0 ? (precision - scale, 0) : (max(precision, scale), scale)
    return "\(word)(\(precision), \(scale))"
  }

  /// `nil` if one is missing.
  private func all(_ names: [String?]) -> [String]? {
    let found = names.compactMap { $0 }
    return found.count == names.count ? found : nil
  }
}

extension TimeUnit {
  /// Of the second, behind the point.
  fileprivate var digits: Int {
    switch self {
    case .second: 0
    case .millisecond: 3
    case .microsecond: 6
    case .nanosecond: 9
    }
  }
}
