internal import Columnar

/// What a frame is. The numbers are those of the format.
enum FrameKind: UInt8 {
  case topic = 1
  case removed, context, batch, watermark, endOfStream, key, prepare, commit, abort, trim, footer
  case cold
}

/// What stands before the payload of a frame: 64 bytes, as `docs/formats/log.md` lays them out.
struct FrameHeader {
  static let byteCount = 64
  static let magic: UInt32 = 0x3146_4C48
  static let firstVersion: UInt16 = 1
  /// Of frames that say where cold rows are: those who know version 1 only must not pass over them.
  static let coldVersion: UInt16 = 2

  struct Flags: OptionSet {
    let rawValue: UInt8
    static let last = Flags(rawValue: 1)
    static let prepared = Flags(rawValue: 2)
    static let first = Flags(rawValue: 4)
  }

  var payloadChecksum: UInt32 = 0
  var kind: FrameKind
  var version = Self.firstVersion
  var flags: Flags = []
  var payloadByteCount = 0
  /// The context that a batch needs.
  var contextID: UInt32 = 0
  var sequence: UInt64 = 0
  var synced: UInt64 = 0
  var topic: UInt32 = 0
  var rowCount: UInt32 = 0
  var firstOffset: Int64 = 0
  var ingestMicroseconds: Int64 = 0

  init(_ kind: FrameKind) {
    self.kind = kind
    if kind == .cold { version = Self.coldVersion }
  }

  /// The most bytes of payload.
  static let maxPayloadByteCount = Int(UInt32.max)

  /// Bytes of the frame in the file.
  var frameByteCount: Int { Self.byteCount + padded(payloadByteCount) }

  func append(to writer: inout ByteWriter) {
    let start = writer.bytes.count
    writer.put(Self.magic)
    writer.put(UInt32(0))
    writer.put(payloadChecksum)
    writer.put(kind.rawValue)
    writer.put(flags.rawValue)
    writer.put(version)
    writer.put(UInt32(truncatingIfNeeded: payloadByteCount))
    writer.put(contextID)
    writer.put(sequence)
    writer.put(synced)
    writer.put(topic)
    writer.put(rowCount)
    writer.put(firstOffset)
    writer.put(ingestMicroseconds)
    var checksum = Checksum()
    checksum.add(Array(writer.bytes[(start + 8)...]))
    for (index, shift) in [UInt32(0), 8, 16, 24].enumerated() {
      writer.bytes[start + 4 + index] = UInt8(truncatingIfNeeded: checksum.value >> shift)
    }
  }

  /// The header at a position, or nil if there is none or it is broken.
  init?(_ buffer: Buffer, at position: Int) {
    var reader = ByteReader(buffer, at: position)
    guard reader.number(UInt32.self) == Self.magic, let checksum = reader.number(UInt32.self),
      buffer.count - position >= Self.byteCount,
      Checksum.of(buffer.slice(from: position + 8, byteCount: Self.byteCount - 8)) == checksum,
      let payloadChecksum = reader.number(UInt32.self),
      let kind = reader.number(UInt8.self).flatMap(FrameKind.init),
      let flags = reader.number(UInt8.self), let version = reader.number(UInt16.self),
      (Self.firstVersion...Self.coldVersion).contains(version),
      let payloadByteCount = reader.number(UInt32.self),
      let contextID = reader.number(UInt32.self), let sequence = reader.number(UInt64.self),
      let synced = reader.number(UInt64.self), let topic = reader.number(UInt32.self),
      let rowCount = reader.number(UInt32.self), let firstOffset = reader.number(Int64.self),
      let ingest = reader.number(Int64.self)
    else { return nil }
    self.payloadChecksum = payloadChecksum
    self.kind = kind
    self.version = version
    self.flags = Flags(rawValue: flags)
    self.payloadByteCount = Int(payloadByteCount)
    self.contextID = contextID
    self.sequence = sequence
    self.synced = synced
    self.topic = topic
    self.rowCount = rowCount
    self.firstOffset = firstOffset
    ingestMicroseconds = ingest
  }
}

/// The payload of a frame on its way to the disk.
struct FramePayload {
  var parts: [Buffer] = []
  var byteCount = 0
  var checksum = Checksum()

  mutating func append(_ buffer: Buffer) {
    guard !buffer.isEmpty else { return }
    parts.append(buffer)
    byteCount += buffer.count
    checksum.add(buffer)
  }

  mutating func append(_ bytes: [UInt8]) { append(Buffer(copying: bytes)) }

  /// Zeros up to the next multiple of 8.
  mutating func pad() {
    let missing = padded(byteCount) - byteCount
    if missing > 0 { append(zeroPadding.slice(from: 0, byteCount: missing)) }
  }

  /// An IPC message: header padded to 8, then the body with its padding. Small ones are copied into
  /// one piece, large ones are taken as they lie.
  mutating func append(_ message: IPCMessage) {
    if message.bodyByteCount <= Self.copiedByteCount {
      var writer = ByteWriter()
      writer.bytes.reserveCapacity(padded(message.header.count) + message.bodyByteCount)
      writer.bytes += message.header
      writer.pad()
      for buffer in message.body {
        unsafe writer.bytes.append(contentsOf: buffer.unsafeBytes)
        writer.pad()
      }
      return append(writer.bytes)
    }
    append(message.header)
    pad()
    for buffer in message.body {
      append(buffer)
      pad()
    }
  }

  /// Bodies up to this size are cheaper copied than written from several places.
  private static let copiedByteCount = 8 << 10
}
