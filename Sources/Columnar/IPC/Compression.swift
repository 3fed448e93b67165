internal import CCompression

extension IPCCompression {
  /// The bytes that `buffer` was made from; nil if it is damaged or they are not `byteCount` long.
  func decompress(_ buffer: Buffer, byteCount: Int) -> Buffer? {
    if byteCount == 0 && buffer.isEmpty { return .empty }
    let writable = WritableBuffer(byteCount: byteCount)
    let (source, length) = unsafe (buffer.unsafeBytes.baseAddress, Int64(buffer.count))
    let target = unsafe writable.bytes.baseAddress
    let written =
      switch self {
      case .lz4Frame: unsafe hs_lz4_decompress(source, length, target, Int64(byteCount))
      case .zstd: unsafe hs_zstd_decompress(source, length, target, Int64(byteCount))
      }
    guard written == Int64(byteCount) else { return nil }
    return writable.finish(byteCount: byteCount)
  }

  /// `buffer` as IPC ships it: its length in 8 bytes, then the compressed bytes; or -1 and the
  /// bytes themselves when compressing does not make them fewer.
  func compress(_ buffer: Buffer) -> Buffer {
    let (source, length) = unsafe (buffer.unsafeBytes.baseAddress, Int64(buffer.count))
    let bound = self == .lz4Frame ? hs_lz4_bound(length) : hs_zstd_bound(length)
    let capacity = max(Int(bound), buffer.count)
    let writable = WritableBuffer(byteCount: 8 + capacity)
    let target = unsafe writable.bytes.baseAddress.map { unsafe $0 + 8 }
    let written =
      switch self {
      case .lz4Frame: unsafe hs_lz4_compress(source, length, target, Int64(capacity))
      case .zstd: unsafe hs_zstd_compress(source, length, target, Int64(capacity))
      }
    let isSmaller = written > 0 && written < length
    unsafe writable.bytes.storeBytes(of: (isSmaller ? length : -1).littleEndian, as: Int64.self)
    if isSmaller { return writable.finish(byteCount: 8 + Int(written)) }
    unsafe UnsafeMutableRawBufferPointer(rebasing: writable.bytes[8...])
      .copyMemory(from: buffer.unsafeBytes)
    return writable.finish(byteCount: 8 + buffer.count)
  }
}
