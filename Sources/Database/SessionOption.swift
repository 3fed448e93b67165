/// The value of a session option, as Flight types it.
public enum SessionOption: Hashable, Sendable {
  case string(String)
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case strings([String])

  /// As it stands on the right of `SET name =`.
  var literal: String {
    switch self {
    case .string(let value): Self.quoted(value)
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .double(let value): String(value)
    case .strings(let values): Self.quoted(values.joined(separator: ","))
    }
  }

  var text: String {
    switch self {
    case .string(let value): value
    case .strings(let values): values.joined(separator: ",")
    default: literal
    }
  }

  private static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }
}
