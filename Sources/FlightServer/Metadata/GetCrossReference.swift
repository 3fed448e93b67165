import FlightProtocol

/// `CommandGetCrossReference`: the foreign keys of one table that refer to another.
enum GetCrossReference {
  static func query(
    _ command: FlightSQL.CommandGetCrossReference, foreign: String? = nil
  ) -> MetadataQuery {
    ForeignKeys.query(
      where: SQLFilter.all(
        SQLFilter.equals("pk_catalog_name", command.hasPkCatalog ? command.pkCatalog : nil),
        SQLFilter.equals("pk_db_schema_name", command.hasPkDbSchema ? command.pkDbSchema : nil),
        SQLFilter.equals("pk_table_name", command.pkTable),
        SQLFilter.equals("fk_catalog_name", command.hasFkCatalog ? command.fkCatalog : nil),
        SQLFilter.equals("fk_db_schema_name", command.hasFkDbSchema ? command.fkDbSchema : nil),
        SQLFilter.equals("fk_table_name", command.fkTable)),
      order: .primary, foreign: foreign)
  }
}
