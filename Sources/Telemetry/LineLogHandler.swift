private import Synchronization

public import Logging

/// Writes log events as single lines: text for people or JSON for machines.
///
/// Lines go to `sink` whole, one call per event. The least level is shared by every logger of the
/// process and can change while it runs (SIGHUP).
public struct LineLogHandler: LogHandler {
  /// How an event becomes a line.
  public enum Format: Sendable {
    case text, json
  }

  /// The least level that is written, for all loggers of a process.
  public final class Threshold: Sendable {
    /// Index in `Logger.Level.allCases`.
    private let index: Atomic<Int>

    public init(_ level: Logger.Level) { index = Atomic(Self.index(of: level)) }

    public var level: Logger.Level {
      get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
      set { index.store(Self.index(of: newValue), ordering: .relaxed) }
    }

    private static func index(of level: Logger.Level) -> Int {
      Logger.Level.allCases.firstIndex(of: level) ?? 0
    }
  }

  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  private var ownLevel: Logger.Level?
  private let label: String
  private let format: Format
  private let threshold: Threshold
  private let clock: @Sendable () -> WallTime
  private let sink: @Sendable (String) -> Void

  /// - Parameters:
  ///   - clock: The time of an event.
  ///   - sink: Takes one line with its line feed; called from any thread.
  public init(
    label: String, format: Format, threshold: Threshold,
    clock: @escaping @Sendable () -> WallTime = { WallTime.now() },
    sink: @escaping @Sendable (String) -> Void
  ) {
    self.label = label
    self.format = format
    self.threshold = threshold
    self.clock = clock
    self.sink = sink
  }

  /// A level set for one logger alone is stronger than that of the process.
  public var logLevel: Logger.Level {
    get { ownLevel ?? threshold.level }
    set { ownLevel = newValue }
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
    if let own = event.metadata { all.merge(own) { _, new in new } }
    if let error = event.error { all["error"] = .string("\(error)") }
    let fields = all.sorted { $0.key < $1.key }
    switch format {
    case .text: sink(textLine(event, fields))
    case .json: sink(jsonLine(event, fields))
    }
  }

  private func textLine(
    _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)]
  ) -> String {
    var line = "\(clock().iso8601) \(event.level.rawValue.uppercased()) \(label): "
    line += Self.printable(event.message.description)
    for (key, value) in fields { line += " \(key)=\(Self.textValue(value.description))" }
    return line + "\n"
  }

  private func jsonLine(
    _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)]
  ) -> String {
    var line = "{\"time\":\"\(clock().iso8601)\",\"level\":\"\(event.level.rawValue)\""
    line += ",\"logger\":\(JSONText.quoted(label))"
    line += ",\"message\":\(JSONText.quoted(event.message.description))"
    let taken: Set<String> = ["time", "level", "logger", "message"]
    for (key, value) in fields {
      line += ",\(JSONText.quoted(taken.contains(key) ? key + "_" : key)):\(Self.jsonValue(value))"
    }
    return line + "}\n"
  }

  private static func jsonValue(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .string(let text): return JSONText.quoted(text)
    case .stringConvertible(let value):
      if let number = value as? any BinaryInteger { return number.description }
      if let flag = value as? Bool { return flag ? "true" : "false" }
      return JSONText.quoted(value.description)
    case .array(let values): return "[" + values.map(jsonValue).joined(separator: ",") + "]"
    case .dictionary(let map):
      let pairs = map.sorted { $0.key < $1.key }
        .map { "\(JSONText.quoted($0.key)):\(jsonValue($0.value))" }
      return "{" + pairs.joined(separator: ",") + "}"
    }
  }

  private static func textValue(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x7F }
    return isPlain ? text : JSONText.quoted(text)
  }

  /// The text without control characters: an event is one line, whoever wrote its parts.
  private static func printable(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
  }
}
