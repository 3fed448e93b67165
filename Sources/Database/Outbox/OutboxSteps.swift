internal import ADBC
internal import Columnar

/// One call of the driver while changes are pushed.
enum OutboxStep: Sendable {
  case statement(String, parameters: [Batch])
  case load(IngestTarget, Schema, [Batch], key: AppliedLoads.Key?)

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
    case .load(let target): self = .load(target, change.schema, change.rows, key: change.key)
    }
  }

  private func joined(with change: OutboxChange) -> OutboxStep? {
    switch (self, change.action) {
    case (.statement(let sql, let parameters), .statement(let other, hasParameters: true)):
      guard sql == other, parameters.first?.schema == change.schema else { return nil }
      return .statement(sql, parameters: parameters + change.rows)
    // A load with a key is skipped, or stored, by itself.
    case (.load(let target, let schema, let rows, nil), .load(let other)):
      guard target == other, schema == change.schema, change.key == nil else { return nil }
      return .load(target, schema, rows + change.rows, key: nil)
    default: return nil
    }
  }
}
