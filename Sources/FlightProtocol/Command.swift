#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
internal import SwiftProtobuf

extension FlightSQL {
  /// What a descriptor or a ticket asks for.
  public enum Command: Sendable {
    case statementQuery(CommandStatementQuery)
    case statementTicket(TicketStatementQuery)
    case statementUpdate(CommandStatementUpdate)
    case preparedStatementQuery(CommandPreparedStatementQuery)
    case preparedStatementUpdate(CommandPreparedStatementUpdate)
    case statementIngest(CommandStatementIngest)
    case substraitPlan(CommandStatementSubstraitPlan)
    case getSqlInfo(CommandGetSqlInfo)
    case getXdbcTypeInfo(CommandGetXdbcTypeInfo)
    case getCatalogs
    case getDbSchemas(CommandGetDbSchemas)
    case getTables(CommandGetTables)
    case getTableTypes
    case getPrimaryKeys(CommandGetPrimaryKeys)
    case getExportedKeys(CommandGetExportedKeys)
    case getImportedKeys(CommandGetImportedKeys)
    case getCrossReference(CommandGetCrossReference)
    /// A packed message that is not a command of Flight SQL.
    case unknown(typeName: String)
  }
}

extension FlightSQL.Command {
  private static let package = "arrow.flight.protocol.sql."

  /// Reads a packed command.
  public init(unpacking bytes: Data) throws(ProtocolError) {
    let packed = try PackedMessage(bytes)
    guard packed.typeName.hasPrefix(Self.package) else {
      self = .unknown(typeName: packed.typeName)
      return
    }
    let name = String(packed.typeName.dropFirst(Self.package.count))
    if let command = try Self.statement(name, packed.value) {
      self = command
    } else {
      self = try Self.metadata(name, packed.value) ?? .unknown(typeName: packed.typeName)
    }
  }

  private static func statement(
    _ name: String, _ value: [UInt8]
  ) throws(ProtocolError) -> Self? {
    switch name {
    case "CommandStatementQuery": .statementQuery(try .init(decoding: value))
    case "TicketStatementQuery": .statementTicket(try .init(decoding: value))
    case "CommandStatementUpdate": .statementUpdate(try .init(decoding: value))
    case "CommandPreparedStatementQuery": .preparedStatementQuery(try .init(decoding: value))
    case "CommandPreparedStatementUpdate": .preparedStatementUpdate(try .init(decoding: value))
    case "CommandStatementIngest": .statementIngest(try .init(decoding: value))
    case "CommandStatementSubstraitPlan": .substraitPlan(try .init(decoding: value))
    default: nil
    }
  }

  private static func metadata(
    _ name: String, _ value: [UInt8]
  ) throws(ProtocolError) -> Self? {
    switch name {
    case "CommandGetSqlInfo": .getSqlInfo(try .init(decoding: value))
    case "CommandGetXdbcTypeInfo": .getXdbcTypeInfo(try .init(decoding: value))
    case "CommandGetCatalogs": .getCatalogs
    case "CommandGetDbSchemas": .getDbSchemas(try .init(decoding: value))
    case "CommandGetTables": .getTables(try .init(decoding: value))
    case "CommandGetTableTypes": .getTableTypes
    case "CommandGetPrimaryKeys": .getPrimaryKeys(try .init(decoding: value))
    case "CommandGetExportedKeys": .getExportedKeys(try .init(decoding: value))
    case "CommandGetImportedKeys": .getImportedKeys(try .init(decoding: value))
    case "CommandGetCrossReference": .getCrossReference(try .init(decoding: value))
    default: nil
    }
  }
}
