/// The facts about a server that a client can ask for, by their numbers on the wire.
public enum SQLInfoCode: UInt32, CaseIterable, Sendable {
  // About the server.
  case serverName = 0
  case serverVersion, serverArrowVersion, serverReadOnly, serverSQL, serverSubstrait
  case serverSubstraitMinVersion, serverSubstraitMaxVersion, serverTransaction, serverCancel
  case serverBulkIngestion, serverIngestTransactionsSupported
  case serverStatementTimeout = 100
  case serverTransactionTimeout

  // About its SQL.
  case ddlCatalog = 500
  case ddlSchema, ddlTable, identifierCase, identifierQuoteChar, quotedIdentifierCase
  case allTablesAreSelectable, nullOrdering, keywords, numericFunctions, stringFunctions
  case systemFunctions, datetimeFunctions, searchStringEscape, extraNameCharacters
  case supportsColumnAliasing, nullPlusNullIsNull, supportsConvert
  case supportsTableCorrelationNames, supportsDifferentTableCorrelationNames
  case supportsExpressionsInOrderBy, supportsOrderByUnrelated, supportedGroupBy
  case supportsLikeEscapeClause, supportsNonNullableColumns, supportedGrammar
  case ansi92SupportedLevel, supportsIntegrityEnhancementFacility, outerJoinsSupportLevel
  case schemaTerm, procedureTerm, catalogTerm, catalogAtStart, schemasSupportedActions
  case catalogsSupportedActions, supportedPositionedCommands, selectForUpdateSupported
  case storedProceduresSupported, supportedSubqueries, correlatedSubqueriesSupported
  case supportedUnions
  case maxBinaryLiteralLength, maxCharLiteralLength, maxColumnNameLength, maxColumnsInGroupBy
  case maxColumnsInIndex, maxColumnsInOrderBy, maxColumnsInSelect, maxColumnsInTable
  case maxConnections, maxCursorNameLength, maxIndexLength, schemaNameLength
  case maxProcedureNameLength, maxCatalogNameLength, maxRowSize, maxRowSizeIncludesBlobs
  case maxStatementLength, maxStatements, maxTableNameLength, maxTablesInSelect
  case maxUsernameLength
  case defaultTransactionIsolation, transactionsSupported
  case supportedTransactionsIsolationLevels, dataDefinitionCausesTransactionCommit
  case dataDefinitionsInTransactionsIgnored, supportedResultSetTypes
  case supportedConcurrenciesForResultSetUnspecified
  case supportedConcurrenciesForResultSetForwardOnly
  case supportedConcurrenciesForResultSetScrollSensitive
  case supportedConcurrenciesForResultSetScrollInsensitive
  case batchUpdatesSupported, savepointsSupported, namedParametersSupported
  case locatorsUpdateCopy, storedFunctionsUsingCallSyntaxSupported
}
