/// Why an option was refused. Names the option in the spelling of the place it came from.
public enum OptionError: Error, Hashable, Sendable {
  /// The text cannot be read as a value of the option's kind.
  case malformed(option: String, value: String, expected: String)
  /// The value can be read but not used.
  case outOfRange(option: String, value: String, reason: String)
  /// Two options exclude each other, or one needs another.
  case conflict(option: String, reason: String)
  /// A configuration file sets something that does not exist.
  case unknownKey(key: String, file: String, suggestion: String?)
  /// An environment variable of ours names no option.
  case unknownVariable(name: String, suggestion: String?)
  /// A configuration file cannot be read or is not TOML.
  case unreadableFile(path: String, reason: String)
  /// The option is part of the contract, but this version cannot do it.
  case notAvailable(option: String, reason: String)
}

extension OptionError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed(let option, let value, let expected):
      "\(option): \"\(value)\" is not \(expected)"
    case .outOfRange(let option, let value, let reason):
      "\(option): \(value) \(reason)"
    case .conflict(let option, let reason):
      "\(option): \(reason)"
    case .unknownKey(let key, let file, let suggestion):
      "\(file): there is no option \"\(key)\"" + Self.hint(suggestion)
    case .unknownVariable(let name, let suggestion):
      "environment: there is no option \(name)" + Self.hint(suggestion)
    case .unreadableFile(let path, let reason):
      "\(path): \(reason)"
    case .notAvailable(let option, let reason):
      "\(option): \(reason)"
    }
  }

  private static func hint(_ suggestion: String?) -> String {
    guard let suggestion else { return "" }
    return "; did you mean \(suggestion)?"
  }
}
