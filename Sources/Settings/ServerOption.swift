/// What an option holds when it comes from outside, before it is read.
public enum OptionValue: Hashable, Sendable {
  case text(String)
  case list([String])
  case map([String: String])
}

/// One option of the server: its name, its place in ``ServerOptions`` and how text becomes a value.
public struct ServerOption: Sendable {
  /// What `--help` and error messages say that the value is.
  public enum Kind: Hashable, Sendable {
    case text, integer, byteCount, duration, flag
    case choice([String])
    /// Several texts: given repeatedly, separated by commas, or as an array in TOML.
    case list
    /// Several `key=value`: given repeatedly, separated by commas, or as a table in TOML.
    case map
  }

  public enum Group: String, Hashable, Sendable, CaseIterable {
    case network = "Network"
    case storage = "Storage"
    case engine = "Engine"
    case cache = "Cache"
    case limits = "Limits"
    case timeouts = "Timeouts"
    case machine = "Machine access"
    case log = "Log"
    case metrics = "Metrics"
  }

  /// The name in the spelling of the command line, without the dashes: `max-running`.
  public let name: String
  public let kind: Kind
  public let group: Group
  /// One sentence for `--help`, the unit and the meaning of zero included.
  public let summary: String
  /// Credentials: masked when printed, and the environment wins over the command line.
  public let isCredential: Bool
  /// Whether SIGHUP applies a changed value to a running server.
  public let isReloadable: Bool

  private let write:
    @Sendable (inout ServerOptions, OptionValue, _ spelling: String) throws(OptionError) -> Void
  private let read: @Sendable (ServerOptions) -> OptionValue

  /// `HYPRSTREAM_MAX_RUNNING`
  public var environmentName: String { "HYPRSTREAM_" + tomlName.uppercased() }
  /// `max_running`
  public var tomlName: String { String(name.map { $0 == "-" ? "_" : $0 }) }
  /// `--max-running`
  public var flag: String { "--" + name }

  /// Sets the option from text.
  ///
  /// - Parameter spelling: The name as the user wrote it, for the error.
  public func set(
    _ options: inout ServerOptions, to value: OptionValue, spelling: String
  ) throws(OptionError) {
    try write(&options, value, spelling)
  }

  /// The value in the form that ``set(_:to:spelling:)`` reads back as the same value.
  public func value(in options: ServerOptions) -> OptionValue { read(options) }

  /// Copies the option's value from one set of options into another.
  public func copy(from source: ServerOptions, to target: inout ServerOptions) {
    // What `read` writes, `write` reads: the tests go through the whole table.
    try? write(&target, read(source), flag)
  }
}

typealias Path<Value> = any WritableKeyPath<ServerOptions, Value> & Sendable

extension ServerOption {
  static func text(
    _ name: String, _ path: Path<String>, _ group: Group, isCredential: Bool = false,
    _ summary: String
  ) -> ServerOption {
    ServerOption(
      name: name, kind: .text, group: group, summary: summary, isCredential: isCredential,
      isReloadable: false,
      write: { options, value, spelling throws(OptionError) in
        options[keyPath: path] = try single(value, spelling, "a single text")
      },
      read: { .text($0[keyPath: path]) })
  }

  static func integer(
    _ name: String, _ path: Path<Int>, _ group: Group, isReloadable: Bool = false,
    _ summary: String
  ) -> ServerOption {
    ServerOption(
      name: name, kind: .integer, group: group, summary: summary, isCredential: false,
      isReloadable: isReloadable,
      write: { options, value, spelling throws(OptionError) in
        let text = try single(value, spelling, "a whole number")
        guard let number = Int(text.filter { $0 != "_" }) else {
          throw .malformed(option: spelling, value: text, expected: "a whole number")
        }
        options[keyPath: path] = number
      },
      read: { .text(String($0[keyPath: path])) })
  }

  static func byteCount(
    _ name: String, _ path: Path<Int>, _ group: Group, isReloadable: Bool = false,
    _ summary: String
  ) -> ServerOption {
    ServerOption(
      name: name, kind: .byteCount, group: group, summary: summary, isCredential: false,
      isReloadable: isReloadable,
      write: { options, value, spelling throws(OptionError) in
        let expected = "a size such as 512MiB or 4GB"
        let text = try single(value, spelling, expected)
        guard let count = OptionText.byteCount(text) else {
          throw .malformed(option: spelling, value: text, expected: expected)
        }
        options[keyPath: path] = count
      },
      read: { .text(OptionText.text(byteCount: $0[keyPath: path])) })
  }

  static func duration(
    _ name: String, _ path: Path<Duration>, _ group: Group, isReloadable: Bool = true,
    _ summary: String
  ) -> ServerOption {
    ServerOption(
      name: name, kind: .duration, group: group, summary: summary, isCredential: false,
      isReloadable: isReloadable,
      write: { options, value, spelling throws(OptionError) in
        let expected = "a length of time such as 500ms, 30s or 5m"
        let text = try single(value, spelling, expected)
        guard let duration = OptionText.duration(text) else {
          throw .malformed(option: spelling, value: text, expected: expected)
        }
        options[keyPath: path] = duration
      },
      read: { .text(OptionText.text(duration: $0[keyPath: path])) })
  }

  static func flag(
    _ name: String, _ path: Path<Bool>, _ group: Group, _ summary: String
  ) -> ServerOption {
    ServerOption(
      name: name, kind: .flag, group: group, summary: summary, isCredential: false,
      isReloadable: false,
      write: { options, value, spelling throws(OptionError) in
        let text = try single(value, spelling, "true or false")
        guard let flag = OptionText.bool(text) else {
          throw .malformed(option: spelling, value: text, expected: "true or false")
        }
        options[keyPath: path] = flag
      },
      read: { .text($0[keyPath: path] ? "true" : "false") })
  }

  static func choice<Value>(
    _ name: String, _ path: Path<Value>, _ group: Group, isReloadable: Bool = false,
    _ summary: String
  ) -> ServerOption
  where Value: RawRepresentable<String> & CaseIterable & SendableMetatype {
    let names = Value.allCases.map(\.rawValue)
    return ServerOption(
      name: name, kind: .choice(names), group: group, summary: summary, isCredential: false,
      isReloadable: isReloadable,
      write: { options, value, spelling throws(OptionError) in
        let expected = "one of " + names.joined(separator: ", ")
        let text = try single(value, spelling, expected)
        guard let chosen = Value(rawValue: text.lowercased()) else {
          throw .malformed(option: spelling, value: text, expected: expected)
        }
        options[keyPath: path] = chosen
      },
      read: { .text($0[keyPath: path].rawValue) })
  }

  static func list(
    _ name: String, _ path: Path<[String]>, _ group: Group, _ summary: String
  ) -> ServerOption {
    ServerOption(
      name: name, kind: .list, group: group, summary: summary, isCredential: false,
      isReloadable: false,
      write: { options, value, spelling throws(OptionError) in
        switch value {
        case .text(let text): options[keyPath: path] = parts(of: text)
        case .list(let texts): options[keyPath: path] = texts
        case .map:
          throw .malformed(option: spelling, value: "{…}", expected: "a list of texts")
        }
      },
      read: { .list($0[keyPath: path]) })
  }

  static func map(
    _ name: String, _ path: Path<[String: String]>, _ group: Group, _ summary: String
  ) -> ServerOption {
    ServerOption(
      name: name, kind: .map, group: group, summary: summary, isCredential: false,
      isReloadable: false,
      write: { options, value, spelling throws(OptionError) in
        switch value {
        case .map(let map): options[keyPath: path] = map
        case .text(let text):
          options[keyPath: path] = try pairs(of: parts(of: text), spelling)
        case .list(let texts):
          options[keyPath: path] = try pairs(of: texts, spelling)
        }
      },
      read: { .map($0[keyPath: path]) })
  }

  private static func single(
    _ value: OptionValue, _ spelling: String, _ expected: String
  ) throws(OptionError) -> String {
    switch value {
    case .text(let text): return text
    case .list(let texts):
      guard let text = texts.last, texts.count == 1 else {
        throw .malformed(
          option: spelling, value: texts.joined(separator: ", "), expected: expected)
      }
      return text
    case .map: throw .malformed(option: spelling, value: "{…}", expected: expected)
    }
  }

  private static func parts(of text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: true).map(trimmed)
  }

  private static func pairs(
    of texts: some Sequence<String>, _ spelling: String
  ) throws(OptionError) -> [String: String] {
    var map: [String: String] = [:]
    for text in texts {
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
        throw .malformed(option: spelling, value: text, expected: "key=value")
      }
      map[trimmed(text[..<equals])] = trimmed(text[text.index(after: equals)...])
    }
    return map
  }

  private static func trimmed(_ text: Substring) -> String {
    var rest = text
    while rest.first == " " { rest.removeFirst() }
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
