internal import Columnar

/// Writes rows of a query without end: one a line, as JSON, as soon as they come. A column that is JSON
/// already, as streams without columns have it, is written as it is.
struct PushedRowsWriter: ResultWriter {
  private var isRow = false
  private var lines = JSONWriter(isLines: true)

  mutating func begin(_ schema: Schema, to output: Output) throws(ShellFailure) {
    isRow = schema.fields.count == 1 && schema.fields[0].name == "row"
    try lines.begin(schema, to: output)
  }

  mutating func write(_ batch: Batch, to output: Output) throws(ShellFailure) {
    if isRow {
      for row in 0..<batch.rowCount {
        try output.write((batch.columns[0].string(at: row) ?? "null") + "\n")
      }
    } else {
      try lines.write(batch, to: output)
    }
    try output.flush()
  }

  mutating func end(to output: Output) throws(ShellFailure) { try output.flush() }
}
