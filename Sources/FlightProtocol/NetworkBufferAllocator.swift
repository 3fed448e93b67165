public import Columnar
internal import NIOCore

/// Makes the memory of results out of network buffers, so that they are sent without copying.
public struct NetworkBufferAllocator: Columnar.BufferAllocator {
  /// Larger requests are served by the heap: a network buffer holds less than 4 GiB and rounds its
  /// size up to a power of two.
  static let maxByteCount = 1 << 30

  public init() {}

  public func allocate(byteCount: Int) -> WritableBuffer {
    let alignment = WritableBuffer.paddingAlignment
    guard byteCount <= Self.maxByteCount else { return WritableBuffer(byteCount: byteCount) }
    let capacity = max((byteCount + alignment - 1) / alignment * alignment, alignment)
    var buffer = ByteBufferAllocator().buffer(capacity: capacity)
    // Counted as written now; the one who asked writes them before anybody reads.
    var memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { bytes in
      unsafe memory = UnsafeMutableRawBufferPointer(rebasing: bytes[..<capacity])
      return capacity
    }
    return unsafe WritableBuffer(unsafeBytes: memory, ownedBy: ByteBufferOwner(buffer))
  }
}
