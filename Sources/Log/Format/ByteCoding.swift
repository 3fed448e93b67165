internal import Columnar
internal import CChecksum

/// Writes numbers and text, little endian.
struct ByteWriter {
  var bytes: [UInt8] = []

  mutating func put<Number: FixedWidthInteger>(_ number: Number) {
    unsafe withUnsafeBytes(of: number.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Zeros up to the next multiple of 8.
  mutating func pad() {
    while bytes.count % 8 != 0 { bytes.append(0) }
  }
}

/// Reads what `ByteWriter` wrote. A read past the end yields nil; nothing traps.
struct ByteReader {
  private let buffer: Buffer
  private(set) var position: Int

  init(_ buffer: Buffer, at position: Int = 0) {
    self.buffer = buffer
    self.position = position
  }

  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard position >= 0, size <= buffer.count - position else { return nil }
    let number = unsafe buffer.unsafeBytes.loadUnaligned(fromByteOffset: position, as: type)
    position += size
    return Number(littleEndian: number)
  }

  mutating func text(byteCount: Int) -> String? {
    guard let bytes = take(byteCount) else { return nil }
    return unsafe String(decoding: bytes.unsafeBytes, as: UTF8.self)
  }

  mutating func take(_ byteCount: Int) -> Buffer? {
    guard byteCount >= 0, byteCount <= buffer.count - position else { return nil }
    defer { position += byteCount }
    return buffer.slice(from: position, byteCount: byteCount)
  }

  mutating func pad() { position = padded(position) }

  var rest: Buffer { buffer.slice(from: position, byteCount: buffer.count - position) }
}

/// The next multiple of 8.
func padded(_ byteCount: Int) -> Int { (byteCount + 7) & ~7 }

/// CRC-32C over parts that follow each other.
struct Checksum {
  private(set) var value: UInt32 = 0

  mutating func add(_ buffer: Buffer) {
    guard !buffer.isEmpty else { return }
    unsafe value = hs_crc32c(value, buffer.unsafeBytes.baseAddress, buffer.count)
  }

  mutating func add(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe value = hs_crc32c(value, $0.baseAddress, $0.count) }
  }

  static func of(_ buffer: Buffer) -> UInt32 {
    var checksum = Checksum()
    checksum.add(buffer)
    return checksum.value
  }
}

let zeroPadding = Buffer(copying: [UInt8](repeating: 0, count: 64))
