public import Columnar

/// What running aggregates need of the rows of a batch.
public struct RunningRows: Sendable {
  public let rowCount: Int
  let keys: RunningKeys
  /// Start of the window of each row; `nil` for rows without a time, which are in none.
  let windows: [Int64?]
  /// The numbers of each value column.
  let values: [[Double]]
  /// For each value column with NULLs, which rows have a number.
  let valid: [[Bool]?]

  /// - Parameters:
  ///   - times: Microseconds since 1970, as a column of timestamps.
  ///   - values: Columns of numbers.
  /// - Precondition: All columns are equally long.
  public init(keys: [Column], times: Column, values: [Column], window: RunningWindow) {
    rowCount = times.count
    self.keys = RunningKeys(keys, count: times.count)
    windows = Self.windows(of: times, window)
    self.values = values.map { $0.doubles() }
    valid = values.map { column in
      column.nullCount == 0 ? nil : (0..<column.count).map { !column.isNull(at: $0) }
    }
  }

  private static func windows(of times: Column, _ window: RunningWindow) -> [Int64?] {
    guard times.buffers.count > 1 else { return Array(repeating: nil, count: times.count) }
    let buffer = times.buffers[1]
    let values = buffer.values(as: Int64.self)
    // Neighbours are mostly in the same window: divide only when one is not.
    var start = window.start(of: 0)
    return (0..<times.count).map { row in
      guard times.nullCount == 0 || !times.isNull(at: row) else { return nil }
      let time = values[row]
      let distance = time.subtractingReportingOverflow(start)
      if distance.overflow || distance.partialValue < 0
        || distance.partialValue >= window.microseconds
      {
        start = window.start(of: time)
      }
      return start
    }
  }
}

/// Running aggregates of the rows of a batch: for each value column, a number per row.
public struct RunningColumns: Sendable {
  /// Sum of the numbers of the row's key in the row's window, up to and including the row.
  public internal(set) var sums: [[Double]]
  /// How many numbers that are; 0 where there is no sum and no average.
  public internal(set) var counts: [[Int64]]

  init(valueCount: Int, rowCount: Int) {
    sums = Array(repeating: Array(repeating: 0, count: rowCount), count: valueCount)
    counts = Array(repeating: Array(repeating: 0, count: rowCount), count: valueCount)
  }

  /// Sum, average and count of a value column: DOUBLE, DOUBLE, BIGINT. Sum and average are NULL where
  /// nothing was counted.
  public func columns(ofValue index: Int) -> [Column] {
    let (sums, counts) = (sums[index], counts[index])
    var averages = sums
    for row in averages.indices where counts[row] > 0 { averages[row] /= Double(counts[row]) }
    if !counts.contains(0) {
      return [
        Self.plain(.float64, sums), Self.plain(.float64, averages), Self.plain(.int64, counts),
      ]
    }
    func nullable(_ values: [Double]) -> Column {
      .doubles(zip(values, counts).map { $1 == 0 ? nil : $0 })
    }
    return [nullable(sums), nullable(averages), Self.plain(.int64, counts)]
  }

  private static func plain<Value: BitwiseCopyable>(_ type: DataType, _ values: [Value]) -> Column {
    Column(type: type, count: values.count, buffers: [.empty, Buffer(copying: values)])
  }
}

/// What running aggregates were before a batch was added.
public struct RunningUndo: Sendable {
  struct Entry: Sendable {
    var window: Int64
    var groups: [UInt32] = []
    var sums: [Double] = []
    var counts: [Int64] = []
  }

  var entries: [Entry] = []

  public init() {}

  /// Adds what came after it.
  public mutating func append(_ later: RunningUndo) { entries += later.entries }

  /// Whether the batch changed nothing.
  public var isEmpty: Bool { entries.isEmpty }
  /// The windows that it changed, some perhaps more than once.
  var windows: [Int64] { entries.map(\.window) }
}
