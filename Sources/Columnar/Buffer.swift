/// Read-only bytes that several columns may share without copying.
///
/// **Ownership.** A buffer does not own its bytes. It keeps alive the object that does: a Swift
/// allocation, a network buffer, a memory-mapped file, or an array received through the Arrow C
/// data interface. The owner frees the bytes in its `deinit`, which runs when the last buffer that
/// shares it is gone.
///
/// **Padding.** `paddingByteCount` zero bytes follow `count` in the owner's memory, so that a
/// writer of Arrow IPC ships a buffer and its padding as one piece.
///
/// **Sendable.** `@unchecked`, because the compiler cannot see what makes it true: nobody writes
/// the bytes after `init`, and they stay at one address for as long as `owner` lives.
@safe
public struct Buffer: @unchecked Sendable {
  /// Held for its lifetime; a sender may recognise it and ship the bytes it owns without copying.
  public let owner: (any AnyObject & Sendable)?
  private let bytes: UnsafeRawBufferPointer
  /// Zero bytes that follow the buffer in the memory of `owner`.
  public let paddingByteCount: Int

  /// A buffer of no bytes.
  public static var empty: Buffer { Buffer() }

  private init() {
    owner = nil
    unsafe bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    paddingByteCount = 0
  }

  /// Wraps memory that `owner` frees.
  ///
  /// - Parameter paddingByteCount: How many zero bytes follow `bytes` in the same memory.
  /// - Warning: The caller promises that `bytes` and the padding are initialized, stay valid and
  ///   stay unchanged for as long as `owner` lives.
  @unsafe
  public init(
    unsafeBytes bytes: UnsafeRawBufferPointer, paddingByteCount: Int = 0,
    ownedBy owner: any AnyObject & Sendable
  ) {
    self.owner = owner
    unsafe self.bytes = bytes
    self.paddingByteCount = paddingByteCount
  }

  /// Copies `values` into memory of its own.
  public init<Value: BitwiseCopyable>(copying values: [Value]) {
    let byteCount = values.count * MemoryLayout<Value>.stride
    let writable = WritableBuffer(byteCount: byteCount)
    unsafe values.withUnsafeBytes { source in
      unsafe writable.bytes.copyMemory(from: source)
    }
    self = writable.finish(byteCount: byteCount)
  }

  /// Size in bytes, without padding.
  public var count: Int { unsafe bytes.count }

  public var isEmpty: Bool { unsafe bytes.isEmpty }

  /// The bytes, readable for as long as `self` is borrowed.
  public var span: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeBytes: bytes)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The bytes seen as fixed-width values in native byte order; a partial value at the end is left out.
  ///
  /// - Precondition: the buffer is aligned for `Value`. `isAligned(for:)` tells; the IPC decoder
  ///   and the C data importer copy what is not, once.
  @_lifetime(borrow self)
  @inlinable
  public func values<Value: BitwiseCopyable>(as type: Value.Type) -> Span<Value> {
    let stride = MemoryLayout<Value>.stride
    let whole = unsafe UnsafeRawBufferPointer(
      start: unsafeBytes.baseAddress, count: count / stride * stride)
    let span = unsafe Span<Value>(_unsafeBytes: whole)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// The address range itself, for C calls and for loops that the optimiser cannot see through.
  ///
  /// - Warning: Valid only while this buffer, or another one with the same owner, is alive.
  @unsafe
  public var unsafeBytes: UnsafeRawBufferPointer { unsafe bytes }

  /// Whether `values(as:)` may be called with `type`.
  public func isAligned<Value: BitwiseCopyable>(for type: Value.Type) -> Bool {
    let address = unsafe UInt(bitPattern: bytes.baseAddress)
    return address % UInt(MemoryLayout<Value>.alignment) == 0
  }

  /// The same bytes in memory of their own: for small parts of large memory that are kept for long.
  public func compacted() -> Buffer {
    guard !isEmpty else { return .empty }
    let writable = WritableBuffer(byteCount: count)
    unsafe writable.bytes.copyMemory(from: bytes)
    return writable.finish(byteCount: count)
  }

  /// A part of the same memory. The range is clamped to the buffer, so it cannot trap.
  public func slice(from start: Int, byteCount: Int) -> Buffer {
    let lower = min(max(start, 0), count)
    let length = min(max(byteCount, 0), count - lower)
    guard let owner, length > 0 else { return .empty }
    let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[lower..<(lower + length)])
    let padding = lower + length == count ? paddingByteCount : 0
    return unsafe Buffer(unsafeBytes: part, paddingByteCount: padding, ownedBy: owner)
  }
}

/// Memory from `malloc`, freed with its owner. Starts on a 64-byte boundary.
@safe
final class HeapMemory: @unchecked Sendable {
  // Sendable: written only through the one `WritableBuffer` that made it, before it is shared.
  let bytes: UnsafeMutableRawBufferPointer

  init(byteCount: Int) {
    unsafe bytes = .allocate(byteCount: max(byteCount, 1), alignment: 64)
  }

  deinit { unsafe bytes.deallocate() }
}

/// Makes the memory that results are written into.
///
/// The server's allocator hands out memory that the network layer ships without copying; the
/// default one uses the heap.
public protocol BufferAllocator: Sendable {
  /// Memory for at least `byteCount` bytes and their padding, uninitialized.
  func allocate(byteCount: Int) -> WritableBuffer
}

/// Allocates from the heap.
public struct HeapAllocator: BufferAllocator {
  public init() {}
  public func allocate(byteCount: Int) -> WritableBuffer { WritableBuffer(byteCount: byteCount) }
}

/// Memory with one writer, which becomes a `Buffer` when it is finished.
@safe
public struct WritableBuffer: ~Copyable, @unchecked Sendable {
  /// Arrow recommends that buffers are padded to a multiple of 64 bytes; IPC demands 8.
  public static let paddingAlignment = 64

  private let owner: any AnyObject & Sendable
  /// Where to write. At least as many bytes as were asked for; uninitialized.
  @unsafe public let bytes: UnsafeMutableRawBufferPointer

  /// Wraps writable memory that `owner` frees.
  @unsafe
  public init(
    unsafeBytes bytes: UnsafeMutableRawBufferPointer, ownedBy owner: any AnyObject & Sendable
  ) {
    self.owner = owner
    unsafe self.bytes = bytes
  }

  /// Heap memory with room for `byteCount` bytes and their padding.
  public init(byteCount: Int) {
    let alignment = Self.paddingAlignment
    let memory = HeapMemory(byteCount: (byteCount + alignment - 1) / alignment * alignment)
    owner = memory
    unsafe bytes = memory.bytes
  }

  /// Room in bytes.
  public var capacity: Int { unsafe bytes.count }

  /// The first `byteCount` bytes as a buffer. The padding behind them is set to zero.
  ///
  /// - Precondition: `byteCount` bytes were written, and it is at most `capacity`.
  public consuming func finish(byteCount: Int) -> Buffer {
    precondition(byteCount <= capacity, "more bytes were written than there is room for")
    let alignment = Self.paddingAlignment
    let padded = min((byteCount + alignment - 1) / alignment * alignment, capacity)
    if padded > byteCount, let base = unsafe bytes.baseAddress {
      unsafe (base + byteCount).initializeMemory(
        as: UInt8.self, repeating: 0, count: padded - byteCount)
    }
    let written = unsafe UnsafeRawBufferPointer(start: bytes.baseAddress, count: byteCount)
    return unsafe Buffer(
      unsafeBytes: written, paddingByteCount: padded - byteCount, ownedBy: owner)
  }
}
