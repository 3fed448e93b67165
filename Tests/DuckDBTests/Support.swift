import Columnar
import DuckDB
import Testing

/// A database in memory.
func memoryDatabase(_ settings: [String: String] = [:]) throws -> Database {
  try Database(DuckDBLibrary.load(), path: nil, settings: settings)
}

extension Connection {
  /// All batches of a query.
  func batches(_ sql: String, maxRows: Int = 65_536) throws -> [Batch] {
    let result = try prepare(sql).execute()
    var batches: [Batch] = []
    while let batch = try result.next(maxRows: maxRows) { batches.append(batch) }
    return batches
  }

  /// The single batch of a query.
  func batch(_ sql: String) throws -> Batch {
    try #require(try batches(sql).first)
  }

  /// The single value of a query that casts it to text; nil for NULL.
  func text(_ sql: String) throws -> String? {
    let column = try batch(sql).columns[0]
    return strings(column)[0]
  }
}

func strings(_ column: Column) -> [String?] {
  let offsets = int32s(column.buffers[1])
  let bytes = Array(copying: column.buffers[2])
  return (0..<column.count).map { row in
    isValid(column, row)
      ? String(decoding: bytes[Int(offsets[row])..<Int(offsets[row + 1])], as: UTF8.self) : nil
  }
}

func int32s(_ buffer: Buffer) -> [Int32] {
  let span = buffer.values(as: Int32.self)
  return span.indices.map { span[$0] }
}

func int64s(_ column: Column) -> [Int64?] {
  let buffer = column.buffers[1]
  let span = buffer.values(as: Int64.self)
  return (0..<column.count).map { isValid(column, $0) ? span[$0] : nil }
}

func isValid(_ column: Column, _ row: Int) -> Bool {
  guard column.type != .null else { return false }
  guard column.nullCount > 0, let bitmap = column.buffers.first, !bitmap.isEmpty else {
    return true
  }
  let span = bitmap.values(as: UInt8.self)
  return span[row / 8] >> UInt8(row % 8) & 1 == 1
}

extension Array where Element == UInt8 {
  init(copying buffer: Buffer) {
    let span = buffer.values(as: UInt8.self)
    self = span.indices.map { span[$0] }
  }
}

extension Column {
  /// Values of a fixed width without nulls.
  convenience init<Value: BitwiseCopyable>(_ type: DataType, _ values: [Value]) {
    self.init(
      type: type, count: values.count, buffers: [.empty, Buffer(copying: values)])
  }

  /// Values of a fixed width, some of them null.
  convenience init<Value: BitwiseCopyable>(_ type: DataType, _ values: [Value?], null: Value) {
    self.init(
      type: type, count: values.count, nullCount: values.count { $0 == nil },
      buffers: [bits(values.map { $0 != nil }), Buffer(copying: values.map { $0 ?? null })])
  }

  convenience init(utf8 values: [String?], type: DataType = .utf8) {
    var ends: [Int32] = [0]
    var bytes: [UInt8] = []
    for value in values {
      bytes += Array((value ?? "").utf8)
      ends.append(Int32(bytes.count))
    }
    self.init(
      type: type, count: values.count, nullCount: values.count { $0 == nil },
      buffers: [bits(values.map { $0 != nil }), Buffer(copying: ends), Buffer(copying: bytes)])
  }
}

func bits(_ values: [Bool]) -> Buffer {
  var bytes = [UInt8](repeating: 0, count: (values.count + 7) / 8)
  for (row, value) in values.enumerated() where value { bytes[row / 8] |= 1 << UInt8(row % 8) }
  return Buffer(copying: bytes)
}

func batch(_ columns: (String, Column)...) -> Batch {
  Batch(
    schema: Schema(columns.map { Field($0.0, $0.1.type) }), columns: columns.map(\.1),
    rowCount: columns[0].1.count)
}

/// Random numbers that a printed seed repeats.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
