internal import ADBC
internal import Columnar

/// One call of the driver while changes are pushed.
enum OutboxStep: Sendable {
  /// The rows of one load, and the name that its producer gave it.
  struct Part: Sendable {
    var key: AppliedLoads.Key?
    var rows: [Batch]
  }

  case statement(String, parameters: [Batch])
  case load(IngestTarget, Schema, [Part])

  /// The calls for changes, in their order: loads of equal columns into the same table that follow each other are one load, and equal
  /// statements one with all their parameters.
  static func steps(of changes: [OutboxChange]) -> [OutboxStep] {
    var steps: [OutboxStep] = []
    for change in changes {
      if let last = steps.last, let joined = last.joined(with: change) {
        steps[steps.count - 1] = joined
      } else {
        steps.append(OutboxStep(change))
      }
    }
    return steps
  }

  private init(_ change: OutboxChange) {
    switch change.action {
    case .statement(let sql, _): self = .statement(sql, parameters: change.rows)
    case .load(let target):
      self = .load(target, change.schema, [Part(key: change.key, rows: change.rows)])
    }
  }

  private func joined(with change: OutboxChange) -> OutboxStep? {
    switch (self, change.action) {
    case (.statement(let sql, let parameters), .statement(let other, hasParameters: true)):
      guard sql == other, parameters.first?.schema == change.schema else { return nil }
      return .statement(sql, parameters: parameters + change.rows)
    case (.load(let target, let schema, let parts), .load(let other)):
      guard target == other, schema == change.schema else { return nil }
      return .load(target, schema, parts + [Part(key: change.key, rows: change.rows)])
    default: return nil
    }
  }
}

extension OutboxStep {
  /// Of a load; none of a statement.
  var parts: [Part] {
    if case .load(_, _, let parts) = self { return parts }
    return []
  }

  /// The steps without loads whose names are known, or come for the second time.
  static func fresh(_ steps: [OutboxStep], beside known: Set<AppliedLoads.Key>) -> [OutboxStep] {
    var seen = known
    return steps.compactMap { step in
      guard case .load(let target, let schema, let parts) = step else { return step }
      let fresh = parts.filter { $0.key.map { seen.insert($0).inserted } ?? true }
      return fresh.isEmpty ? nil : .load(target, schema, fresh)
    }
  }
}
