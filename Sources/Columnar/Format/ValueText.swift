/// How values are written as text.
public struct TextOptions: Sendable, Hashable {
  /// What stands for null at the top level and inside nested values.
  public var null: String
  /// Whether strings inside nested values are quoted.
  public var quotesNestedStrings: Bool

  public init(null: String = "NULL", quotesNestedStrings: Bool = true) {
    self.null = null
    self.quotesNestedStrings = quotesNestedStrings
  }

  public static let `default` = TextOptions()
}

extension Column {
  /// Whether the value at `row` is null, also for unions, dictionaries and run-end encoding.
  public func isNull(at row: Int) -> Bool { false }

  /// The value at `row` as text for people, any type: `2024-01-31 12:00:00+00`, `[1, 2]`,
  /// `{name: x}`. Nil for null.
  public func string(at row: Int, options: TextOptions = .default) -> String? { nil }
}
