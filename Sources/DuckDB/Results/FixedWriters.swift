import CDuckDB
import Columnar

/// Values that DuckDB and Arrow lay out alike.
class FixedWriter: ColumnWriter {
  let byteWidth: Int
  let values = GrowingBuffer()

  init(_ type: DataType, byteWidth: Int) {
    self.byteWidth = byteWidth
    super.init(type)
  }

  final override func prepare(expectedCount: Int) {
    values.begin(byteCount: expectedCount * byteWidth, allocator: allocator)
  }

  /// Copies; what lies under a null becomes zero.
  override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    let target = unsafe room(for: rows.count)
    unsafe target.copyMemory(
      from: data + rows.start * byteWidth, byteCount: rows.count * byteWidth)
    guard unsafe rows.validity != nil else { return }
    for index in unsafe 0..<rows.count where unsafe !rows.isValid(index) {
      unsafe (target + index * byteWidth).initializeMemory(
        as: UInt8.self, repeating: 0, count: byteWidth)
    }
  }

  /// Where the next `count` values go; they count as written.
  @unsafe
  final func room(for count: Int) -> UnsafeMutableRawPointer {
    let start = values.count
    values.reserve(start + count * byteWidth)
    values.count = start + count * byteWidth
    return unsafe values.base + start
  }

  final override func finishBuffers() -> [Buffer] { [values.finish()] }
}

/// Enum codes, with the enum's values as dictionary.
final class EnumWriter: FixedWriter {
  private let names: Column

  init(_ type: DataType, byteWidth: Int, values: [String]) {
    var offsets: [Int32] = [0]
    var text: [UInt8] = []
    for value in values {
      text += Array(value.utf8)
      offsets.append(Int32(clamping: text.count))
    }
    names = Column(
      type: .utf8, count: values.count,
      buffers: [.empty, Buffer(copying: offsets), Buffer(copying: text)])
    super.init(type, byteWidth: byteWidth)
  }

  override var dictionary: Column? { names }
}

/// Decimals that DuckDB keeps narrower than Arrow's 128 bits.
final class DecimalWriter<Stored: FixedWidthInteger & BitwiseCopyable>: FixedWriter {
  override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    let source = unsafe data.assumingMemoryBound(to: Stored.self) + rows.start
    let target = unsafe room(for: rows.count).assumingMemoryBound(to: Int64.self)
    for index in unsafe 0..<rows.count {
      let value = unsafe Int64(truncatingIfNeeded: rows.isValid(index) ? source[index] : 0)
      unsafe target[2 * index] = value
      unsafe target[2 * index + 1] = value &>> 63
    }
  }
}

/// UHUGEINT as decimal(38, 0), which has no room for the largest.
final class UnsignedHugeWriter: FixedWriter {
  override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    let source = unsafe data.assumingMemoryBound(to: UInt64.self) + rows.start * 2
    for index in unsafe 0..<rows.count where unsafe rows.isValid(index) {
      guard unsafe source[2 * index + 1] >> 63 == 0 else {
        throw DuckDBError(
          kind: .conversion, message: "a UHUGEINT is too large for decimal(38, 0)")
      }
    }
    try unsafe super.write(rows)
  }
}

/// The time of day, without its offset.
final class TimeWithZoneWriter: FixedWriter {
  override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    let source = unsafe data.assumingMemoryBound(to: UInt64.self) + rows.start
    let target = unsafe room(for: rows.count).assumingMemoryBound(to: UInt64.self)
    // 40 bits of microseconds, then 24 bits of offset.
    for index in unsafe 0..<rows.count {
      unsafe target[index] = unsafe rows.isValid(index) ? source[index] &>> 24 : 0
    }
  }
}

/// Months, days and microseconds become months, days and nanoseconds.
final class IntervalWriter: FixedWriter {
  override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    let source = unsafe data + rows.start * 16
    let target = unsafe room(for: rows.count)
    for index in unsafe 0..<rows.count {
      let isValid = unsafe rows.isValid(index)
      let (from, to) = unsafe (source + index * 16, target + index * 16)
      let days = isValid ? unsafe from.load(as: UInt64.self) : 0
      let micros = isValid ? unsafe from.load(fromByteOffset: 8, as: Int64.self) : 0
      let (nanos, overflow) = micros.multipliedReportingOverflow(by: 1_000)
      guard !overflow else {
        throw DuckDBError(
          kind: .conversion, message: "an interval of \(micros) µs is too long for nanoseconds")
      }
      unsafe to.storeBytes(of: days, as: UInt64.self)
      unsafe to.storeBytes(of: nanos, toByteOffset: 8, as: Int64.self)
    }
  }
}

/// Bytes of 0 and 1 become bits.
final class BoolWriter: ColumnWriter {
  private let values = BitWriter()

  override func prepare(expectedCount: Int) {
    values.begin(expectedCount: expectedCount, allocator: allocator)
  }

  override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    values.reserve(unsafe values.count + rows.count)
    let source = unsafe data + rows.start
    let count = unsafe rows.count
    var row = 0
    while row + 8 <= count {
      let eight = unsafe (source + row).loadUnaligned(as: UInt64.self) & 0x0101_0101_0101_0101
      // Moves the lowest bit of byte k to bit 56 + k.
      values.append((eight &* 0x0102_0408_1020_4080) &>> 56, 8)
      row += 8
    }
    while row < count {
      values.append(UInt64(unsafe (source + row).load(as: UInt8.self) & 1), 1)
      row += 1
    }
  }

  override func finishBuffers() -> [Buffer] { [values.finish()] }
}

/// Values of a type that has only null.
final class NullWriter: ColumnWriter {
  override var hasBuffersOfValidity: Bool { false }
}
