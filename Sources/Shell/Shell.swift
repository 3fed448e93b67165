internal import Columnar
private import Glibc
internal import SQL

/// Runs statements against a connection and writes what comes back.
///
/// Used by one task. Results go to ``Output``, everything said to the person to standard error, so that a pipe
/// sees results only.
public final class Shell {
  private let connection: any ShellConnection
  private let interrupts: Interrupts
  private let isInteractive: Bool
  private let isErrorTerminal = isatty(STDERR_FILENO) == 1
  private var output: Output
  private var settings: WriterSettings
  private var showsTime: Bool
  private var maxRowCount: Int

  /// - Parameter isInteractive: Whether a person types: long and wide tables are cut, times shown.
  public init(
    connection: any ShellConnection, interrupts: Interrupts, settings: WriterSettings,
    isInteractive: Bool, output: Output = .standard()
  ) {
    self.connection = connection
    self.interrupts = interrupts
    self.settings = settings
    self.isInteractive = isInteractive
    self.output = output
    showsTime = isInteractive
    maxRowCount = isInteractive ? 40 : 0
  }

  /// Runs the statements of a text until one fails.
  ///
  /// - Returns: Whether all went well.
  public func run(_ text: String) async throws(ShellFailure) -> Bool {
    if MetaCommand.isCommand(text) { return try await runCommand(text) == .goesOn }
    var buffer = StatementBuffer()
    for statement in buffer.add(line: text) + buffer.takeRest() {
      guard try await runStatement(statement) else { return false }
    }
    return true
  }

  /// Reads lines and runs what they hold until the input ends.
  ///
  /// - Returns: Whether all went well. With a person at the keyboard a mistake ends nothing.
  public func runAll(from reader: any LineReader) async throws(ShellFailure) -> Bool {
    var buffer = StatementBuffer()
    if isInteractive { Completion.refresh(reader, from: connection) }
    while true {
      switch await reader.read(prompt: buffer.isEmpty ? "hyprstream> " : "         -> ") {
      case .end:
        if isInteractive { say("") }
        for statement in buffer.takeRest() {
          guard try await runStatement(statement) || isInteractive else { return false }
        }
        return true
      case .interrupted:
        say("^C")
        buffer.clear()
      case .line(let line):
        if buffer.isEmpty ? MetaCommand.isCommand(line) : buffer.admitsCommand(line) {
          reader.remember(line)
          switch try await runCommand(line) {
          case .ends: return true
          case .failed where !isInteractive: return false
          default: continue
          }
        }
        let whole = buffer.text + line
        let statements = buffer.add(line: line)
        if !statements.isEmpty { remember(whole, statements, reader) }
        for statement in statements {
          guard try await runStatement(statement) || isInteractive else { return false }
          if isInteractive && Completion.isAffected(by: statement) {
            Completion.refresh(reader, from: connection)
          }
        }
      }
    }
  }

  /// Keeps statements as single lines, unless a comment to the end of a line makes that another statement,
  /// or a space in front asks for none.
  private func remember(_ whole: String, _ statements: [String], _ reader: any LineReader) {
    guard !whole.hasPrefix(" ") else { return }
    for statement in statements {
      let isPlain = !statement.contains("--") && !statement.contains("'")
      let lines = statement.split(separator: "\n")
      guard lines.count > 1 else {
        reader.remember(statement + ";")
        continue
      }
      if isPlain {
        reader.remember(lines.joined(separator: " ") + ";")
      } else {
        for line in lines { reader.remember(String(line)) }
      }
    }
  }

  // MARK: Statements

  /// - Parameter ifEmpty: What to say instead of showing a table without rows.
  private func runStatement(
    _ sql: String, ifEmpty: String? = nil
  ) async throws(ShellFailure) -> Bool {
    let start = ContinuousClock.now
    interrupts.reset()
    let progress = Progress(isShown: isErrorTerminal && isInteractive)
    do {
      let connection = connection
      let result = try await interrupts.cancelling { try await connection.run(sql) }
      switch result {
      case .changed(let rowCount):
        await progress.stop()
        if settings.format == .table { try output.write(Self.summary(sql, rowCount)) }
      case .rows(let rows) where Self.isEndless(sql):
        await progress.stop()
        try await writePushed(rows)
      case .rows(let rows): try await write(rows, progress, ifEmpty: ifEmpty)
      }
      await progress.stop()
      try output.flush()
      if showsTime { say(Self.text(time: ContinuousClock.now - start)) }
      return true
    } catch {
      await progress.stop()
      try output.flush()
      if case ShellFailure.outputClosed = error { throw .outputClosed }
      return report(error, sql)
    }
  }

  /// How many rows a statement changed, if it is one that changes rows; `ok` for all others.
  private static func summary(_ sql: String, _ rowCount: Int?) -> String {
    let verb = sql.prefix { $0.isLetter }.uppercased()
    guard let rowCount, ["INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "WITH"].contains(verb)
    else {
      return "ok\n"
    }
    return "\(grouped(rowCount)) \(rowCount == 1 ? "row" : "rows") changed\n"
  }

  /// Whether the rows of a statement have no end.
  private static func isEndless(_ sql: String) -> Bool {
    guard let statement = try? StatementText.single(sql) else { return false }
    switch try? StreamingParser.parse(statement) {
    case .emitChanges, .subscribe: return true
    default: return false
    }
  }

  /// Shows rows as they come, until Ctrl-C or the end of the query.
  private func writePushed(_ rows: ShellRows) async throws {
    var writer: any ResultWriter =
      settings.format == .table ? PushedRowsWriter() : settings.makeWriter()
    try writer.begin(rows.schema, to: output)
    let next = rows.next
    while let batch = try await interrupts.cancelling({ try await next() }) {
      try writer.write(batch, to: output)
      try output.flush()
    }
    try writer.end(to: output)
  }

  private func write(
    _ rows: ShellRows, _ progress: Progress, ifEmpty: String?
  ) async throws {
    if settings.format == .arrow && output.isTerminal {
      throw ShellFailure.command("Arrow is no text: send it to a file with \\o FILE, or to a pipe")
    }
    var settings = settings
    if isInteractive && output.isTerminal {
      settings.lineWidth = output.lineWidth
    }
    settings.maxRowCount = maxRowCount == 0 ? nil : maxRowCount
    var writer = settings.makeWriter()
    let news = isErrorTerminal && isInteractive ? progress.follow(rows) : nil
    defer { news?.cancel() }
    let next = rows.next
    var batch = try await interrupts.cancelling { try await next() }
    while let empty = batch, empty.rowCount == 0 {
      batch = try await interrupts.cancelling { try await next() }
    }
    if let ifEmpty, batch == nil {
      await progress.stop()
      return say(ifEmpty)
    }
    try writer.begin(rows.schema, to: output)
    while let current = batch {
      if interrupts.isInterrupted { throw ShellFailure.interrupted }
      progress.add(rowCount: current.rowCount)
      try writer.write(current, to: output)
      batch = try await interrupts.cancelling { try await next() }
    }
    await progress.stop()
    try writer.end(to: output)
  }

  /// Says what went wrong, with a mark under the place if it is known.
  private func report(_ error: any Error, _ sql: String) -> Bool {
    if interrupts.isInterrupted || error is CancellationError {
      say("interrupted")
      return false
    }
    let failure = error as? ShellFailure ?? .connection("\(error)")
    say("error: \(failure)")
    if case .statement(let message, let byteOffset?) = failure, !message.contains("\n") {
      say(Caret.text(under: byteOffset, in: sql))
    }
    return false
  }

  // MARK: Commands

  private enum CommandResult {
    case goesOn, failed, ends
  }

  private func runCommand(_ line: String) async throws(ShellFailure) -> CommandResult {
    do {
      switch try MetaCommand(line) {
      case .quit: return .ends
      case .help: say(MetaCommand.helpText)
      case .relations(let tablesOnly):
        return try await table(
          CatalogQueries.relations(tablesOnly: tablesOnly),
          ifEmpty: tablesOnly ? "there are no tables" : "there are no tables and views")
      case .columns(let name):
        return try await table(
          CatalogQueries.columns(of: name), ifEmpty: "there is no table or view \(name)")
      case .databases:
        return try await table(CatalogQueries.databases, ifEmpty: "there are no databases")
      case .timing(let flag):
        showsTime = flag ?? !showsTime
        say("times are \(showsTime ? "shown" : "not shown")")
      case .expanded(let flag):
        settings.isExpanded = flag ?? !settings.isExpanded
        say(settings.isExpanded ? "one line per value" : "one line per row")
      case .format(let format):
        if let format { settings.format = format }
        say("the format is \(settings.format.rawValue)")
      case .output(let path):
        try output.flush()
        output = try path.map { path throws(ShellFailure) in try Output(path: path) } ?? .standard()
      case .rows(let count):
        if let count { maxRowCount = count }
        say(maxRowCount == 0 ? "all rows are shown" : "\(maxRowCount) rows are shown")
      }
      return .goesOn
    } catch .outputClosed {
      throw .outputClosed
    } catch {
      say("error: \(error)")
      return .failed
    }
  }

  /// The answer of a command, always as a table.
  ///
  /// - Parameter ifEmpty: What to say instead of showing a table without rows.
  private func table(
    _ sql: String, ifEmpty: String
  ) async throws(ShellFailure) -> CommandResult {
    let (format, limit) = (settings.format, maxRowCount)
    defer {
      settings.format = format
      maxRowCount = limit
    }
    settings.format = .table
    maxRowCount = 0
    return try await runStatement(sql, ifEmpty: ifEmpty) ? .goesOn : .failed
  }

  private func say(_ text: String) {
    let bytes = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
    unsafe bytes.withUnsafeBytes { buffer in
      unsafe _ = Glibc.write(STDERR_FILENO, buffer.baseAddress, buffer.count)
    }
  }

  static func text(time: Duration) -> String {
    let (seconds, attoseconds) = time.components
    let microseconds = attoseconds / 1_000_000_000_000
    if seconds >= 60 {
      return "Time: \(seconds / 60) min \(seconds % 60).\(microseconds / 100_000) s"
    }
    if seconds > 0 { return "Time: \(seconds).\(padded(microseconds / 1_000, to: 3)) s" }
    return "Time: \(microseconds / 1_000).\(padded(microseconds % 1_000, to: 3)) ms"
  }

  private static func padded(_ number: Int64, to count: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
  }
}

/// The line of a statement that an error is about, with a mark under the place.
enum Caret {
  static func text(under byteOffset: Int, in sql: String) -> String {
    let bytes = Array(sql.utf8)
    let offset = min(max(0, byteOffset), bytes.count)
    let start = bytes[..<offset].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let end = bytes[offset...].firstIndex(of: 0x0A) ?? bytes.count
    let before = TextWidth.visible(String(decoding: bytes[start..<offset], as: UTF8.self))
    let after = TextWidth.visible(String(decoding: bytes[offset..<end], as: UTF8.self))
    // A long line is cut so that the place is in sight.
    let shown = TextWidth.of(before) > 60 ? "…" + String(before.suffix(50)) : before
    let line = "LINE \(bytes[..<offset].count { $0 == 0x0A } + 1): "
    let spaces = line.count + TextWidth.of(shown)
    return line + shown + TextWidth.cut(after, to: 60) + "\n"
      + String(repeating: " ", count: spaces) + "^"
  }
}
