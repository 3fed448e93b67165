internal import Columnar
internal import Dataflow
internal import Log

/// Where the columns are, in batches of one version, from which running aggregates are made.
struct RunningStage: Sendable {
  private let keys: [Int]
  private let time: Int
  private let values: [Int]
  /// For each value column: sum, average, count.
  private let outputs: [[Int]]
  private let window: RunningWindow

  init?(_ definition: StreamDefinition, _ schema: Schema) {
    let running = definition.options.running
    func place(_ name: String) -> Int? {
      schema.fields.firstIndex { $0.name.lowercased() == name.lowercased() }
    }
    guard running.isOn, let time = definition.runningTimeColumn.flatMap({ place($0.field.name) })
    else { return nil }
    self.time = time
    keys = running.keys.compactMap(place)
    values = running.values.compactMap(place)
    outputs = running.values.map { RunningOptions.columnNames(of: $0).compactMap(place) }
    window = running.window
    guard keys.count == running.keys.count, values.count == running.values.count,
      outputs.allSatisfy({ $0.count == 3 })
    else { return nil }
  }

  func times(of batch: Batch) -> Column { batch.columns[time].inMicroseconds }

  /// What the aggregates need of a batch.
  func rows(of batch: Batch) -> RunningRows {
    RunningRows(
      keys: keys.map { batch.columns[$0] }, times: times(of: batch),
      values: values.map { batch.columns[$0] }, window: window)
  }

  /// The batch with its running columns, except where a row has brought them.
  func filled(_ batch: Batch, with running: RunningColumns) -> Batch {
    var columns = batch.columns
    for (value, places) in outputs.enumerated() {
      for (place, computed) in zip(places, running.columns(ofValue: value)) {
        columns[place] = columns[place].filled(with: computed)
      }
    }
    return Batch(
      schema: batch.schema, columns: columns, rowCount: batch.rowCount, metadata: batch.metadata)
  }
}

extension RunningStage {
  /// Rows that lie together and are late or not.
  struct Part {
    var rows: Range<Int>
    var isLate: Bool
  }

  /// Tells late rows from the others: their window had ended long before the newest time so far.
  func parts(of batch: Batch, _ options: RunningOptions, newest: inout Int64?) -> [Part] {
    let times = times(of: batch)
    guard times.buffers.count > 1 else { return [Part(rows: 0..<batch.rowCount, isLate: false)] }
    let buffer = times.buffers[1]
    let values = buffer.values(as: Int64.self)
    var parts: [Part] = []
    for row in 0..<batch.rowCount {
      var isLate = false
      if times.nullCount == 0 || !times.isNull(at: row) {
        let end = window.start(of: values[row]).addingReportingOverflow(
          options.windowMicroseconds + options.latenessMicroseconds)
        if let newest, !end.overflow { isLate = end.partialValue <= newest }
        newest = max(newest ?? .min, values[row])
      }
      if let last = parts.last, last.isLate == isLate {
        parts[parts.count - 1].rows = last.rows.lowerBound..<(row + 1)
      } else {
        parts.append(Part(rows: row..<(row + 1), isLate: isLate))
      }
    }
    return parts
  }
}

extension Column {
  /// Timestamps in microseconds.
  fileprivate var inMicroseconds: Column {
    guard case .timestamp(let unit, let zone) = type, buffers.count == 2 else { return self }
    let buffer = buffers[1]
    let values = buffer.values(as: Int64.self)
    let scaled: [Int64]
    switch unit {
    case .microsecond: return self
    case .second: scaled = (0..<count).map { values[$0].scaled(by: 1_000_000) }
    case .millisecond: scaled = (0..<count).map { values[$0].scaled(by: 1_000) }
    case .nanosecond: scaled = (0..<count).map { values[$0].flooredDivision(by: 1_000) }
    }
    return Column(
      type: .timestamp(.microsecond, timeZone: zone), count: count, nullCount: nullCount,
      buffers: [buffers[0], Buffer(copying: scaled)])
  }

  /// The values, and those of another column of the same type where they are NULL.
  fileprivate func filled(with other: Column) -> Column {
    if nullCount == count || buffers.count < 2 { return other }
    if nullCount == 0 { return self }
    if type == .int64 {
      return .int64s((0..<count).map { number($0, Int64.self) ?? other.number($0, Int64.self) })
    }
    return .doubles((0..<count).map { number($0, Double.self) ?? other.number($0, Double.self) })
  }

  private func number<Value: BitwiseCopyable>(_ row: Int, _ type: Value.Type) -> Value? {
    guard !isNull(at: row) else { return nil }
    let buffer = buffers[1]
    return buffer.values(as: type)[row]
  }
}

extension Int64 {
  fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
    let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? quotient - 1 : quotient
  }
}
