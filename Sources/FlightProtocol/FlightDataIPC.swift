public import Columnar
public import NIOCore

extension FlightData {
  /// An IPC message as a Flight message. Buffers that lie in network buffers are not copied.
  ///
  /// - Throws: `.tooLarge` when the body is over 2 GiB.
  public init(
    _ message: IPCMessage, descriptor: Flight.FlightDescriptor? = nil,
    appMetadata: ByteBuffer? = nil
  ) throws(ProtocolError) {
    guard message.bodyByteCount <= Self.maxByteCount else {
      throw .tooLarge(byteCount: message.bodyByteCount, limitBytes: Self.maxByteCount)
    }
    self.init(
      descriptor: descriptor, header: ByteBuffer(bytes: message.header), appMetadata: appMetadata)
    body.reserveCapacity(message.body.count)
    for buffer in message.body { append(buffer) }
  }

  private static let zeros = ByteBuffer(repeating: 0, count: 8)

  /// Appends a buffer and the zeros that pad it to 8 bytes: its own, or some from elsewhere.
  private mutating func append(_ buffer: Columnar.Buffer) {
    let padding = (8 - buffer.count % 8) % 8
    body.append(ByteBuffer(buffer, paddingByteCount: padding))
    guard padding > 0, buffer.paddingByteCount < padding else { return }
    // What the buffer brought was shipped with it.
    var rest = Self.zeros
    rest.moveReaderIndex(forwardBy: 8 - (padding - buffer.paddingByteCount))
    body.append(rest)
  }

  /// The header as the IPC decoder takes it; shares its memory.
  public var columnarHeader: Columnar.Buffer { Columnar.Buffer(header) }

  /// The body as the IPC decoder takes it; shares its memory if it is in one piece, as that of a
  /// decoded message is.
  public var columnarBody: Columnar.Buffer {
    if body.count == 1 { return Columnar.Buffer(body[0]) }
    var joined = ByteBufferAllocator().buffer(capacity: bodyByteCount)
    for part in body { joined.writeImmutableBuffer(part) }
    return Columnar.Buffer(joined)
  }
}
