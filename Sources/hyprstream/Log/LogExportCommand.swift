internal import ArgumentParser
private import Columnar
private import Database
private import DuckDB
private import Log
private import SQL

/// `hyprstream log export`.
struct LogExportCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case arrow, parquet }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the rows of a stream as Arrow or Parquet.",
    discussion: """
      arrow is the Arrow IPC stream format, with the types as they were stored. Rows of older versions \
      of the stream are written with the columns that it has now. Parquet needs DuckDB's library, and \
      -o. Checksums are compared on the way; progress goes to standard error.
      """)

  @OptionGroup var folder: LogFolderOption

  @Option(help: ArgumentHelp("The stream; schema.name outside of main.", valueName: "stream"))
  var stream: String

  @Option(help: "arrow or parquet.")
  var format = Format.arrow

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The file to write; without it standard output.", valueName: "file"))
  var output: String?

  @Option(help: ArgumentHelp("The first row.", valueName: "offset"))
  var fromOffset: Int64?

  @Option(help: ArgumentHelp("The row to stop before.", valueName: "offset"))
  var toOffset: Int64?

  @Option(
    name: .customLong("duckdb-library"),
    help: ArgumentHelp("DuckDB's library, if it is not found by itself.", valueName: "file"))
  var library: String?

  func validate() throws {
    if format == .parquet, output == nil {
      throw ValidationError("Parquet is written to a file: name it with -o.")
    }
    if format == .arrow, output == nil, StandardStreams.isOutputTerminal {
      throw ValidationError("Arrow is not for a terminal: name a file with -o, or use a pipe.")
    }
  }

  func run() throws {
    try withLog(folder) { log in
      let streams = try StoredStreams(log, cold: folder.cold(log, library: library))
      let stored = try find(stream, streams)
      let offsets = try range(of: stored)
      switch format {
      case .arrow: try writeArrow(stored, offsets)
      case .parquet: try writeParquet(stored, offsets)
      }
      let rowCount = offsets.upperBound.rawValue - offsets.lowerBound.rawValue
      StandardStreams.complain("exported \(rowCount) rows of \(stored.name)")
    }
  }

  /// What of the stream is wanted. Rows that are gone are an error only if they were asked for.
  private func range(of stored: StoredStream) throws -> Range<Offset> {
    let state = stored.state
    let begin = fromOffset ?? state.start.rawValue
    guard begin >= state.start.rawValue else {
      throw LogCommandFailure(
        "the rows of '\(stored.name)' from offset \(begin) on were removed by retention; the oldest "
          + "that are kept begin at offset \(state.start.rawValue)")
    }
    let end = min(toOffset ?? .max, state.head.rawValue)
    guard begin <= end else {
      throw LogCommandFailure(
        "'\(stored.name)' has no rows from offset \(begin) on; it ends at offset \(end)")
    }
    return Offset(begin)..<Offset(end)
  }

  private func writeArrow(_ stored: StoredStream, _ offsets: Range<Offset>) throws {
    let rows = try stored.rows(in: offsets)
    let file = try OutputFile(output)
    var encoder = IPCEncoder(schema: rows.schema)
    var told = ContinuousClock.now
    try write(encoder.schemaMessage, to: file)
    while let batch = try rows.next() {
      for message in try encoder.encode(batch) { try write(message, to: file) }
      guard ContinuousClock.now - told >= .seconds(1) else { continue }
      told = .now
      StandardStreams.complain(
        "at offset \(rows.offset.rawValue) of \(offsets.upperBound.rawValue)")
    }
    try file.write(Buffer(copying: IPCStream.endMarker))
    try file.close()
  }

  private func write(_ message: IPCMessage, to file: OutputFile) throws {
    for piece in IPCStream.pieces(of: message) { try file.write(piece) }
  }

  private func writeParquet(_ stored: StoredStream, _ offsets: Range<Offset>) throws {
    guard let output else { return }
    let loaded = try library.map { try DuckDBLibrary.load(searching: [$0]) } ?? .load()
    let tables = LiveTables(loaded)
    let id = try tables.add(try stored.table(of: offsets))
    let engine = try DuckDB.Database(loaded)
    try engine.registerLiveTables(tables, function: "stored_stream")
    try engine.connect().execute(
      "COPY (SELECT * FROM stored_stream(\(id))) TO \(stringLiteral(output)) (FORMAT parquet)")
  }
}
