internal import Columnar

/// One block per row, one line per value.
struct ExpandedWriter: ResultWriter {
  let lineWidth: Int?
  private var names: [String] = []
  private var nameWidth = 0
  private var rowCount = 0

  init(lineWidth: Int?) { self.lineWidth = lineWidth }

  mutating func begin(_ schema: Schema, to output: Output) {
    names = schema.fields.map { TextWidth.visible($0.name) }
    nameWidth = names.map(TextWidth.of).max() ?? 0
  }

  mutating func write(_ batch: Batch, to output: Output) throws(ShellFailure) {
    for row in 0..<batch.rowCount {
      rowCount += 1
      let title = "─[ row \(rowCount) ]"
      try output.write(TextWidth.pad(title, to: 10) + String(repeating: "─", count: 30) + "\n")
      for (name, cell) in zip(names, TableWriter.cells(of: batch, row)) {
        try output.write("\(TextWidth.pad(name, to: nameWidth)) │ \(cell)\n")
      }
    }
  }

  func end(to output: Output) throws(ShellFailure) {
    try output.write("\(grouped(rowCount)) \(rowCount == 1 ? "row" : "rows")\n")
  }
}

/// Comma-separated values with a header: RFC 4180, lines ended by a line feed.
///
/// Null is nothing between the commas, an empty text is `""`.
struct CSVWriter: ResultWriter {
  func begin(_ schema: Schema, to output: Output) throws(ShellFailure) {
    guard !schema.fields.isEmpty else { return }
    try output.write(schema.fields.map { Self.quoted($0.name) }.joined(separator: ",") + "\n")
  }

  func write(_ batch: Batch, to output: Output) throws(ShellFailure) {
    for row in 0..<batch.rowCount {
      var line = ""
      for (index, column) in batch.columns.enumerated() {
        if index > 0 { line += "," }
        if let text = column.string(at: row) { line += Self.quoted(text) }
      }
      // A line that is empty would be no row at all to most readers.
      if line.isEmpty { line = "\"\"" }
      try output.write(line + "\n")
    }
  }

  func end(to output: Output) {}

  private static func quoted(_ text: String) -> String {
    let needsQuotes =
      text.isEmpty || text.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
      || text.first == " " || text.last == " "
    guard needsQuotes else { return text }
    return "\""
      + text.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}

/// A table for Markdown documents.
struct MarkdownWriter: ResultWriter {
  func begin(_ schema: Schema, to output: Output) throws(ShellFailure) {
    guard !schema.fields.isEmpty else { return }
    try output.write(Self.line(schema.fields.map(\.name)))
    let marks = schema.fields.map { TypeNames.isRightAligned($0.type) ? "---:" : "---" }
    try output.write("| " + marks.joined(separator: " | ") + " |\n")
  }

  func write(_ batch: Batch, to output: Output) throws(ShellFailure) {
    for row in 0..<batch.rowCount {
      try output.write(Self.line(batch.columns.map { $0.string(at: row) ?? "NULL" }))
    }
  }

  func end(to output: Output) {}

  private static func line(_ cells: [String]) -> String {
    let cells = cells.map { cell in
      var escaped = ""
      for character in TextWidth.visible(cell) {
        if character == "|" || character == "\\" { escaped.append("\\") }
        escaped.append(character)
      }
      return escaped
    }
    return "| " + cells.joined(separator: " | ") + " |\n"
  }
}

/// An Arrow IPC stream, as any Arrow tool reads it.
struct ArrowWriter: ResultWriter {
  private var encoder: IPCEncoder?

  mutating func begin(_ schema: Schema, to output: Output) throws(ShellFailure) {
    let encoder = IPCEncoder(schema: schema)
    try Self.write(encoder.schemaMessage, to: output)
    self.encoder = encoder
  }

  mutating func write(_ batch: Batch, to output: Output) throws(ShellFailure) {
    let messages: [IPCMessage]
    do throws(IPCError) {
      messages = try encoder?.encode(batch) ?? []
    } catch {
      throw .command("the result cannot be written as an Arrow stream: \(error)")
    }
    for message in messages { try Self.write(message, to: output) }
  }

  func end(to output: Output) throws(ShellFailure) { try output.write(IPCStream.endMarker) }

  private static func write(_ message: IPCMessage, to output: Output) throws(ShellFailure) {
    for piece in IPCStream.pieces(of: message) { try output.write(piece) }
  }
}
