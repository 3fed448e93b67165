public import Columnar

/// Writes one result in one format.
///
/// `begin`, any number of `write`, `end`, in this order; text and bytes go to the output as they come, except
/// where a format must see more before it can write.
public protocol ResultWriter {
  mutating func begin(_ schema: Schema, to output: Output) throws(ShellFailure)
  mutating func write(_ batch: Batch, to output: Output) throws(ShellFailure)
  mutating func end(to output: Output) throws(ShellFailure)
}

/// The formats that `--format` knows.
public enum OutputFormat: String, Hashable, Sendable, CaseIterable {
  case table, csv, json, jsonl, markdown, arrow
}

/// What a writer needs to know of the place it writes to.
public struct WriterSettings: Hashable, Sendable {
  public var format: OutputFormat
  /// One line per value instead of one per row (`\x`).
  public var isExpanded = false
  /// Cells of a line; nil means as many as needed.
  public var lineWidth: Int?
  /// Rows of a table that are shown; nil means all.
  public var maxRowCount: Int?

  public init(format: OutputFormat = .table) { self.format = format }

  public func makeWriter() -> any ResultWriter {
    switch format {
    case .table:
      if isExpanded { ExpandedWriter(lineWidth: lineWidth) } else { TableWriter(settings: self) }
    case .csv: CSVWriter()
    case .json: JSONWriter(isLines: false)
    case .jsonl: JSONWriter(isLines: true)
    case .markdown: MarkdownWriter()
    case .arrow: ArrowWriter()
    }
  }
}

/// A number with its thousands apart: `1,234,567`.
func grouped(_ number: Int) -> String {
  let digits = Array(String(number.magnitude))
  var text = ""
  for (index, digit) in digits.enumerated() {
    if index > 0 && (digits.count - index) % 3 == 0 { text += "," }
    text.append(digit)
  }
  return number < 0 ? "-" + text : text
}
