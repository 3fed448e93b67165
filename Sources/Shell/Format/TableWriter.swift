internal import Columnar

/// Draws a table with borders, the names and types of the columns and the number of rows.
///
/// With a limit on rows the first and the last half of them are shown. Without one, the first
/// ``sampleRowCount`` rows decide how wide the columns are; later values that are wider push the border out,
/// so that a result of any length is written in little memory.
struct TableWriter: ResultWriter {
  static let sampleRowCount = 5_000

  private let settings: WriterSettings
  private var schema = Schema()
  private var rows: [[String]] = []
  private var layout: TableLayout?
  private var rowCount = 0
  /// The last batches, enough for the rows that are shown at the end.
  private var tail: [Batch] = []

  init(settings: WriterSettings) { self.settings = settings }

  mutating func begin(_ schema: Schema, to output: Output) { self.schema = schema }

  mutating func write(_ batch: Batch, to output: Output) throws(ShellFailure) {
    rowCount += batch.rowCount
    let limit = settings.maxRowCount ?? Self.sampleRowCount
    var row = 0
    while row < batch.rowCount && rows.count < limit {
      rows.append(Self.cells(of: batch, row))
      row += 1
    }
    if settings.maxRowCount != nil {
      keepTail(batch)
    } else if row < batch.rowCount {
      let layout = try head(to: output)
      while row < batch.rowCount {
        try output.write(layout.line(Self.cells(of: batch, row)))
        row += 1
      }
    }
  }

  mutating func end(to output: Output) throws(ShellFailure) {
    if let limit = settings.maxRowCount, rowCount > limit {
      try endCut(limit, to: output)
    } else {
      let layout = try head(to: output)
      try output.write(layout.rule(.bottom))
    }
    try output.write(footer)
  }

  /// Writes the header and the rows kept so far, once.
  private mutating func head(to output: Output) throws(ShellFailure) -> TableLayout {
    if let layout { return layout }
    let layout = TableLayout(schema: schema, rows: rows, lineWidth: settings.lineWidth)
    self.layout = layout
    try output.write(layout.header)
    for row in rows { try output.write(layout.line(row)) }
    rows = []
    return layout
  }

  private mutating func endCut(_ limit: Int, to output: Output) throws(ShellFailure) {
    let tailCount = limit / 2
    let first = Array(rows.prefix(limit - tailCount))
    let last = tailRows(tailCount)
    let layout = TableLayout(schema: schema, rows: first + last, lineWidth: settings.lineWidth)
    try output.write(layout.header)
    for row in first { try output.write(layout.line(row)) }
    let dots = Array(repeating: "·", count: schema.fields.count)
    for _ in 0..<3 { try output.write(layout.line(dots)) }
    for row in last { try output.write(layout.line(row)) }
    try output.write(layout.rule(.bottom))
  }

  private mutating func keepTail(_ batch: Batch) {
    guard let limit = settings.maxRowCount, batch.rowCount > 0 else { return }
    tail.append(batch)
    var kept = tail.reduce(0) { $0 + $1.rowCount }
    while let first = tail.first, kept - first.rowCount >= limit / 2 {
      kept -= first.rowCount
      tail.removeFirst()
    }
  }

  private func tailRows(_ count: Int) -> [[String]] {
    var skip = max(0, tail.reduce(0) { $0 + $1.rowCount } - count)
    var rows: [[String]] = []
    for batch in tail {
      let start = min(skip, batch.rowCount)
      skip -= start
      for row in start..<batch.rowCount { rows.append(Self.cells(of: batch, row)) }
    }
    return rows
  }

  private var footer: String {
    var text = "\(grouped(rowCount)) \(rowCount == 1 ? "row" : "rows")"
    if let limit = settings.maxRowCount, rowCount > limit { text += " (\(grouped(limit)) shown)" }
    return text + "\n"
  }

  static func cells(of batch: Batch, _ row: Int) -> [String] {
    batch.columns.map { TextWidth.visible($0.string(at: row) ?? "NULL") }
  }
}
