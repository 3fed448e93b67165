import FlightProtocol

/// `CommandGetImportedKeys`: the foreign keys of a table.
enum GetImportedKeys {
  static func query(
    _ command: FlightSQL.CommandGetImportedKeys, foreign: String? = nil
  ) -> MetadataQuery {
    ForeignKeys.query(
      where: SQLFilter.all(
        SQLFilter.equals("fk_catalog_name", command.hasCatalog ? command.catalog : nil),
        SQLFilter.equals("fk_db_schema_name", command.hasDbSchema ? command.dbSchema : nil),
        SQLFilter.equals("fk_table_name", command.table)),
      order: .primary, foreign: foreign)
  }
}
