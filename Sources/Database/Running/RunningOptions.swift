internal import Columnar
internal import Dataflow
internal import SQL

/// Running aggregates of a stream, as its options say: what is summed, by what, in which windows.
struct RunningOptions: Sendable, Hashable {
  /// What becomes of a row whose window is long past.
  enum Late: String, Sendable {
    /// It counts in its window, whose state is read from the log again.
    case reload
    /// It goes to `<stream>.late`.
    case separate
  }

  /// One of the views with fixed windows.
  struct View: Sendable, Hashable {
    /// As it was written: what stands behind the name of the stream.
    var suffix: String
    var microseconds: Int64
  }

  /// Columns of numbers; empty for a stream without running aggregates.
  var values: [String] = []
  var keys: [String] = []
  /// The column with the time of a row; nil takes that of the watermark, or the only one there is.
  var time: String?
  var windowMicroseconds: Int64 = 300_000_000
  var views: [View] = []
  var late = Late.reload
  /// How long after the newest time in the stream a window ends until its rows are late.
  var latenessMicroseconds: Int64 = 3_600_000_000

  var isOn: Bool { !values.isEmpty }
  var window: RunningWindow { RunningWindow(microseconds: windowMicroseconds) }

  static let names = [
    "running", "running_key", "running_time", "running_window", "windows", "late",
    "allowed_lateness",
  ]

  /// The names of the columns that come with a value column.
  static func columnNames(of value: String) -> [String] {
    ["sum", "avg", "count"].map { "\(value)_running_window_\($0)" }
  }

  /// All columns that are computed.
  var columnNames: [String] { values.flatMap { Self.columnNames(of: $0) } }

  func isComputed(_ name: String) -> Bool {
    isOn && columnNames.contains { $0.lowercased() == name.lowercased() }
  }

  /// Whether the aggregates are made from a column.
  func uses(_ name: String) -> Bool {
    isOn
      && (values + keys + (time.map { [$0] } ?? [])).contains {
        $0.lowercased() == name.lowercased()
      }
  }

  /// - Returns: Whether there is such an option.
  mutating func set(
    _ name: String, _ value: String, at position: SourcePosition?
  ) throws(SQLError) -> Bool {
    func refuse(_ what: String) -> SQLError {
      SQLError("the option \(name) takes \(what), not '\(value)'", at: position)
    }
    switch name {
    case "running": values = Self.list(value)
    case "running_key": keys = Self.list(value)
    case "running_time": time = value.trimmed
    case "running_window":
      guard let length = DurationText.microseconds(value), length > 0 else {
        throw refuse("a duration as '5 minutes'")
      }
      windowMicroseconds = length
    case "windows":
      views = try Self.list(value).map { (text) throws(SQLError) in
        guard let length = DurationText.microseconds(text), length > 0 else {
          throw refuse("durations as '5m,1h,1d'")
        }
        return View(suffix: text.filter { !$0.isWhitespace }.lowercased(), microseconds: length)
      }
    case "late":
      guard let chosen = Late(rawValue: value.lowercased()) else {
        throw refuse("reload or separate")
      }
      late = chosen
    case "allowed_lateness":
      guard let length = DurationText.microseconds(value) else {
        throw refuse("a duration as '1 hour'")
      }
      latenessMicroseconds = length
    default: return false
    }
    return true
  }

  private static func list(_ text: String) -> [String] {
    text.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
  }
}

extension String {
  fileprivate var trimmed: String {
    var rest = self[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest)
  }
}

// MARK: - With the columns of a stream

extension StreamDefinition {
  /// The column with the time of a row.
  var runningTimeColumn: Column? {
    let running = options.running
    guard running.isOn else { return nil }
    if let name = running.time ?? watermark?.column { return column(named: name) }
    let times = current.columns.filter(\.field.type.isTimestamp)
    return times.count == 1 ? times[0] : nil
  }

  /// Adds the columns that are computed, and checks what they are made of.
  mutating func addRunningColumns() throws(DatabaseError) {
    let running = options.running
    guard running.isOn else {
      guard running.keys.isEmpty, running.views.isEmpty else {
        throw refusal("running_key and windows need to know what is summed: running = 'value'")
      }
      return
    }
    guard !options.isSchemaless else {
      throw refusal("running needs columns of fixed types: name them in CREATE STREAM")
    }
    try checkRunning()
    for value in running.values {
      let types: [(DataType, String)] = [
        (.float64, "DOUBLE"), (.float64, "DOUBLE"), (.int64, "BIGINT"),
      ]
      for (name, type) in zip(RunningOptions.columnNames(of: value), types) {
        if let there = column(named: name) {
          guard there.field.type == type.0, there.field.isNullable else {
            throw refusal("the column '\(name)' is computed: it is \(type.1) and takes NULL")
          }
          continue
        }
        versions[versions.count - 1].columns.append(
          Column(id: nextColumnID, field: Field(name, type.0), sqlType: type.1))
      }
    }
  }

  private func checkRunning() throws(DatabaseError) {
    let running = options.running
    for name in running.values {
      guard let column = column(named: name) else { throw noColumn(name) }
      guard Columnar.Column.isNumber(column.field.type) else {
        throw refusal("running sums numbers, and '\(name)' is \(column.sqlType)")
      }
    }
    guard !running.keys.isEmpty else {
      throw refusal("running needs running_key, the column that tells the sums apart")
    }
    for name in running.keys {
      guard let column = column(named: name) else { throw noColumn(name) }
      guard RunningKeys.takes(column.field.type) else {
        throw refusal("running_key takes no \(column.sqlType) ('\(name)')")
      }
    }
    if let name = running.time, column(named: name) == nil { throw noColumn(name) }
    guard let time = runningTimeColumn, time.field.type.isTimestamp else {
      throw refusal(
        "running needs a column with the time of a row: running_time = 'column', or WATERMARK FOR")
    }
  }

  private func refusal(_ what: String) -> DatabaseError {
    DatabaseError(.invalidArgument, "the stream \(qualifiedName): \(what)")
  }

  /// The columns that a row brings if it does not name them: all, or all but those that are computed.
  func columns(ofValueCount count: Int) throws(DatabaseError) -> [String] {
    let all = current.columns.map(\.field.name)
    let given = all.filter { !options.running.isComputed($0) }
    if count == given.count { return given }
    if count == all.count { return all }
    throw DatabaseError(
      .invalidArgument,
      "\(qualifiedName) takes \(given.count) values (\(given.joined(separator: ", "))) or "
        + "\(all.count) (with the running columns), not \(count)")
  }
}

// MARK: - When a stream is altered

extension AlterStream {
  var isOfColumns: Bool {
    switch self {
    case .addColumn, .renameColumn, .setType: true
    default: false
    }
  }
}

extension StreamDefinition {
  /// Columns that running aggregates use stay as they are: their state is kept by the bytes of the keys.
  func checkRunning(_ change: AlterStream) throws(DatabaseError) {
    let running = options.running
    switch change {
    case .renameColumn(let name, _), .setType(let name, _):
      guard
        running.isComputed(name) || running.uses(name)
          || running.isOn && runningTimeColumn?.field.name.lowercased() == name.lowercased()
      else { return }
      throw refusal("column '\(name)' belongs to its running aggregates and cannot be changed")
    case .setWatermark(let watermark):
      // Windows are found again by the times that the log knows.
      guard running.isOn,
        runningTimeColumn?.field.name.lowercased() != watermark.column.lowercased()
      else { return }
      throw refusal("its running aggregates follow '\(runningTimeColumn?.field.name ?? "")'")
    default: return
    }
  }

  /// What is summed by what is said when a stream is made.
  func checkRunning(since before: RunningOptions) throws(DatabaseError) {
    let running = options.running
    guard
      running.values != before.values || running.keys != before.keys
        || running.time != before.time
    else { return }
    throw refusal("running, running_key and running_time are given in CREATE STREAM only")
  }
}

extension DataType {
  var isTimestamp: Bool {
    if case .timestamp = self { return true }
    return false
  }
}

extension Batch {
  /// Without some of the columns.
  func without(_ isLeftOut: (String) -> Bool) -> Batch {
    let kept = schema.fields.indices.filter { !isLeftOut(schema.fields[$0].name) }
    return Batch(
      schema: Schema(kept.map { schema.fields[$0] }), columns: kept.map { columns[$0] },
      rowCount: rowCount)
  }
}
