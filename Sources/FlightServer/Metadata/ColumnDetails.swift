import Columnar
import FlightProtocol

/// What the catalog knows about one column of a table.
struct ColumnDetails: Hashable, Sendable {
  var name: String
  /// As SQL writes it, such as `DECIMAL(10,2)`.
  var typeName: String
  var precision: String?
  var scale: String?
  var isNullable: Bool
  /// The expression that fills the column when an INSERT leaves it out.
  var defaultSQL: String?
  var comment: String?

  /// The rows of `TableSchemas.columnsQuery` by relation, columns in order.
  static func grouped(_ batch: Batch) -> [RelationName: [ColumnDetails]] {
    var groups: [RelationName: [ColumnDetails]] = [:]
    let columns = batch.columns
    for row in 0..<batch.rowCount {
      let relation = RelationName(
        catalog: columns[0].text(row), schema: columns[1].text(row), name: columns[2].text(row))
      groups[relation, default: []].append(
        ColumnDetails(
          name: columns[3].text(row), typeName: columns[4].text(row),
          precision: columns[5].string(at: row), scale: columns[6].string(at: row),
          isNullable: columns[7].string(at: row) != "false",
          defaultSQL: columns[8].string(at: row), comment: columns[9].string(at: row)))
    }
    return groups
  }

  /// DuckDB has no auto-increment columns; a default that draws from a sequence acts as one.
  var isAutoIncrement: Bool { defaultSQL?.lowercased().hasPrefix("nextval(") ?? false }

  private var isText: Bool { typeName == "VARCHAR" || typeName.hasPrefix("ENUM(") }

  /// The column's field metadata, under the keys of Flight SQL.
  func metadata(in relation: RelationName) -> [KeyValue] {
    var pairs = [
      KeyValue(FlightSQLFieldKey.catalogName, relation.catalog),
      KeyValue(FlightSQLFieldKey.databaseSchemaName, relation.schema),
      KeyValue(FlightSQLFieldKey.schemaName, relation.schema),
      KeyValue(FlightSQLFieldKey.tableName, relation.name),
      KeyValue(FlightSQLFieldKey.typeName, typeName),
    ]
    if let precision { pairs.append(KeyValue(FlightSQLFieldKey.precision, precision)) }
    if let scale { pairs.append(KeyValue(FlightSQLFieldKey.scale, scale)) }
    pairs += [
      KeyValue(FlightSQLFieldKey.isAutoIncrement, isAutoIncrement ? "1" : "0"),
      KeyValue(FlightSQLFieldKey.isCaseSensitive, isText ? "1" : "0"),
      KeyValue(FlightSQLFieldKey.isReadOnly, "0"),
      KeyValue(FlightSQLFieldKey.isSearchable, "1"),
    ]
    if let defaultSQL { pairs.append(KeyValue(FlightSQLFieldKey.columnDefault, defaultSQL)) }
    if let comment { pairs.append(KeyValue(FlightSQLFieldKey.remarks, comment)) }
    return pairs
  }
}
