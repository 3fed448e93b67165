public import NIOCore
internal import SwiftProtobuf

/// One IPC message on its way: flatbuffer header, body, and what the application adds.
///
/// The counterpart of the protobuf message of the same name, read and written without copying the
/// body. Decoded parts share the memory of the message they came in; their reader index need not
/// be 0.
public struct FlightData: Sendable {
  /// What the stream is about; in the first message of a put.
  public var descriptor: Flight.FlightDescriptor?
  /// The flatbuffer of the IPC message, without a length prefix. Empty when the message only
  /// carries metadata.
  public var header: ByteBuffer
  /// `nil` when absent; the wire does not tell absent from empty.
  public var appMetadata: ByteBuffer?
  /// The body in pieces, which follow each other without a gap. No pieces: no body.
  public var body: [ByteBuffer]

  /// Messages above this size are refused by protobuf implementations.
  public static let maxByteCount = Int(Int32.max)

  public init(
    descriptor: Flight.FlightDescriptor? = nil, header: ByteBuffer = ByteBuffer(),
    appMetadata: ByteBuffer? = nil, body: [ByteBuffer] = []
  ) {
    self.descriptor = descriptor
    self.header = header
    self.appMetadata = appMetadata
    self.body = body
  }

  /// Number of bytes in all pieces of the body.
  public var bodyByteCount: Int { body.reduce(0) { $0 + $1.readableBytes } }
}

extension FlightData {
  private static let name = "FlightData"

  private enum FieldNumber {
    static let descriptor = 1
    static let header = 2
    static let appMetadata = 3
    static let body = 1000
  }

  /// Reads a message. Its header, metadata and body share the memory of `message`; unknown fields
  /// are skipped.
  public static func decode(_ message: ByteBuffer) throws(ProtocolError) -> FlightData {
    var data = FlightData()
    var reader = WireReader(message, message: name)
    while let field = try reader.next() {
      guard let bytes = field.bytes else { continue }
      switch field.number {
      case FieldNumber.descriptor: try data.merge(descriptor: bytes)
      case FieldNumber.header: data.header = bytes
      case FieldNumber.appMetadata: data.appMetadata = bytes.readableBytes > 0 ? bytes : nil
      case FieldNumber.body: data.body = [bytes]
      default: continue
      }
    }
    return data
  }

  /// A message field that occurs twice is merged, as protobuf demands.
  private mutating func merge(descriptor bytes: ByteBuffer) throws(ProtocolError) {
    var merged = descriptor ?? Flight.FlightDescriptor()
    do {
      try merged.merge(serializedBytes: Array(bytes.readableBytesView))
    } catch {
      throw .malformed(message: "FlightDescriptor", reason: "\(error)")
    }
    descriptor = merged
  }

  /// The message for a gathering write: `head`, then the pieces of the body as they are.
  ///
  /// - Throws: `.tooLarge` when other implementations could not read it.
  public func encode() throws(ProtocolError) -> (head: ByteBuffer, body: [ByteBuffer]) {
    let descriptorBytes: [UInt8]? = try descriptor?.serializedArray()
    let bodyByteCount = bodyByteCount
    let headCapacity =
      (descriptorBytes?.count ?? 0) + header.readableBytes + (appMetadata?.readableBytes ?? 0)
      + 4 * WireWriter.maxPrefixBytes
    guard bodyByteCount + headCapacity <= Self.maxByteCount else {
      throw .tooLarge(byteCount: bodyByteCount + headCapacity, limitBytes: Self.maxByteCount)
    }
    var head = ByteBufferAllocator().buffer(capacity: headCapacity)
    if let descriptorBytes {
      WireWriter.write(
        prefixOf: UInt64(FieldNumber.descriptor), byteCount: descriptorBytes.count, into: &head)
      head.writeBytes(descriptorBytes)
    }
    Self.append(header, as: FieldNumber.header, to: &head)
    if let appMetadata { Self.append(appMetadata, as: FieldNumber.appMetadata, to: &head) }
    if !body.isEmpty {
      WireWriter.write(
        prefixOf: UInt64(FieldNumber.body), byteCount: bodyByteCount, into: &head)
    }
    return (head, body)
  }

  private static func append(_ bytes: ByteBuffer, as field: Int, to head: inout ByteBuffer) {
    guard bytes.readableBytes > 0 else { return }
    WireWriter.write(prefixOf: UInt64(field), byteCount: bytes.readableBytes, into: &head)
    head.writeImmutableBuffer(bytes)
  }
}
