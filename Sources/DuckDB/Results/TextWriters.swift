import CDuckDB
import Columnar

/// DuckDB's string entry is 16 bytes: 4 of length, then the text if it has at most 12 bytes, else
/// its first 4 bytes and its address.
let inlineTextLimit = 12

/// Text and bytes: 32-bit offsets, and the bytes one after the other.
class VariableWriter: ColumnWriter {
  final let offsets = GrowingBuffer()
  final let bytes = GrowingBuffer()

  final override var hasVariableSize: Bool { true }
  final override var variableByteCount: Int { bytes.count }

  final override func prepare(expectedCount: Int) {
    offsets.begin(byteCount: (expectedCount + 1) * 4, allocator: allocator)
    offsets.reserve(4)
    unsafe offsets.base.storeBytes(of: 0, as: Int32.self)
    offsets.count = 4
    bytes.begin(byteCount: expectedCount * 12, allocator: allocator)
  }

  /// The end of value `index`, counted from the rows before this call, and of the last so far.
  @unsafe
  final func offsetRoom(for added: Int) -> UnsafeMutablePointer<Int32> {
    let start = offsets.count
    offsets.reserve(start + added * 4)
    offsets.count = start + added * 4
    return unsafe (offsets.base + start).assumingMemoryBound(to: Int32.self)
  }

  final override func finishBuffers() -> [Buffer] { [offsets.finish(), bytes.finish()] }
}

/// VARCHAR and BLOB.
final class TextWriter: VariableWriter {
  override func measure(_ vector: duckdb_vector?, from start: Int, count: Int) -> Int {
    guard let vector = unsafe vector, let data = unsafe duckdb_vector_get_data(vector) else {
      return 0
    }
    let rows = unsafe VectorRows(
      vector: vector, data: data, validity: duckdb_vector_get_validity(vector), start: start,
      count: count)
    return unsafe byteCount(of: rows, data)
  }

  @unsafe
  private func byteCount(of rows: VectorRows, _ data: UnsafeMutableRawPointer) -> Int {
    let source = unsafe data + rows.start * 16
    let count = unsafe rows.count
    var total = 0
    if unsafe rows.validity == nil {
      for index in 0..<count {
        total &+= Int(unsafe source.load(fromByteOffset: index &* 16, as: UInt32.self))
      }
    } else {
      for index in 0..<count where unsafe rows.isValid(index) {
        total &+= Int(unsafe source.load(fromByteOffset: index &* 16, as: UInt32.self))
      }
    }
    return total
  }

  /// The caller has measured: the offsets fit 32 bits.
  override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    // Short text is copied as 12 bytes, whatever its length, so the end has room for more.
    bytes.reserve(unsafe bytes.count + byteCount(of: rows, data) + inlineTextLimit)
    let ends = unsafe offsetRoom(for: rows.count)
    let source = unsafe data + rows.start * 16
    let target = unsafe bytes.base
    let end =
      unsafe rows.validity == nil
      ? unsafe copyText(source, rows.count, to: target, from: bytes.count, ends: ends)
      : unsafe copyText(source, rows, to: target, from: bytes.count, ends: ends)
    bytes.count = end
  }
}

/// Appends `count` strings at `position` of `target` and writes where each ends. Returns the end.
@unsafe
@inline(__always)
private func copyText(
  _ source: UnsafeMutableRawPointer, _ count: Int, to target: UnsafeMutableRawPointer,
  from position: Int, ends: UnsafeMutablePointer<Int32>
) -> Int {
  var end = position
  for index in 0..<count {
    let entry = unsafe source + index &* 16
    end = unsafe copyEntry(entry, to: target, at: end)
    unsafe ends[index] = Int32(truncatingIfNeeded: end)
  }
  return end
}

/// The same with nulls, which are empty.
@unsafe
private func copyText(
  _ source: UnsafeMutableRawPointer, _ rows: VectorRows, to target: UnsafeMutableRawPointer,
  from position: Int, ends: UnsafeMutablePointer<Int32>
) -> Int {
  var end = position
  for index in unsafe 0..<rows.count {
    if unsafe rows.isValid(index) {
      end = unsafe copyEntry(source + index &* 16, to: target, at: end)
    }
    unsafe ends[index] = Int32(truncatingIfNeeded: end)
  }
  return end
}

@unsafe
@inline(__always)
private func copyEntry(
  _ entry: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, at position: Int
) -> Int {
  let length = Int(unsafe entry.load(as: UInt32.self))
  let place = unsafe target + position
  if length <= inlineTextLimit {
    let low = unsafe entry.loadUnaligned(fromByteOffset: 4, as: UInt64.self)
    let high = unsafe entry.load(fromByteOffset: 12, as: UInt32.self)
    unsafe place.storeBytes(of: low, as: UInt64.self)
    unsafe place.storeBytes(of: high, toByteOffset: 8, as: UInt32.self)
  } else if let text = unsafe entry.load(fromByteOffset: 8, as: UnsafeRawPointer?.self) {
    unsafe place.copyMemory(from: text, byteCount: length)
  }
  return position &+ length
}

/// UUID as 36 characters. DuckDB keeps it as a number whose highest bit is flipped.
final class UUIDWriter: VariableWriter {
  private static let textCount = 36

  override func measure(_ vector: duckdb_vector?, from start: Int, count: Int) -> Int {
    count * Self.textCount
  }

  override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    bytes.reserve(unsafe bytes.count + rows.count * Self.textCount)
    let ends = unsafe offsetRoom(for: rows.count)
    let source = unsafe data.assumingMemoryBound(to: UInt64.self) + rows.start * 2
    for index in unsafe 0..<rows.count {
      if unsafe rows.isValid(index) {
        let high = unsafe source[2 * index + 1] ^ (1 << 63)
        let low = unsafe source[2 * index]
        let place = unsafe (bytes.base + bytes.count).assumingMemoryBound(to: UInt8.self)
        unsafe Self.write(high, low, to: place)
        bytes.count += Self.textCount
      }
      unsafe ends[index] = Int32(truncatingIfNeeded: bytes.count)
    }
  }

  private static func write(_ high: UInt64, _ low: UInt64, to place: UnsafeMutablePointer<UInt8>) {
    var position = 0
    for digit in 0..<32 {
      if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
        unsafe place[position] = UInt8(ascii: "-")
        position += 1
      }
      let word = digit < 16 ? high : low
      let value = UInt8(truncatingIfNeeded: word &>> UInt64(60 - 4 * (digit & 15))) & 15
      unsafe place[position] = value < 10 ? value + 0x30 : value + 0x57
      position += 1
    }
  }
}

/// Types whose bytes are turned into text, value by value.
class SpelledWriter: VariableWriter {
  /// The text of a value that DuckDB stores as `stored`.
  func spell(_ stored: UnsafeRawBufferPointer) -> [UInt8] { [] }
  /// At most so many characters come of one byte.
  var charactersPerByte: Int { 8 }

  final override func measure(_ vector: duckdb_vector?, from start: Int, count: Int) -> Int {
    guard let vector = unsafe vector, let data = unsafe duckdb_vector_get_data(vector) else {
      return 0
    }
    let validity = unsafe duckdb_vector_get_validity(vector)
    let rows = unsafe VectorRows(
      vector: vector, data: data, validity: validity, start: start, count: count)
    var total = 0
    for index in 0..<count where unsafe rows.isValid(index) {
      let length = unsafe data.load(fromByteOffset: (start + index) * 16, as: UInt32.self)
      total += Int(length) * charactersPerByte
    }
    return total
  }

  final override func write(_ rows: VectorRows) throws(DuckDBError) {
    guard let data = unsafe rows.data else { return }
    let ends = unsafe offsetRoom(for: rows.count)
    for index in unsafe 0..<rows.count {
      if unsafe rows.isValid(index) {
        let entry = unsafe UnsafeRawPointer(data) + (rows.start + index) * 16
        let text = unsafe spell(storedBytes(entry))
        append(text)
      }
      unsafe ends[index] = Int32(truncatingIfNeeded: bytes.count)
    }
  }

  private func append(_ text: [UInt8]) {
    bytes.reserve(bytes.count + text.count)
    unsafe text.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (bytes.base + bytes.count).copyMemory(from: start, byteCount: source.count)
    }
    bytes.count += text.count
  }

  @unsafe
  private func storedBytes(_ entry: UnsafeRawPointer) -> UnsafeRawBufferPointer {
    let length = unsafe Int(entry.load(as: UInt32.self))
    let start =
      unsafe length <= inlineTextLimit
      ? entry + 4 : entry.load(fromByteOffset: 8, as: UnsafeRawPointer?.self)
    return unsafe UnsafeRawBufferPointer(start: start, count: length)
  }
}

/// BIT as a row of `0` and `1`. The first stored byte says how many bits of the second are unused.
final class BitTextWriter: SpelledWriter {
  override func spell(_ stored: UnsafeRawBufferPointer) -> [UInt8] {
    guard let unused = unsafe stored.first, stored.count > 1 else { return [] }
    var text: [UInt8] = []
    for bit in Int(unused)..<max((stored.count - 1) * 8, Int(unused)) {
      let byte = unsafe stored[1 + bit / 8]
      text.append(0x30 + byte >> UInt8(7 - bit % 8) & 1)
    }
    return text
  }
}

/// BIGNUM in decimal. Three bytes of header, then the magnitude with its highest byte first; all bits
/// are inverted if it is negative.
final class BigNumberWriter: SpelledWriter {
  private static let headerCount = 3

  override func spell(_ stored: UnsafeRawBufferPointer) -> [UInt8] {
    guard let first = unsafe stored.first, stored.count > Self.headerCount else { return [0x30] }
    let isNegative = first & 0x80 == 0
    var magnitude = unsafe stored.dropFirst(Self.headerCount).map { isNegative ? ~$0 : $0 }
    var digits: [UInt8] = []
    while let lead = magnitude.first {
      guard lead != 0 else {
        magnitude.removeFirst()
        continue
      }
      var remainder = 0
      for index in magnitude.indices {
        let value = remainder << 8 | Int(magnitude[index])
        magnitude[index] = UInt8(truncatingIfNeeded: value / 1_000_000_000 & 0xFF)
        // The quotient of a step fits a byte, because the remainder is below the divisor.
        remainder = value % 1_000_000_000
      }
      for _ in 0..<9 {
        digits.append(0x30 + UInt8(truncatingIfNeeded: remainder % 10))
        remainder /= 10
      }
    }
    while digits.last == 0x30 { digits.removeLast() }
    if digits.isEmpty { return [0x30] }
    if isNegative { digits.append(0x2D) }
    return digits.reversed()
  }
}
