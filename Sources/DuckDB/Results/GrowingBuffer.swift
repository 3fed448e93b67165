import Columnar

/// Memory of one batch's buffer, which grows while it is written.
@safe
final class GrowingBuffer {
  private var memory: WritableBuffer?
  private var allocator: any BufferAllocator = HeapAllocator()
  /// Where writing goes; `capacity` bytes.
  @unsafe private(set) var base: UnsafeMutableRawPointer
  private(set) var capacity = 0
  /// Bytes that are written.
  var count = 0

  init() {
    // Some address: with a capacity of zero nothing is written there.
    unsafe base = unsafe Self.nowhere
  }

  nonisolated(unsafe) private static let nowhere = UnsafeMutableRawPointer.allocate(
    byteCount: 64, alignment: 64)

  /// Starts anew, with room for `byteCount` bytes.
  func begin(byteCount: Int, allocator: any BufferAllocator) {
    self.allocator = allocator
    count = 0
    memory = nil
    capacity = 0
    if byteCount > 0 { allocate(byteCount) }
  }

  /// Makes room for `total` bytes in all, keeping what is written.
  @inline(__always)
  func reserve(_ total: Int) {
    if total > capacity { grow(to: total) }
  }

  private func grow(to total: Int) {
    let old = memory.take()
    let from = unsafe base
    allocate(max(total, min(capacity * 2, capacity + (64 << 20))))
    if count > 0 { unsafe base.copyMemory(from: from, byteCount: count) }
    _ = consume old
  }

  private func allocate(_ byteCount: Int) {
    let made = allocator.allocate(byteCount: byteCount)
    capacity = made.capacity
    if let start = unsafe made.bytes.baseAddress { unsafe base = start }
    memory = consume made
  }

  /// What was written, as a buffer.
  func finish() -> Buffer {
    capacity = 0
    guard let made = memory.take(), count > 0 else { return .empty }
    return made.finish(byteCount: count)
  }
}
