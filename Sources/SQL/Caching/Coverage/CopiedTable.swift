/// The type of a column of a copied table, where the database that it is from and DuckDB agree on what its values mean.
public enum AgreedType: Hashable, Sendable {
  case bool
  case int16, int32, int64
  case float32, float64
  /// Compared for equality only, byte by byte.
  case text
  case date
  /// Microseconds; of no time zone, or of UTC.
  case timestamp, timestampUTC

  var isInteger: Bool { self == .int16 || self == .int32 || self == .int64 }
  var isFloat: Bool { self == .float32 || self == .float64 }

  /// In DuckDB.
  var name: String {
    switch self {
    case .bool: "BOOLEAN"
    case .int16: "SMALLINT"
    case .int32: "INTEGER"
    case .int64: "BIGINT"
    case .float32: "FLOAT"
    case .float64: "DOUBLE"
    case .text: "VARCHAR"
    case .date: "DATE"
    case .timestamp: "TIMESTAMP"
    case .timestampUTC: "TIMESTAMPTZ"
    }
  }

  /// The whole numbers that there are.
  var bounds: ClosedRange<Int64> {
    switch self {
    case .int16: Int64(Int16.min)...Int64(Int16.max)
    case .int32: Int64(Int32.min)...Int64(Int32.max)
    default: Int64.min...Int64.max
    }
  }

  /// Whether a whole number fits.
  func holds(_ number: Int64) -> Bool {
    switch self {
    case .int16: Int16(exactly: number) != nil
    case .int32: Int32(exactly: number) != nil
    default: self == .int64
    }
  }
}

public struct CopiedColumn: Hashable, Sendable {
  public var name: String
  /// Nil for a type of which only the values themselves are the same.
  public var type: AgreedType?
  /// Whether its values come out of DuckDB as they come from the database.
  public var isExact: Bool
  /// Whether the copy has it at all.
  public var isHeld = true
  /// The smallest and the largest of its whole numbers in the whole table; nil for what the type allows.
  public var bounds: ClosedRange<Int64>?

  public init(name: String, type: AgreedType?, isExact: Bool) {
    self.name = name
    self.type = type
    self.isExact = isExact
  }
}

/// A table of which DuckDB has a copy, or a copy of a slice of it.
public struct CopiedTable: Hashable, Sendable {
  public var schema: String?
  public var name: String
  /// Whether the name alone means this table.
  public var isOnPath: Bool
  /// What stands after FROM in DuckDB.
  public var relation: String
  public var columns: [CopiedColumn]
  /// What is true of all rows of the copy, by position of the column, and of no other rows of the table.
  public var slice: [Int: ValueRange]

  public init(
    schema: String?, name: String, isOnPath: Bool, relation: String, columns: [CopiedColumn],
    slice: [Int: ValueRange] = [:]
  ) {
    self.schema = schema
    self.name = name
    self.isOnPath = isOnPath
    self.relation = relation
    self.columns = columns
    self.slice = slice
  }

  /// Whether all rows with these values are in the copy.
  public func holdsRows(in ranges: [Int: ValueRange]) -> Bool {
    slice.allSatisfy { column, range in ranges[column].map { range.contains($0) } ?? false }
  }
}

/// Whose SQL a statement is.
public enum CoverageDialect: Sendable {
  case postgresql
  /// DuckDB's own.
  case duckdb

  func isSame(_ first: String, _ second: String) -> Bool {
    self == .postgresql ? first == second : first.lowercased() == second.lowercased()
  }

  /// The name that a word in a statement means.
  func folded(_ name: String, isQuoted: Bool) -> String {
    isQuoted || self == .duckdb ? name : name.lowercased()
  }
}
