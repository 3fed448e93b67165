public import Columnar
public import NIOCore

/// Lets a network buffer be the memory of a `Columnar.Buffer`, and be found again when it is sent.
///
/// **Ownership.** Holds one reference to the storage of the buffer. Storage that two values share
/// is never written by NIO (a write copies first), so the bytes stay as they are, at one address.
///
/// **Sendable.** `@unchecked` because of the address; it is only compared and never followed here.
@safe
public final class ByteBufferOwner: @unchecked Sendable {
  /// The bytes, all of them readable.
  public let buffer: ByteBuffer
  /// Where byte `buffer.readerIndex` lies.
  private let base: UnsafeRawPointer?

  init(_ buffer: ByteBuffer) {
    self.buffer = buffer
    unsafe base = buffer.withUnsafeReadableBytes { $0.baseAddress }
  }

  /// The part of `buffer` that lies at an address range, without copying.
  ///
  /// `nil` when the range is not inside.
  func part(address: UnsafeRawPointer?, byteCount: Int) -> ByteBuffer? {
    guard let address = unsafe address, let base = unsafe base else { return nil }
    let start = unsafe address - base
    guard start >= 0, byteCount >= 0, start <= buffer.readableBytes,
      byteCount <= buffer.readableBytes - start
    else { return nil }
    // Not a slice: slices that begin beyond 16 MiB are copied, moved indices never are.
    var part = buffer
    part.moveWriterIndex(to: buffer.readerIndex + start + byteCount)
    part.moveReaderIndex(forwardBy: start)
    return part
  }
}

extension Columnar.Buffer {
  /// The readable bytes of a network buffer, shared without copying.
  ///
  /// They start at any address; who reads wider values looks at `isAligned(for:)` first.
  public init(_ buffer: ByteBuffer) {
    guard buffer.readableBytes > 0 else {
      self = .empty
      return
    }
    let owner = ByteBufferOwner(buffer)
    let bytes = unsafe owner.buffer.withUnsafeReadableBytes { unsafe $0 }
    unsafe self.init(unsafeBytes: bytes, ownedBy: owner)
  }
}

extension ByteBuffer {
  /// The bytes of a columnar buffer and `paddingByteCount` zeros behind them, if the buffer has
  /// that many. Shared without copying when the buffer lies in a network buffer, else copied.
  ///
  /// - Precondition: fewer than 4 GiB. `FlightData` refuses larger messages before.
  public init(_ buffer: Columnar.Buffer, paddingByteCount: Int = 0) {
    let padding = Swift.min(Swift.max(paddingByteCount, 0), buffer.paddingByteCount)
    let bytes = unsafe buffer.unsafeBytes
    let byteCount = buffer.count + padding
    if let owner = buffer.owner as? ByteBufferOwner,
      let part = unsafe owner.part(address: bytes.baseAddress, byteCount: byteCount)
    {
      self = part
      return
    }
    let padded = unsafe UnsafeRawBufferPointer(start: bytes.baseAddress, count: byteCount)
    unsafe self.init(bytes: padded)
  }
}
