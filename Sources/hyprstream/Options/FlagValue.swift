internal import ArgumentParser
internal import Settings

/// A flag as it was given, or not.
struct FlagValue {
  let value: OptionValue?

  init(_ text: String?) { value = text.map { .text($0) } }
  init(_ flag: Bool?) { value = flag.map { .text($0 ? "true" : "false") } }
  /// Given several times, a list goes on; commas separate as well.
  init(_ texts: [String]) { value = texts.isEmpty ? nil : .text(texts.joined(separator: ",")) }
}

func collect(_ flags: [(name: String, flag: FlagValue)]) -> [String: OptionValue] {
  var given: [String: OptionValue] = [:]
  for (name, flag) in flags { given[name] = flag.value }
  return given
}

/// The text of an option in `--help`: its sentence and its default.
func flagHelp(_ name: String) -> ArgumentHelp {
  guard let option = OptionTable.option(named: name) else { return ArgumentHelp("") }
  var text = option.summary
  switch option.value(in: ServerOptions()) {
  case .text(let value) where !value.isEmpty && option.kind != .flag:
    text += " (default: \(value))"
  default: break
  }
  if OptionTable.inert.contains(name) { text += " (not acted on yet)" }
  return ArgumentHelp(stringLiteral: text).named(valueNames[name] ?? valueName(of: option.kind))
}

/// Where the kind of an option says too little about its value.
private let valueNames = [
  "host": "address", "data-dir": "folder", "spool-dir": "folder", "extension-dir": "folder",
  "allowed-directories": "folder", "tier-locations": "place", "duckdb-library": "file",
  "load-extensions": "name",
  "engine-connection": "uri", "engine-username": "name", "engine-password": "password",
]

private func valueName(of kind: ServerOption.Kind) -> String {
  switch kind {
  case .text: "text"
  case .integer: "number"
  case .byteCount: "size"
  case .duration: "time"
  case .flag: "true|false"
  case .choice(let names): names.joined(separator: "|")
  case .list: "path"
  case .map: "key=value"
  }
}

extension ArgumentHelp {
  fileprivate func named(_ valueName: String) -> ArgumentHelp {
    ArgumentHelp(abstract, valueName: valueName)
  }
}
