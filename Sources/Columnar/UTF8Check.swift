/// Whether bytes are UTF-8: runs of ASCII 32 bytes at a time, the rest character by character.
enum UTF8Check {
  /// The place of the first byte that is not ASCII, from `start` on; `bytes.count` if there is none.
  static func asciiEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var position = start
    while position + 32 <= bytes.count {
      let first = unsafe bytes.loadUnaligned(
        fromByteOffset: position, as: SIMD4<UInt64>.self)
      let joined = (first[0] | first[1]) | (first[2] | first[3])
      if joined & 0x8080_8080_8080_8080 != 0 { break }
      position += 32
    }
    while position < bytes.count, unsafe bytes[position] < 0x80 { position += 1 }
    return position
  }

  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var position = unsafe asciiEnd(bytes, from: 0)
    let count = bytes.count
    while position < count {
      let lead = unsafe bytes[position]
      if lead < 0x80 {
        position += unsafe asciiStep(bytes, at: position)
      } else if lead >= 0xE1, lead <= 0xEC, position + 3 <= count {
        // The common case outside Latin scripts: three bytes without further conditions.
        guard unsafe bytes[position + 1] & 0xC0 == 0x80, unsafe bytes[position + 2] & 0xC0 == 0x80
        else { return false }
        position += 3
      } else {
        let length = unsafe characterByteCount(bytes, at: position)
        if length == 0 { return false }
        position += length
      }
    }
    return true
  }

  /// How many bytes from an ASCII one on may be skipped: up to 8.
  @inline(__always)
  private static func asciiStep(_ bytes: UnsafeRawBufferPointer, at position: Int) -> Int {
    guard position + 8 <= bytes.count else { return 1 }
    let word = unsafe UInt64(
      littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    return (word & 0x8080_8080_8080_8080).trailingZeroBitCount / 8
  }

  /// Bytes of the well-formed character of two to four bytes at `position`; 0 if there is none.
  ///
  /// Source: Unicode 16, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
  @inline(__always)
  private static func characterByteCount(
    _ bytes: UnsafeRawBufferPointer, at position: Int
  ) -> Int {
    let left = bytes.count - position
    let lead = unsafe bytes[position]
    let length =
      switch lead {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 0
      }
    guard length > 0, length <= left else { return 0 }
    let second = unsafe bytes[position + 1]
    let isSecondValid =
      switch lead {
      case 0xE0: second >= 0xA0 && second <= 0xBF
      case 0xED: second >= 0x80 && second <= 0x9F
      case 0xF0: second >= 0x90 && second <= 0xBF
      case 0xF4: second >= 0x80 && second <= 0x8F
      default: second & 0xC0 == 0x80
      }
    guard isSecondValid else { return 0 }
    for index in 2..<max(length, 2) where unsafe bytes[position + index] & 0xC0 != 0x80 {
      return 0
    }
    return length
  }
}
