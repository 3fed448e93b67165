internal import ADBC
internal import Columnar
internal import SQL

extension Dialect {
  /// Nil where we do not know enough to answer in the place of the database.
  var coverage: CoverageDialect? {
    switch self {
    case .postgresql: .postgresql
    case .duckdb, .hyprstream: .duckdb
    default: nil
    }
  }

  /// The type of a column where DuckDB is known to treat its values as this database does.
  func agreedType(_ field: Field) -> AgreedType? {
    switch self {
    case .postgresql:
      switch (field.metadataValue("POSTGRESQL:type"), field.type) {
      case ("bool", .bool): .bool
      case ("int2", .int16): .int16
      case ("int4", .int32): .int32
      case ("int8", .int64): .int64
      case ("float4", .float32): .float32
      case ("float8", .float64): .float64
      case ("text", .utf8), ("varchar", .utf8): .text
      case ("date", .date32): .date
      case ("timestamp", .timestamp(.microsecond, nil)): .timestamp
      case ("timestamptz", .timestamp(.microsecond, "UTC")): .timestampUTC
      default: nil
      }
    case .duckdb, .hyprstream:
      switch field.metadata.isEmpty ? field.type : .null {
      case .bool: .bool
      case .int16: .int16
      case .int32: .int32
      case .int64: .int64
      case .float32: .float32
      case .float64: .float64
      case .utf8: .text
      case .date32: .date
      case .timestamp(.microsecond, nil): .timestamp
      default: nil
      }
    default: nil
    }
  }

  /// What the driver says of a value that the database has computed.
  func field(_ name: String, _ type: AgreedType) -> Field {
    let (arrow, own): (DataType, String) =
      switch type {
      case .bool: (.bool, "bool")
      case .int16: (.int16, "int2")
      case .int32: (.int32, "int4")
      case .int64: (.int64, "int8")
      case .float32: (.float32, "float4")
      case .float64: (.float64, "float8")
      case .text: (.utf8, "text")
      case .date: (.date32, "date")
      case .timestamp: (.timestamp(.microsecond, timeZone: nil), "timestamp")
      case .timestampUTC: (.timestamp(.microsecond, timeZone: "UTC"), "timestamptz")
      }
    return Field(
      name, arrow, isNullable: true,
      metadata: self == .postgresql ? [KeyValue("POSTGRESQL:type", own)] : [])
  }
}
