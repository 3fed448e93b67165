/// The types of JDBC and ODBC, by their numbers on the wire.
enum XdbcCode: Int32, Sendable {
  case unknown = 0
  case char, numeric, decimal, integer, smallint, float, real, double, datetime, interval
  case varchar = 12
  case date = 91
  case time, timestamp
  case longVarchar = -1
  case binary = -2
  case varbinary = -3
  case longVarbinary = -4
  case bigint = -5
  case tinyint = -6
  case bit = -7
}

/// One type of the database, as `CommandGetXdbcTypeInfo` describes it.
struct XdbcType: Hashable, Sendable {
  var name: String
  var code: XdbcCode
  /// Digits of a number (bits if `radix` is 2), characters of a text or of a time's text form.
  var columnSize: Int32?
  var literalPrefix: String?
  var literalSuffix: String? { literalPrefix == nil ? nil : "'" }
  /// What may stand in parentheses behind the name.
  var parameters: [String] = []
  var isCaseSensitive = false
  /// 3: in any condition; 2: in any but LIKE.
  var searchable: Int32 = 2
  /// Nil when it is not a number.
  var isUnsigned: Bool?
  var minimumScale: Int32?
  var maximumScale: Int32?
  /// Tells apart the types that share a generic code.
  var subcode: Int32?
  var radix: Int32?
  var intervalPrecision: Int32?

  /// Dates and times share one code, with a subcode.
  var genericCode: XdbcCode {
    switch code {
    case .date, .time, .timestamp: .datetime
    default: code
    }
  }
}

extension XdbcType {
  /// DuckDB's types under the names that it prints.
  static let all: [XdbcType] = integers + numbers + texts + times + others

  private static let integers: [XdbcType] = [
    integer("TINYINT", .tinyint, 3), integer("SMALLINT", .smallint, 5),
    integer("INTEGER", .integer, 10), integer("BIGINT", .bigint, 19),
    integer("HUGEINT", .numeric, 39), integer("UTINYINT", .tinyint, 3, isUnsigned: true),
    integer("USMALLINT", .smallint, 5, isUnsigned: true),
    integer("UINTEGER", .integer, 10, isUnsigned: true),
    integer("UBIGINT", .bigint, 20, isUnsigned: true),
    integer("UHUGEINT", .numeric, 39, isUnsigned: true), integer("BIGNUM", .numeric, nil),
  ]

  private static let numbers: [XdbcType] = [
    XdbcType(
      name: "DECIMAL", code: .decimal, columnSize: 38, parameters: ["precision", "scale"],
      isUnsigned: false, minimumScale: 0, maximumScale: 38, radix: 10),
    XdbcType(name: "FLOAT", code: .real, columnSize: 24, isUnsigned: false, radix: 2),
    XdbcType(name: "DOUBLE", code: .double, columnSize: 53, isUnsigned: false, radix: 2),
    XdbcType(name: "BOOLEAN", code: .bit, columnSize: 1),
  ]

  private static let texts: [XdbcType] = [
    text("VARCHAR", .varchar, .max, parameters: ["length"]), text("JSON", .varchar, .max),
    text("ENUM", .varchar, .max, parameters: ["values"]), text("UUID", .char, 36),
    text("BIT", .varchar, .max),
    XdbcType(name: "BLOB", code: .varbinary, columnSize: .max, literalPrefix: "BLOB '"),
  ]

  private static let times: [XdbcType] = [
    time("DATE", .date, 10, subcode: 1),
    time("TIME", .time, 15, scale: 6, subcode: 2),
    time("TIME_NS", .time, 18, scale: 9, subcode: 2),
    time("TIME WITH TIME ZONE", .time, 21, scale: 6, subcode: 4),
    time("TIMESTAMP", .timestamp, 26, scale: 6, subcode: 3),
    time("TIMESTAMP_S", .timestamp, 19, scale: 0, subcode: 3),
    time("TIMESTAMP_MS", .timestamp, 23, scale: 3, subcode: 3),
    time("TIMESTAMP_NS", .timestamp, 29, scale: 9, subcode: 3),
    time("TIMESTAMP WITH TIME ZONE", .timestamp, 32, scale: 6, subcode: 5),
    XdbcType(
      name: "INTERVAL", code: .interval, columnSize: 64, literalPrefix: "INTERVAL '",
      minimumScale: 6, maximumScale: 6, subcode: 110, intervalPrecision: 10),
  ]

  private static let others: [XdbcType] =
    ["ARRAY", "GEOMETRY", "LIST", "MAP", "STRUCT", "UNION", "VARIANT"].map {
      XdbcType(name: $0, code: .unknown)
    }

  private static func integer(
    _ name: String, _ code: XdbcCode, _ digits: Int32?, isUnsigned: Bool = false
  ) -> XdbcType {
    XdbcType(
      name: name, code: code, columnSize: digits, isUnsigned: isUnsigned, minimumScale: 0,
      maximumScale: 0, radix: 10)
  }

  private static func text(
    _ name: String, _ code: XdbcCode, _ characters: Int32, parameters: [String] = []
  ) -> XdbcType {
    XdbcType(
      name: name, code: code, columnSize: characters, literalPrefix: "'",
      parameters: parameters, isCaseSensitive: true, searchable: 3)
  }

  private static func time(
    _ name: String, _ code: XdbcCode, _ characters: Int32, scale: Int32? = nil, subcode: Int32
  ) -> XdbcType {
    XdbcType(
      name: name, code: code, columnSize: characters, literalPrefix: "\(name) '",
      minimumScale: scale, maximumScale: scale, subcode: subcode)
  }
}
