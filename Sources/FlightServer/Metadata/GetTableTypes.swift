import Columnar

/// `CommandGetTableTypes`: what kinds of relations `GetTables` tells apart.
enum GetTableTypes {
  static let schema = Schema(Field("table_type", .utf8, isNullable: false))

  static let table = "TABLE"
  static let temporary = "LOCAL TEMPORARY"
  static let view = "VIEW"

  static func batch() -> Batch {
    let types = [temporary, table, view]
    return Batch(schema: schema, columns: [.strings(types)], rowCount: types.count)
  }
}
