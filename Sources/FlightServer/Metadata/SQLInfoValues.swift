import FlightProtocol

extension ServerFacts {
  /// The value of each fact. The numbers of choices are those of the protocol.
  func value(of code: SQLInfoCode) -> SQLInfoValue {
    serverValue(of: code) ?? nameValue(of: code) ?? Self.dialectValue(of: code)
      ?? Self.structureValue(of: code) ?? Self.resultValue(of: code) ?? .bigint(0)
  }

  private func serverValue(of code: SQLInfoCode) -> SQLInfoValue? {
    switch code {
    case .serverName: .string("hyprstream")
    case .serverVersion: .string(version)
    case .serverArrowVersion: .string(arrowVersion)
    case .serverReadOnly: .bool(isReadOnly)
    case .serverSQL, .serverCancel, .serverBulkIngestion, .serverIngestTransactionsSupported:
      .bool(true)
    case .serverSubstrait: .bool(false)
    case .serverSubstraitMinVersion, .serverSubstraitMaxVersion: .string(nil)
    case .serverTransaction: .int32(1)  // transactions, no savepoints
    case .serverStatementTimeout: .int32(statementTimeoutMilliseconds)
    case .serverTransactionTimeout: .int32(transactionTimeoutMilliseconds)
    default: nil
    }
  }

  private func nameValue(of code: SQLInfoCode) -> SQLInfoValue? {
    switch code {
    case .keywords: .strings(keywords)
    case .numericFunctions: .strings(numericFunctions)
    case .stringFunctions: .strings(stringFunctions)
    case .systemFunctions: .strings(systemFunctions)
    case .datetimeFunctions: .strings(datetimeFunctions)
    case .identifierQuoteChar: .string("\"")
    case .searchStringEscape: .string("\\")
    case .extraNameCharacters: .string("")
    case .schemaTerm: .string("schema")
    case .procedureTerm: .string("procedure")
    case .catalogTerm: .string("catalog")
    case .supportsConvert: .map(Conversions.entries)
    default: nil
    }
  }

  private static func dialectValue(of code: SQLInfoCode) -> SQLInfoValue? {
    switch code {
    case .identifierCase, .quotedIdentifierCase: .int32(1)  // compared without case
    case .nullOrdering: .int32(3)  // at the end, ascending or not
    case .supportsColumnAliasing, .nullPlusNullIsNull, .supportsTableCorrelationNames,
      .supportsExpressionsInOrderBy, .supportsOrderByUnrelated, .supportsLikeEscapeClause,
      .correlatedSubqueriesSupported, .allTablesAreSelectable:
      .bool(true)
    case .supportsDifferentTableCorrelationNames, .selectForUpdateSupported,
      .storedProceduresSupported, .namedParametersSupported, .locatorsUpdateCopy,
      .storedFunctionsUsingCallSyntaxSupported:
      .bool(false)
    case .supportedGroupBy: .bits(0, 1)  // unrelated, beyond SELECT
    case .supportedGrammar: .bits(0, 1, 2)  // minimum, core, extended
    case .ansi92SupportedLevel: .bits(0, 1)  // entry, intermediate
    case .outerJoinsSupportLevel: .int32(2)  // full
    case .supportedPositionedCommands: .int32(0)
    case .supportedSubqueries: .bits(0, 1, 2, 3)  // comparison, EXISTS, IN, quantified
    case .supportedUnions: .bits(0, 1)  // UNION, UNION ALL
    default: nil
    }
  }

  private static func structureValue(of code: SQLInfoCode) -> SQLInfoValue? {
    switch code {
    case .ddlCatalog: .bool(false)  // ATTACH and DETACH, but no CREATE
    case .ddlSchema, .ddlTable, .supportsNonNullableColumns,
      .supportsIntegrityEnhancementFacility, .catalogAtStart, .maxRowSizeIncludesBlobs:
      .bool(true)
    case .schemasSupportedActions, .catalogsSupportedActions: .bits(0, 1)  // calls, indexes
    default: nil
    }
  }

  private static func resultValue(of code: SQLInfoCode) -> SQLInfoValue? {
    switch code {
    // A transaction that has not written reads a new snapshot with each statement.
    case .defaultTransactionIsolation: .int32(2)  // read committed
    case .supportedTransactionsIsolationLevels: .bits(2)
    case .transactionsSupported, .batchUpdatesSupported: .bool(true)
    case .dataDefinitionCausesTransactionCommit, .dataDefinitionsInTransactionsIgnored,
      .savepointsSupported:
      .bool(false)
    case .supportedResultSetTypes: .bits(1)  // forward only
    case .supportedConcurrenciesForResultSetForwardOnly: .bits(1)  // read only
    case .supportedConcurrenciesForResultSetUnspecified,
      .supportedConcurrenciesForResultSetScrollSensitive,
      .supportedConcurrenciesForResultSetScrollInsensitive:
      .int32(0)
    default: nil
    }
  }
}

/// Which types a CAST converts into which, by the numbers of the protocol.
enum Conversions {
  private static let numbers: [Int32] = [0, 5, 6, 7, 12, 13, 14, 17]
  private static let integers: [Int32] = [0, 7, 14, 17]
  private static let bytes: [Int32] = [1, 10, 18]
  private static let texts: [Int32] = [3, 11, 19]
  private static let intervals: [Int32] = [8, 9]
  private static let bit: Int32 = 2
  private static let date: Int32 = 4
  private static let time: Int32 = 15
  private static let timestamp: Int32 = 16

  static let entries: [SQLInfoValue.Entry] = (0...19).map { (type: Int32) in
    SQLInfoValue.Entry(key: type, values: targets(of: type).sorted())
  }

  private static func targets(of type: Int32) -> [Int32] {
    if texts.contains(type) { return Array(0...19) }
    if integers.contains(type) { return numbers + texts + [bit] }
    if numbers.contains(type) { return numbers + texts }
    if bytes.contains(type) { return bytes + texts + [bit] }
    if intervals.contains(type) { return intervals + texts }
    switch type {
    case bit: return [bit] + bytes + integers + texts
    case date: return [date, timestamp] + texts
    case time: return [time] + texts
    default: return [date, time, timestamp] + texts
    }
  }
}
