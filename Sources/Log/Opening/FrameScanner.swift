internal import Columnar

/// Reads a segment frame by frame, and checks every checksum.
struct FrameScanner {
  struct Frame {
    var header: FrameHeader
    var payload: Buffer
    var position: Int

    var end: Int { position + header.frameByteCount }
  }

  enum Step {
    case frame(Frame)
    /// What stands there is no whole frame; also where a file of zeros begins.
    case broken(at: Int)
    case end
  }

  private static let windowByteCount = 8 << 20

  let size: Int
  private(set) var position = 0
  private let file: any LogFile
  private var window = Buffer.empty
  private var windowStart = 0

  init(_ file: any LogFile) throws(FileError) {
    self.file = file
    size = try file.size()
  }

  mutating func next() throws(FileError) -> Step {
    guard position < size else { return .end }
    guard let frame = try frame(at: position) else { return .broken(at: position) }
    position = frame.end
    return .frame(frame)
  }

  /// The next whole frame behind a broken place whose sequence is above `sequence`; scanning goes on
  /// behind it.
  mutating func resume(after broken: Int, above sequence: UInt64) throws(FileError) -> Frame? {
    var at = broken + 8
    while at + FrameHeader.byteCount <= size {
      try load(at, count: FrameHeader.byteCount)
      // Most of what is skipped is zeros or rows: look for the magic only.
      let end = min(windowStart + window.count - FrameHeader.byteCount, size)
      while at <= end, !isMagic(at) { at += 8 }
      if at > end { continue }
      if let frame = try frame(at: at), frame.header.sequence > sequence {
        position = frame.end
        return frame
      }
      at += 8
    }
    position = size
    return nil
  }

  /// Whether only zeros stand where a header would be.
  mutating func isBlank(_ position: Int) throws(FileError) -> Bool {
    let count = min(FrameHeader.byteCount, size - position)
    try load(position, count: count)
    var reader = ByteReader(window, at: position - windowStart)
    for _ in 0..<(count / 8) where reader.number(UInt64.self) != 0 { return false }
    return true
  }

  private func isMagic(_ at: Int) -> Bool {
    var reader = ByteReader(window, at: at - windowStart)
    return reader.number(UInt32.self) == FrameHeader.magic
  }

  private mutating func frame(at position: Int) throws(FileError) -> Frame? {
    try load(position, count: FrameHeader.byteCount)
    guard let header = FrameHeader(window, at: position - windowStart),
      header.frameByteCount <= size - position
    else { return nil }
    try load(position, count: header.frameByteCount)
    let payload = window.slice(
      from: position - windowStart + FrameHeader.byteCount, byteCount: header.payloadByteCount)
    guard payload.count == header.payloadByteCount,
      Checksum.of(payload) == header.payloadChecksum
    else { return nil }
    return Frame(header: header, payload: payload, position: position)
  }

  private mutating func load(_ position: Int, count: Int) throws(FileError) {
    if position >= windowStart, position + count <= windowStart + window.count { return }
    let wanted = max(count, min(Self.windowByteCount, size - position))
    window = try file.read(at: position, count: max(wanted, 0))
    windowStart = position
  }
}
