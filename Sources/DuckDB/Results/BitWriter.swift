import Columnar

/// Appends bits, least significant first, as Arrow and DuckDB both lay them out.
@safe
final class BitWriter {
  private let buffer = GrowingBuffer()
  /// Bits that are written.
  private(set) var count = 0

  func begin(expectedCount: Int, allocator: any BufferAllocator) {
    buffer.begin(byteCount: Self.byteCount(expectedCount), allocator: allocator)
    count = 0
  }

  /// Whole words, so that a word can be written at any place in use.
  private static func byteCount(_ bitCount: Int) -> Int { (bitCount + 63) / 64 * 8 }

  func reserve(_ total: Int) {
    // What is written is kept when the buffer moves.
    buffer.count = Self.byteCount(count)
    buffer.reserve(Self.byteCount(total))
  }

  /// Appends the lowest `bitCount` (1 to 64) bits of `bits`; there is room for them.
  @inline(__always)
  func append(_ bits: UInt64, _ bitCount: Int) {
    let kept = bitCount == 64 ? bits : bits & ((1 &<< UInt64(bitCount)) &- 1)
    let (word, offset) = (count >> 6, count & 63)
    let base = unsafe buffer.base + word * 8
    let before = offset == 0 ? 0 : unsafe base.loadUnaligned(as: UInt64.self)
    unsafe base.storeBytes(of: before | kept &<< UInt64(offset), as: UInt64.self)
    if offset + bitCount > 64 {
      unsafe (base + 8).storeBytes(of: kept &>> UInt64(64 - offset), as: UInt64.self)
    }
    count += bitCount
  }

  /// Appends `bitCount` ones.
  func appendOnes(_ bitCount: Int) {
    reserve(count + bitCount)
    var rest = bitCount
    while rest > 0 {
      append(.max, min(rest, 64))
      rest -= 64
    }
  }

  /// Appends the bits `start ..< start + bitCount` of `words`.
  @unsafe
  func append(_ words: UnsafePointer<UInt64>, from start: Int, _ bitCount: Int) {
    reserve(count + bitCount)
    var position = start
    let end = start + bitCount
    while position < end {
      let part = min(end - position, 64)
      unsafe append(bits(of: words, from: position, part), part)
      position += part
    }
  }

  func finish() -> Buffer {
    buffer.count = (count + 7) / 8
    return buffer.finish()
  }
}

/// `bitCount` (1 to 64) bits of `words` from bit `start` on; the bits above are undefined.
@unsafe
@inline(__always)
func bits(of words: UnsafePointer<UInt64>, from start: Int, _ bitCount: Int) -> UInt64 {
  let (word, offset) = (start >> 6, start & 63)
  let low = unsafe words[word] &>> UInt64(offset)
  guard offset > 0, offset + bitCount > 64 else { return low }
  return unsafe low | words[word + 1] &<< UInt64(64 - offset)
}

/// How many of the bits `start ..< start + bitCount` are zero.
@unsafe
func zeroCount(in words: UnsafePointer<UInt64>, from start: Int, _ bitCount: Int) -> Int {
  var position = start
  let end = start + bitCount
  var ones = 0
  while position < end {
    let part = min(end - position, 64)
    let kept = unsafe bits(of: words, from: position, part)
    ones += (part == 64 ? kept : kept & ((1 &<< UInt64(part)) &- 1)).nonzeroBitCount
    position += part
  }
  return bitCount - ones
}
