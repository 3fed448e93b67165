import Columnar
import FlightProtocol

/// `CommandGetXdbcTypeInfo`: the types of the database, described as JDBC and ODBC want it.
enum GetXdbcTypeInfo {
  private static let parameter = Field("item", .utf8, isNullable: false)

  static let schema = Schema(
    Field("type_name", .utf8, isNullable: false), Field("data_type", .int32, isNullable: false),
    Field("column_size", .int32), Field("literal_prefix", .utf8),
    Field("literal_suffix", .utf8), Field("create_params", .list(parameter)),
    Field("nullable", .int32, isNullable: false),
    Field("case_sensitive", .bool, isNullable: false),
    Field("searchable", .int32, isNullable: false), Field("unsigned_attribute", .bool),
    Field("fixed_prec_scale", .bool, isNullable: false), Field("auto_increment", .bool),
    Field("local_type_name", .utf8), Field("minimum_scale", .int32),
    Field("maximum_scale", .int32), Field("sql_data_type", .int32, isNullable: false),
    Field("datetime_subcode", .int32), Field("num_prec_radix", .int32),
    Field("interval_precision", .int32))

  /// All types, or those of one XDBC type, ordered by it and by name.
  static func batch(_ command: FlightSQL.CommandGetXdbcTypeInfo) -> Batch {
    let types = XdbcType.all
      .filter { !command.hasDataType || $0.code.rawValue == command.dataType }
      .sorted { ($0.code.rawValue, $0.name) < ($1.code.rawValue, $1.name) }
    return Batch(schema: schema, columns: columns(types), rowCount: types.count)
  }

  private static func columns(_ types: [XdbcType]) -> [Column] {
    [
      .strings(types.map(\.name)),
      .int32s(types.map { $0.code.rawValue }),
      .int32s(types.map(\.columnSize)),
      .strings(types.map(\.literalPrefix)),
      .strings(types.map(\.literalSuffix)),
      .list(
        parameter, counts: types.map { $0.parameters.isEmpty ? nil : $0.parameters.count },
        items: .strings(types.flatMap(\.parameters))),
      .int32s(types.map { _ in 1 }),  // every type has null
      .bools(types.map(\.isCaseSensitive)),
      .int32s(types.map(\.searchable)),
      .bools(types.map(\.isUnsigned)),
      .bools(types.map { _ in false }),
      .bools(types.map { $0.isUnsigned == nil ? nil : false }),
      .strings(types.map(\.name)),
      .int32s(types.map(\.minimumScale)),
      .int32s(types.map(\.maximumScale)),
      .int32s(types.map { $0.genericCode.rawValue }),
      .int32s(types.map(\.subcode)),
      .int32s(types.map(\.radix)),
      .int32s(types.map(\.intervalPrecision)),
    ]
  }
}
