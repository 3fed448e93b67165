/// Bit operations on Arrow bitmaps: one bit per value, least significant bit first.
@safe
public enum Bitmap {
  /// Bytes that `bitCount` bits take.
  public static func byteCount(forBits bitCount: Int) -> Int {
    bitCount / 8 + (bitCount % 8 == 0 ? 0 : 1)
  }

  /// Whether bit `index` is set; false beyond the buffer.
  @inlinable
  public static func isSet(_ buffer: Buffer, _ index: Int) -> Bool {
    guard index >= 0, index >> 3 < buffer.count else { return false }
    let byte = unsafe buffer.unsafeBytes[index >> 3]
    return byte >> UInt8(truncatingIfNeeded: index & 7) & 1 == 1
  }

  /// How many of the first `bitCount` bits are set; bits beyond the buffer count as not set.
  public static func setBitCount(in buffer: Buffer, bitCount: Int) -> Int {
    let available = min(max(bitCount, 0), buffer.count * 8)
    let bytes = unsafe buffer.unsafeBytes
    let words = available / 64
    var total = 0
    for word in 0..<words {
      total += unsafe bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self).nonzeroBitCount
    }
    var position = words * 64
    while position < available {
      let byte = unsafe bytes[position / 8]
      let bits = min(8, available - position)
      total += (byte & UInt8((1 << bits) - 1)).nonzeroBitCount
      position += 8
    }
    return total
  }

  /// Bits `start ..< start + bitCount` moved to the start of a buffer: a slice when `start` is a
  /// multiple of 8, else a copy. Bits beyond the buffer are not set.
  public static func slice(_ buffer: Buffer, from start: Int, bitCount: Int) -> Buffer {
    guard start >= 0, bitCount > 0 else { return .empty }
    let byteCount = byteCount(forBits: bitCount)
    if start % 8 == 0 { return buffer.slice(from: start / 8, byteCount: byteCount) }
    let writable = WritableBuffer(byteCount: byteCount)
    copyBits(of: buffer, from: start, bitCount: bitCount, to: writable)
    return writable.finish(byteCount: byteCount)
  }

  private static func copyBits(
    of buffer: Buffer, from start: Int, bitCount: Int, to target: borrowing WritableBuffer
  ) {
    let source = unsafe buffer.unsafeBytes
    let output = unsafe target.bytes
    let (first, shift) = (start / 8, start % 8)
    let byteCount = byteCount(forBits: bitCount)
    for index in 0..<byteCount {
      let low = first + index
      let lowByte = low < source.count ? unsafe source[low] : 0
      let highByte = low + 1 < source.count ? unsafe source[low + 1] : 0
      unsafe output[index] = lowByte >> UInt8(shift) | highByte << UInt8(8 - shift)
    }
    let rest = bitCount % 8
    if rest != 0 { unsafe output[byteCount - 1] &= UInt8((1 << rest) - 1) }
  }
}

/// Collects bits, as a validity bitmap or as the values of a boolean column.
public struct BitmapBuilder: Sendable {
  private var bytes: [UInt8] = []
  public private(set) var count = 0
  public private(set) var setCount = 0

  public init() {}

  public mutating func append(_ bit: Bool) {
    if count % 8 == 0 { bytes.append(0) }
    if bit {
      bytes[count / 8] |= 1 << UInt8(count % 8)
      setCount += 1
    }
    count += 1
  }

  /// Appends `bitCount` equal bits.
  public mutating func append(repeating bit: Bool, count bitCount: Int) {
    var left = bitCount
    while left > 0, count % 8 != 0 {
      append(bit)
      left -= 1
    }
    let whole = left / 8
    bytes.append(contentsOf: repeatElement(bit ? 0xFF : 0, count: whole))
    count += whole * 8
    if bit { setCount += whole * 8 }
    for _ in 0..<(left - whole * 8) { append(bit) }
  }

  /// Appends the first `bitCount` bits of `buffer`; an empty buffer means all set, as validity does.
  public mutating func append(validity buffer: Buffer, count bitCount: Int) {
    if buffer.isEmpty {
      append(repeating: true, count: bitCount)
    } else if count % 8 == 0 {
      appendAligned(buffer, count: bitCount)
    } else {
      for index in 0..<bitCount { append(Bitmap.isSet(buffer, index)) }
    }
  }

  private mutating func appendAligned(_ buffer: Buffer, count bitCount: Int) {
    let whole = min(bitCount / 8, buffer.count)
    unsafe bytes.append(contentsOf: buffer.unsafeBytes[0..<whole])
    count += whole * 8
    setCount += Bitmap.setBitCount(in: buffer, bitCount: whole * 8)
    for index in (whole * 8)..<max(bitCount, whole * 8) { append(Bitmap.isSet(buffer, index)) }
  }

  public var buffer: Buffer { Buffer(copying: bytes) }
}
