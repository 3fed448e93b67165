internal import Synchronization

internal import Columnar
public import DuckDB

/// A connection taken from an instance, with what is needed to give it back.
public final class HeldConnection: Sendable {
  public let connection: Connection
  let settings: SessionSettings
  public let generation: Int
  /// The statement of the last small load on this connection.
  let keptInsert: Mutex<KeptInsert?>

  init(
    _ connection: Connection, settings: SessionSettings, generation: Int,
    keptInsert: KeptInsert? = nil
  ) {
    self.keptInsert = Mutex(keptInsert)
    self.connection = connection
    self.settings = settings
    self.generation = generation
  }
}

/// A prepared statement on a connection of its own.
///
/// **Sendable.** `@unchecked`: whoever took it from the instance is the only one who uses it, on
/// one thread at a time.
public final class OpenStatement: @unchecked Sendable {
  public let sql: String
  public let statement: PreparedStatement
  let connection: HeldConnection
  /// The catalog for which it was prepared: its result columns are those of that catalog.
  let catalogVersion: Int
  /// Whether it is known that its text comes more than once.
  var isWorthKeeping: Bool
  /// Whether its last run got to its end.
  var hasSucceeded = false

  /// The columns of its result.
  var knownSchema: Schema? { try? statement.resultSchema }

  init(
    sql: String, statement: PreparedStatement, on connection: HeldConnection, catalogVersion: Int
  ) {
    self.sql = sql
    self.statement = statement
    self.connection = connection
    self.catalogVersion = catalogVersion
    // Whoever sends parameters apart from the text sends the text again.
    isWorthKeeping = statement.parameterCount > 0
  }
}
