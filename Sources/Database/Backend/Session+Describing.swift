internal import ADBC
internal import Columnar
internal import Engine
internal import SQL

extension Session {
  /// What a statement for a database behind would return, and what it needs.
  func describeOnBackend(
    _ plan: StatementPlan, _ details: BackendPlan, _ context: StatementContext
  ) async throws(DatabaseError) -> StatementDescription {
    let backend = details.backend
    let transaction = try transaction(context.transaction)
    let lane = transaction?.lane(on: backend) ?? home(on: backend)
    let route = BackendRoute(lane: lane, transaction: transaction)
    let isBehind = writesBehind(plan, details, backend, route)
    do {
      // It may be about a table that is still on its way there.
      if case .unreachable(let error, _) = try await freshness(of: details, backend, route) {
        throw error
      }
      let sql = try await backend.text(plan.sql, hasParameters: true)
      let described = try await backend.engine.describe(
        sql, isRead: plan.isRead, returnsRows: plan.returnsRows, on: lane, BackendCall())
      if lane == nil { backend.descriptions.note(described, of: plan.sql) }
      return StatementDescription(described)
    } catch {
      guard OutboxFailure(error).isOutage || backend.openOutbox?.outage != nil else {
        throw DatabaseError(any: error)
      }
      if let known = backend.descriptions.find(plan.sql) { return StatementDescription(known) }
      guard isBehind else { throw DatabaseError(any: error) }
      return StatementDescription(
        ADBCEngine.Description(resultSchema: Schema([]), parameterSchema: plan.unknownParameters))
    }
  }
}

extension Session.StatementDescription {
  fileprivate init(_ described: ADBCEngine.Description) {
    self.init(
      resultSchema: described.resultSchema, parameterSchema: described.parameterSchema,
      isForBackend: true)
  }
}

extension StatementPlan {
  /// As many parameters as the text has, of unknown type.
  fileprivate var unknownParameters: Schema {
    guard let text = try? SQLText(sql) else { return Schema([]) }
    let parameters = text.tokens.filter { $0.kind == .parameter }.map { text.text(of: $0) }
    let numbers = parameters.compactMap { Int($0.dropFirst()) }
    let count = numbers.max().map { min($0, parameters.count) } ?? parameters.count
    return Schema((0..<count).map { Field("\($0 + 1)", .null, isNullable: true) })
  }
}
