/// Short names for the messages of Arrow Flight SQL, and the names of its actions.
public enum FlightSQL {
  public typealias CommandStatementQuery = Arrow_Flight_Protocol_Sql_CommandStatementQuery
  public typealias TicketStatementQuery = Arrow_Flight_Protocol_Sql_TicketStatementQuery
  public typealias CommandStatementUpdate = Arrow_Flight_Protocol_Sql_CommandStatementUpdate
  public typealias CommandPreparedStatementQuery =
    Arrow_Flight_Protocol_Sql_CommandPreparedStatementQuery
  public typealias CommandPreparedStatementUpdate =
    Arrow_Flight_Protocol_Sql_CommandPreparedStatementUpdate
  public typealias CommandStatementIngest = Arrow_Flight_Protocol_Sql_CommandStatementIngest
  public typealias CommandStatementSubstraitPlan =
    Arrow_Flight_Protocol_Sql_CommandStatementSubstraitPlan
  public typealias DoPutUpdateResult = Arrow_Flight_Protocol_Sql_DoPutUpdateResult
  public typealias DoPutPreparedStatementResult =
    Arrow_Flight_Protocol_Sql_DoPutPreparedStatementResult

  public typealias CommandGetSqlInfo = Arrow_Flight_Protocol_Sql_CommandGetSqlInfo
  public typealias CommandGetXdbcTypeInfo = Arrow_Flight_Protocol_Sql_CommandGetXdbcTypeInfo
  public typealias CommandGetCatalogs = Arrow_Flight_Protocol_Sql_CommandGetCatalogs
  public typealias CommandGetDbSchemas = Arrow_Flight_Protocol_Sql_CommandGetDbSchemas
  public typealias CommandGetTables = Arrow_Flight_Protocol_Sql_CommandGetTables
  public typealias CommandGetTableTypes = Arrow_Flight_Protocol_Sql_CommandGetTableTypes
  public typealias CommandGetPrimaryKeys = Arrow_Flight_Protocol_Sql_CommandGetPrimaryKeys
  public typealias CommandGetExportedKeys = Arrow_Flight_Protocol_Sql_CommandGetExportedKeys
  public typealias CommandGetImportedKeys = Arrow_Flight_Protocol_Sql_CommandGetImportedKeys
  public typealias CommandGetCrossReference = Arrow_Flight_Protocol_Sql_CommandGetCrossReference

  public typealias ActionCreatePreparedStatementRequest =
    Arrow_Flight_Protocol_Sql_ActionCreatePreparedStatementRequest
  public typealias ActionCreatePreparedSubstraitPlanRequest =
    Arrow_Flight_Protocol_Sql_ActionCreatePreparedSubstraitPlanRequest
  public typealias ActionCreatePreparedStatementResult =
    Arrow_Flight_Protocol_Sql_ActionCreatePreparedStatementResult
  public typealias ActionClosePreparedStatementRequest =
    Arrow_Flight_Protocol_Sql_ActionClosePreparedStatementRequest
  public typealias ActionBeginTransactionRequest =
    Arrow_Flight_Protocol_Sql_ActionBeginTransactionRequest
  public typealias ActionBeginTransactionResult =
    Arrow_Flight_Protocol_Sql_ActionBeginTransactionResult
  public typealias ActionBeginSavepointRequest =
    Arrow_Flight_Protocol_Sql_ActionBeginSavepointRequest
  public typealias ActionBeginSavepointResult =
    Arrow_Flight_Protocol_Sql_ActionBeginSavepointResult
  public typealias ActionEndTransactionRequest =
    Arrow_Flight_Protocol_Sql_ActionEndTransactionRequest
  public typealias ActionEndSavepointRequest = Arrow_Flight_Protocol_Sql_ActionEndSavepointRequest
  public typealias ActionCancelQueryRequest = Arrow_Flight_Protocol_Sql_ActionCancelQueryRequest
  public typealias ActionCancelQueryResult = Arrow_Flight_Protocol_Sql_ActionCancelQueryResult

  /// Action types whose bodies, and whose results if there are any, are packed messages.
  public enum ActionName {
    public static let createPreparedStatement = "CreatePreparedStatement"
    public static let createPreparedSubstraitPlan = "CreatePreparedSubstraitPlan"
    public static let closePreparedStatement = "ClosePreparedStatement"
    public static let beginTransaction = "BeginTransaction"
    public static let endTransaction = "EndTransaction"
    public static let beginSavepoint = "BeginSavepoint"
    public static let endSavepoint = "EndSavepoint"
    public static let cancelQuery = "CancelQuery"
  }
}
