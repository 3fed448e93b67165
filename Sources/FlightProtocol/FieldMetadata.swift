/// Keys of the metadata that Flight SQL puts on the fields of a schema.
public enum FlightSQLFieldKey {
  public static let catalogName = "ARROW:FLIGHT:SQL:CATALOG_NAME"
  /// What the ADBC driver looks for instead of `databaseSchemaName`.
  public static let schemaName = "ARROW:FLIGHT:SQL:SCHEMA_NAME"
  public static let databaseSchemaName = "ARROW:FLIGHT:SQL:DB_SCHEMA_NAME"
  public static let tableName = "ARROW:FLIGHT:SQL:TABLE_NAME"
  public static let typeName = "ARROW:FLIGHT:SQL:TYPE_NAME"
  public static let precision = "ARROW:FLIGHT:SQL:PRECISION"
  public static let scale = "ARROW:FLIGHT:SQL:SCALE"
  public static let isAutoIncrement = "ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT"
  public static let isCaseSensitive = "ARROW:FLIGHT:SQL:IS_CASE_SENSITIVE"
  public static let isReadOnly = "ARROW:FLIGHT:SQL:IS_READ_ONLY"
  public static let isSearchable = "ARROW:FLIGHT:SQL:IS_SEARCHABLE"
  public static let remarks = "ARROW:FLIGHT:SQL:REMARKS"
  /// The expression that fills a column which an INSERT leaves out.
  public static let columnDefault = "ARROW:FLIGHT:SQL:COLUMN_DEF"
}
