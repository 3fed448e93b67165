/// Sum and count of numbers per key and fixed window, row after row in the order of arrival.
///
/// The state is one table per window, which holds a sum and a count for each key and no rows. A window
/// whose table is not in memory is *missing*: whoever has the rows folds them into a new one before
/// more rows of that window are added.
public struct RunningAggregates: Sendable {
  private let valueCount: Int
  private let seed: UInt64
  private var tables: [Int64: RunningTable] = [:]
  /// Bytes of memory that the tables take.
  public private(set) var byteCount = 0
  private var batchNumber: UInt32 = 0
  private var batchCount: UInt64 = 0

  /// - Parameters:
  ///   - valueCount: How many columns of numbers there are.
  ///   - seed: Random; results do not depend on it.
  public init(valueCount: Int, seed: UInt64) {
    self.valueCount = valueCount
    self.seed = seed
  }

  /// How many keys there are in all windows.
  public var keyCount: Int { tables.values.reduce(0) { $0 + $1.keyCount } }
  public var windowCount: Int { tables.count }

  /// The windows of a batch that are not in memory, in order.
  public func missingWindows(of rows: RunningRows) -> [Int64] {
    var missing: Set<Int64> = []
    var last: Int64?
    for case let window? in rows.windows where window != last {
      last = window
      if tables[window] == nil { missing.insert(window) }
    }
    return missing.sorted()
  }

  /// Makes empty tables for windows that no row is in yet.
  public mutating func begin(_ windows: [Int64]) {
    for window in windows where tables[window] == nil {
      put(RunningTable(window: window, valueCount: valueCount, seed: seed))
    }
  }

  /// Adds rows in their order. Rows of windows that are missing are not counted.
  ///
  /// - Returns: The aggregates after each row, and what takes the rows back. Until it is given to
  ///   ``undo(_:)`` or ``keep(_:)`` the windows stay in memory.
  public mutating func add(_ rows: RunningRows) -> (RunningColumns, RunningUndo) {
    var columns: RunningColumns? = RunningColumns(valueCount: valueCount, rowCount: rows.rowCount)
    let undo = add(rows, &columns)
    for entry in undo.entries { tables[entry.window]?.pinCount += 1 }
    return (columns ?? RunningColumns(valueCount: valueCount, rowCount: rows.rowCount), undo)
  }

  /// Adds rows whose aggregates are known already.
  public mutating func fold(_ rows: RunningRows) {
    var nothing: RunningColumns?
    _ = add(rows, &nothing)
  }

  private mutating func add(
    _ rows: RunningRows, _ columns: inout RunningColumns?
  ) -> RunningUndo {
    batchNumber = batchNumber == .max ? 1 : batchNumber + 1
    batchCount += 1
    var undo = RunningUndo()
    var row = 0
    while row < rows.rowCount {
      let window = rows.windows[row]
      var end = row + 1
      while end < rows.rowCount, rows.windows[end] == window { end += 1 }
      if let window, var table = take(window) {
        var entry = RunningUndo.Entry(window: window)
        table.add(row..<end, of: rows, number: batchNumber, &columns, &entry)
        table.lastBatch = batchCount
        put(table)
        undo.entries.append(entry)
      }
      row = end
    }
    return undo
  }

  /// Takes back what a batch has added: the last one that was not taken back.
  public mutating func undo(_ undo: RunningUndo) {
    for entry in undo.entries.reversed() {
      guard var table = take(entry.window) else { continue }
      table.undo(entry)
      table.pinCount -= 1
      put(table)
    }
  }

  /// A batch stays.
  public mutating func keep(_ undo: RunningUndo) {
    for window in undo.windows { tables[window]?.pinCount -= 1 }
  }

  /// Lets go of the windows that a batch was in.
  public mutating func drop(_ undo: RunningUndo) {
    for window in undo.windows { _ = take(window) }
  }

  /// Takes over windows that were folded elsewhere.
  public mutating func adopt(_ other: RunningAggregates) {
    for (window, var table) in other.tables where tables[window] == nil {
      table.lastBatch = batchCount
      // Its batches had numbers of their own, which ours will have, too.
      table.forgetBatches()
      put(table)
    }
  }

  /// Lets go of the windows that were not touched for longest until the rest fits.
  public mutating func trim(toByteCount limit: Int) {
    guard byteCount > limit else { return }
    let idle = tables.values.filter { $0.pinCount == 0 && $0.lastBatch < batchCount }
      .sorted { ($0.lastBatch, $0.window) < ($1.lastBatch, $1.window) }
    for table in idle where byteCount > limit { _ = take(table.window) }
  }

  /// Takes a table out, so that it is changed in place.
  private mutating func take(_ window: Int64) -> RunningTable? {
    let table = tables.removeValue(forKey: window)
    byteCount -= table?.byteCount ?? 0
    return table
  }

  private mutating func put(_ table: RunningTable) {
    byteCount += table.byteCount
    tables[table.window] = table
  }
}
