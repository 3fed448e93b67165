/// The settings that a session has changed, as statements that make a fresh connection equal to
/// the one on which they were made.
public struct SessionSettings: Hashable, Sendable {
  /// Setting name (lower case) → statement, as `SET TimeZone = 'UTC'`.
  private var statementsByName: [String: String] = [:]
  /// All statements in the order of their names; equal keys mean equal connections.
  private(set) var key = ""

  public init() {}

  public mutating func set(_ name: String, statement: String) {
    statementsByName[name] = statement
    key = statements.joined(separator: ";")
  }

  public mutating func reset(_ name: String) {
    statementsByName[name] = nil
    key = statements.joined(separator: ";")
  }

  /// What to run on a fresh connection, in a fixed order.
  var statements: [String] {
    statementsByName.sorted { $0.key < $1.key }.map(\.value)
  }
}
