/// What a statement does, as DuckDB's parser classifies it.
public enum StatementType: UInt32, Hashable, Sendable {
  case invalid = 0
  case select, insert, update, explain, delete, prepare, create, execute, alter, transaction
  case copy, analyze, variableSet, createFunction, drop, export, pragma, vacuum, call, set, load
  case relation, `extension`, logicalPlan, attach, detach, multi, copyDatabase, updateExtensions
  case mergeInto

  /// A code that a newer library may return counts as `invalid`.
  init(code: UInt32) { self = Self(rawValue: code) ?? .invalid }
}
