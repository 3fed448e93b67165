public import Columnar
public import Database
public import FlightProtocol

/// Answers the metadata commands of Flight SQL. Pure: it names schemas and SQL; who holds a
/// session runs the SQL.
public enum Metadata {
  /// How a command is answered.
  public enum Answer: Sendable {
    /// At once, without the database.
    case batch(Batch)
    /// By the result of a query, labelled.
    case query(MetadataQuery)
    /// By two queries: `tables`, labelled, and `columns`, put together by `TableSchemas.append`.
    case tablesWithSchemas(tables: MetadataQuery, columns: MetadataQuery)
  }

  /// The schema of the command's answer; nil when it is not a metadata command.
  public static func schema(of command: FlightSQL.Command) -> Schema? {
    switch command {
    case .getSqlInfo: GetSqlInfo.schema
    case .getXdbcTypeInfo: GetXdbcTypeInfo.schema
    case .getCatalogs: GetCatalogs.schema
    case .getDbSchemas: GetDbSchemas.schema
    case .getTables(let tables):
      tables.includeSchema ? GetTables.schemaWithTableSchema : GetTables.schema
    case .getTableTypes: GetTableTypes.schema
    case .getPrimaryKeys: GetPrimaryKeys.schema
    case .getExportedKeys, .getImportedKeys, .getCrossReference: ForeignKeys.schema
    case .statementQuery, .statementTicket, .statementUpdate, .preparedStatementQuery,
      .preparedStatementUpdate, .statementIngest, .substraitPlan, .unknown:
      nil
    }
  }

  /// How to answer the command; nil when it is not a metadata command.
  ///
  /// - Parameters:
  ///   - facts: What `CommandGetSqlInfo` tells; called for that command only.
  ///   - foreign: The relations of a database behind.
  ///   - foreignKeys: Its keys.
  public static func answer(
    to command: FlightSQL.Command, facts: () throws -> ServerFacts,
    foreign: ForeignObjects? = nil, keys foreignKeys: ForeignKeyObjects? = nil
  ) rethrows -> Answer? {
    switch command {
    case .getSqlInfo(let info): .batch(GetSqlInfo.batch(info, facts: try facts()))
    case .getXdbcTypeInfo(let types): .batch(GetXdbcTypeInfo.batch(types))
    case .getCatalogs: .query(GetCatalogs.query(foreign: foreign?.catalogs))
    case .getDbSchemas(let schemas): .query(GetDbSchemas.query(schemas, foreign: foreign?.schemas))
    case .getTables(let tables) where tables.includeSchema:
      .tablesWithSchemas(
        tables: GetTables.query(tables, foreign: foreign?.tables),
        columns: TableSchemas.columnsQuery(tables))
    case .getTables(let tables): .query(GetTables.query(tables, foreign: foreign?.tables))
    case .getTableTypes: .batch(GetTableTypes.batch())
    case .getPrimaryKeys(let keys):
      .query(GetPrimaryKeys.query(keys, foreign: foreignKeys?.primaryKeys))
    case .getExportedKeys(let keys):
      .query(GetExportedKeys.query(keys, foreign: foreignKeys?.foreignKeys))
    case .getImportedKeys(let keys):
      .query(GetImportedKeys.query(keys, foreign: foreignKeys?.foreignKeys))
    case .getCrossReference(let keys):
      .query(GetCrossReference.query(keys, foreign: foreignKeys?.foreignKeys))
    case .statementQuery, .statementTicket, .statementUpdate, .preparedStatementQuery,
      .preparedStatementUpdate, .statementIngest, .substraitPlan, .unknown:
      nil
    }
  }
}
