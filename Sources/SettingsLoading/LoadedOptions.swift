public import Settings

/// Where the value of an option comes from.
public enum OptionOrigin: Hashable, Sendable {
  case file(path: String, key: String)
  case environment(String)
  case commandLine(String)

  /// The option as the user wrote it, with its place.
  public var spelling: String {
    switch self {
    case .file(let path, let key): "\(path): \(key)"
    case .environment(let name): name
    case .commandLine(let flag): flag
    }
  }
}

/// The effective options of a server and where each comes from.
public struct LoadedOptions: Sendable {
  public internal(set) var options = ServerOptions()
  /// By option name; an option without an entry has its built-in value.
  public internal(set) var origins: [String: OptionOrigin] = [:]
  /// Sentences about what was ignored.
  public internal(set) var warnings: [String] = []

  init() {}

  /// The effective configuration as a TOML file, the origin of each value beside it.
  ///
  /// Credentials are masked, so a file made from it needs them filled in again.
  public func toml() -> String {
    var text = ""
    for group in ServerOption.Group.allCases {
      text += (text.isEmpty ? "" : "\n") + "# \(group.rawValue)\n"
      for option in OptionTable.all where option.group == group {
        let line = "\(option.tomlName) = \(Self.literal(of: option, in: options))"
        let origin = origins[option.name]?.spelling ?? "built-in"
        text += line + String(repeating: " ", count: max(1, 44 - line.count)) + "# \(origin)\n"
      }
    }
    return text
  }

  private static func literal(of option: ServerOption, in options: ServerOptions) -> String {
    switch option.value(in: options) {
    case .text(let text):
      if option.isCredential && !text.isEmpty { return quoted("********") }
      switch option.kind {
      case .integer, .flag: return text
      case .text: return quoted(withoutPassword(text))
      default: return quoted(text)
      }
    case .list(let texts):
      return "[" + texts.map(quoted).joined(separator: ", ") + "]"
    case .map(let map):
      if map.isEmpty { return "{}" }
      let pairs = map.sorted { $0.key < $1.key }.map { key, value in
        "\(quoted(key)) = \(quoted(isSecret(key) ? "********" : withoutPassword(value)))"
      }
      return "{ " + pairs.joined(separator: ", ") + " }"
    }
  }

  /// Whether the name of an engine option says that its value is a secret.
  static func isSecret(_ name: String) -> Bool {
    let name = name.lowercased()
    return ["password", "passwd", "secret", "token", "key", "credential"].contains {
      name.contains($0)
    }
  }

  /// A URI with the password between `user:` and `@`, and secret query items, replaced.
  static func withoutPassword(_ text: String) -> String {
    guard let scheme = text.firstRange(of: "://") else { return text }
    var rest = text[scheme.upperBound...]
    var masked = String(text[..<scheme.upperBound])
    let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    if let at = rest[..<authorityEnd].lastIndex(of: "@") {
      let user = rest[..<at].prefix { $0 != ":" }
      masked += user.count < rest[..<at].count ? "\(user):********" : "\(user)"
      rest = rest[at...]
    }
    guard let question = rest.firstIndex(of: "?") else { return masked + rest }
    let items = rest[rest.index(after: question)...].split(
      separator: "&", omittingEmptySubsequences: false
    ).map { item in
      let name = item.prefix { $0 != "=" }
      return name.count < item.count && isSecret(String(name)) ? "\(name)=********" : String(item)
    }
    return masked + rest[...question] + items.joined(separator: "&")
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
