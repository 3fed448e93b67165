public import Configuration
internal import Settings
private import TOMLKit

/// One configuration file in TOML, read once: what each option is set to and how its key was written.
///
/// A source for swift-configuration like its JSON and YAML snapshots. Keys are looked up by an option's
/// name (`max-running`); the file may spell it flat or with tables, see
/// ``OptionTable/option(tomlPath:)``.
public struct TOMLSnapshot: FileConfigSnapshot {
  public struct ParsingOptions: FileParsingOptions {
    public static let `default` = ParsingOptions()

    /// Path of the file, for errors and origins.
    public var path = "configuration"

    public init() {}
  }

  /// One option that the file sets.
  struct Entry: Sendable {
    /// The key as the file writes it, tables joined by dots: `cache.max_bytes`.
    let spelling: String
    let value: OptionValue
  }

  public let providerName: String
  private let entries: [String: Entry]

  /// - Throws: ``OptionError`` when the text is not TOML or sets what does not exist.
  public init(data: RawSpan, providerName: String, parsingOptions: ParsingOptions) throws {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(data.byteCount)
    for index in 0..<data.byteCount {
      bytes.append(unsafe data.unsafeLoad(fromByteOffset: index, as: UInt8.self))
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw OptionError.unreadableFile(
        path: parsingOptions.path, reason: "the file is not UTF-8")
    }
    try self.init(text: text, path: parsingOptions.path)
  }

  init(text: String, path: String) throws(OptionError) {
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      let position = error.source.begin
      throw .unreadableFile(
        path: path,
        reason: "line \(position.line), column \(position.column): \(error.description)")
    } catch {
      throw .unreadableFile(path: path, reason: "the file is not TOML")
    }
    providerName = path
    var found: [String: Entry] = [:]
    try Self.collect(table, under: [], path: path, into: &found)
    entries = found
  }

  /// What the file sets `option` to.
  func entry(for option: ServerOption) -> Entry? { entries[option.name] }

  public func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
    let name = key.components.joined(separator: "-")
    guard let entry = entries[name] else { return LookupResult(encodedKey: name, value: nil) }
    let content: ConfigContent =
      switch entry.value {
      case .text(let text): .string(text)
      case .list(let texts): .stringArray(texts)
      case .map(let map): .stringArray(map.sorted { $0.key < $1.key }.map { "\($0)=\($1)" })
      }
    let isSecret = OptionTable.option(named: name)?.isCredential ?? false
    return LookupResult(
      encodedKey: entry.spelling, value: ConfigValue(content, isSecret: isSecret))
  }

  private static func collect(
    _ table: TOMLTable, under prefix: [String], path: String, into found: inout [String: Entry]
  ) throws(OptionError) {
    for key in table.keys.sorted() {
      guard let value = table[key] else { continue }
      let keyPath = prefix + [key]
      let spelling = keyPath.joined(separator: ".")
      let option = OptionTable.option(tomlPath: keyPath)
      if let inner = value.table, option?.kind != .map {
        try collect(inner, under: keyPath, path: path, into: &found)
        continue
      }
      guard let option else {
        throw .unknownKey(key: spelling, file: path, suggestion: suggestion(for: keyPath))
      }
      let entry = Entry(
        spelling: spelling, value: try optionValue(value, spelling: "\(path): \(spelling)"))
      if let other = found.updateValue(entry, forKey: option.name) {
        throw .conflict(
          option: "\(path): \(spelling)", reason: "already set as \"\(other.spelling)\"")
      }
    }
  }

  private static func suggestion(for path: [String]) -> String? {
    let flat = path.joined(separator: "_")
    let names = OptionTable.all.map(\.tomlName)
    return OptionTable.suggestion(for: flat, among: names)
      ?? path.last.flatMap { OptionTable.suggestion(for: $0, among: names) }
  }

  private static func optionValue(
    _ value: any TOMLValueConvertible, spelling: String
  ) throws(OptionError) -> OptionValue {
    if let table = value.table {
      var map: [String: String] = [:]
      for key in table.keys {
        guard let inner = table[key] else { continue }
        map[key] = try text(inner, spelling: "\(spelling).\(key)")
      }
      return .map(map)
    }
    if let array = value.array {
      var texts: [String] = []
      for index in 0..<array.count {
        texts.append(try text(array[index], spelling: "\(spelling)[\(index)]"))
      }
      return .list(texts)
    }
    return .text(try text(value, spelling: spelling))
  }

  private static func text(
    _ value: any TOMLValueConvertible, spelling: String
  ) throws(OptionError) -> String {
    switch value.type {
    case .string: if let text = value.string { return text }
    case .int: if let number = value.int { return String(number) }
    case .double: if let number = value.double { return String(number) }
    case .bool: if let flag = value.bool { return flag ? "true" : "false" }
    default: break
    }
    throw .malformed(
      option: spelling, value: value.debugDescription, expected: "a text, a number or true/false")
  }
}

extension TOMLSnapshot: CustomStringConvertible, CustomDebugStringConvertible {
  public var description: String { "\(providerName) (\(entries.count) options)" }
  public var debugDescription: String {
    "\(providerName): \(entries.keys.sorted().joined(separator: ", "))"
  }
}
