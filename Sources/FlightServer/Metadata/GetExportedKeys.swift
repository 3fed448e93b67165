import FlightProtocol

/// `CommandGetExportedKeys`: the foreign keys of other tables that refer to a table.
enum GetExportedKeys {
  static func query(
    _ command: FlightSQL.CommandGetExportedKeys, foreign: String? = nil
  ) -> MetadataQuery {
    ForeignKeys.query(
      where: SQLFilter.all(
        SQLFilter.equals("pk_catalog_name", command.hasCatalog ? command.catalog : nil),
        SQLFilter.equals("pk_db_schema_name", command.hasDbSchema ? command.dbSchema : nil),
        SQLFilter.equals("pk_table_name", command.table)),
      order: .foreign, foreign: foreign)
  }
}
