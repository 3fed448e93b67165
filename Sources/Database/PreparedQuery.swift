internal import Synchronization

public import Columnar
internal import DuckDB
internal import SQL
internal import Telemetry

/// A statement that a client prepared, with the parameters that it bound last.
///
/// Only the text is kept: it is prepared again when the catalog or the engine has changed.
public final class PreparedQuery: Sendable {
  private struct State {
    var lastUse = ContinuousClock.now
    var parameters: Batch?
  }

  public let handle = Handle()
  public let sql: String
  public let resultSchema: Schema
  /// One field per parameter, in order; its type is null where DuckDB does not know it yet.
  public let parameterSchema: Schema
  /// Whether the statement changes something, so that it is to be run as an update.
  public let isUpdate: Bool
  let transaction: Handle?
  /// The statement as a query for one key, if it is one.
  let point: PointQuery?
  /// Whether it is for the database behind, which finds types of parameters by itself.
  private let isForBackend: Bool
  private let state = Mutex(State())
  private let counted: Counted

  init(
    sql: String, resultSchema: Schema, parameterSchema: Schema, isUpdate: Bool,
    transaction: Handle?, isForBackend: Bool, metrics: ServerMetrics
  ) {
    self.isForBackend = isForBackend
    counted = Counted(.preparedStatement, in: metrics)
    self.sql = sql
    point = PointQuery(sql)
    self.resultSchema = resultSchema
    self.parameterSchema = parameterSchema
    self.isUpdate = isUpdate
    self.transaction = transaction
  }

  /// The rows to run with: `nil` when none were bound.
  public var parameters: Batch? {
    state.withLock { state in
      state.lastUse = .now
      return state.parameters
    }
  }

  /// The text to run with these parameters.
  func text(for parameters: Batch?) -> String {
    guard let parameters, !isForBackend else { return sql }
    return ParameterCasts.apply(to: sql, parameters: parameterSchema, bound: parameters.schema)
  }

  public func bind(_ parameters: Batch?) {
    state.withLock { state in
      state.lastUse = .now
      state.parameters = parameters
    }
  }

  func isExpired(after lease: Duration) -> Bool {
    lease > .zero && state.withLock { ContinuousClock.now - $0.lastUse > lease }
  }
}
