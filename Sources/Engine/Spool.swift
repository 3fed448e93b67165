internal import Glibc
internal import Synchronization

internal import Columnar

/// How much of results that nobody reads at the moment is kept, and where.
public struct SpoolLimits: Sendable {
  /// Kept in memory per result before the rest goes to disk, in bytes.
  public var maxMemoryByteCount = 16 << 20
  /// What all results together may take on disk; a result that needs more fails.
  public let disk: SpoolAccount
  /// Folder for spool files; they are unlinked as soon as they are open.
  public var directory: String

  public init(directory: String, disk: SpoolAccount = SpoolAccount(limitByteCount: 16 << 30)) {
    self.directory = directory
    self.disk = disk
  }
}

/// How many bytes of disk results take together, and how many they may.
public final class SpoolAccount: Sendable {
  private struct State {
    var limitByteCount: Int
    var usedByteCount = 0
  }

  private let state: Mutex<State>

  public init(limitByteCount: Int) { state = Mutex(State(limitByteCount: limitByteCount)) }

  public func setLimit(_ byteCount: Int) { state.withLock { $0.limitByteCount = byteCount } }

  public var usedByteCount: Int { state.withLock { $0.usedByteCount } }

  /// - Throws: `.overloaded` when the limit would be passed.
  func take(_ byteCount: Int) throws(EngineError) {
    let limit = state.withLock { state -> Int? in
      guard state.usedByteCount + byteCount <= state.limitByteCount else {
        return state.limitByteCount
      }
      state.usedByteCount += byteCount
      return nil
    }
    guard let limit else { return }
    throw .overloaded(
      "results left open inside transactions need more than \(limit) bytes on disk, which is the "
        + "limit (max_spool_bytes); read them before the next statement")
  }

  func giveBack(_ byteCount: Int) { state.withLock { $0.usedByteCount -= byteCount } }
}

/// The part of a result that did not fit in memory: Arrow IPC messages in a file without a name.
///
/// Each message is a header length and a body length (8 bytes each, little-endian), the header, the
/// body. One thread writes, one reads, each at its own place. Blocks: for worker threads.
final class Spool: Sendable {
  private struct State {
    var file: Int32 = -1
    var writeOffset = 0
    var readOffset = 0
    /// Of the disk account.
    var takenByteCount = 0
    var encoder: IPCEncoder
    var decoder: IPCDecoder
    var isClosed = false
  }

  private let limits: SpoolLimits
  private let state: Mutex<State>

  init(schema: Schema, limits: SpoolLimits) {
    self.limits = limits
    state = Mutex(
      State(encoder: IPCEncoder(schema: schema), decoder: IPCDecoder(schema: schema)))
  }

  deinit { close() }

  func close() {
    state.withLock { state in
      if state.file >= 0 { _ = Glibc.close(state.file) }
      state.file = -1
      limits.disk.giveBack(state.takenByteCount)
      state.takenByteCount = 0
      state.isClosed = true
    }
  }

  /// Appends a batch to the file.
  func append(_ batch: Batch) throws(EngineError) {
    let result = state.withLock { state -> Result<Void, EngineError> in
      do throws(EngineError) {
        guard !state.isClosed else { throw .cancelled }
        if state.file < 0 { state.file = try Self.open(in: limits.directory) }
        let messages: [IPCMessage]
        do { messages = try state.encoder.encode(batch) } catch { throw .spool("\(error)") }
        for message in messages {
          try write(message, &state)
        }
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private func write(_ message: IPCMessage, _ state: inout State) throws(EngineError) {
    let byteCount = 16 + message.header.count + message.bodyByteCount
    try limits.disk.take(byteCount)
    state.takenByteCount += byteCount
    try write(Buffer(copying: [message.header.count, message.bodyByteCount]), &state)
    try write(Buffer(copying: message.header), &state)
    for buffer in message.body {
      try write(buffer, &state)
      let padding = (8 - buffer.count % 8) % 8
      try write(Self.zeros.slice(from: 0, byteCount: padding), &state)
    }
  }

  private static let zeros = Buffer(copying: [UInt8](repeating: 0, count: 8))

  private func write(_ buffer: Buffer, _ state: inout State) throws(EngineError) {
    let bytes = unsafe buffer.unsafeBytes
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let written = unsafe pwrite(
        state.file, base + done, bytes.count - done, state.writeOffset)
      guard written > 0 else {
        if written < 0 && errno == EINTR { continue }
        throw .spool("a result could not be kept in \(limits.directory): errno \(errno)")
      }
      done += written
      state.writeOffset += written
    }
  }

  /// The next batch, or `nil` if the writer has not got further.
  func next() -> Result<Batch?, EngineError> {
    state.withLock { state in
      do throws(EngineError) {
        while !state.isClosed, state.readOffset < state.writeOffset {
          if let batch = try readMessage(&state) { return .success(batch) }
        }
        return .success(nil)
      } catch {
        return .failure(error)
      }
    }
  }

  private func readMessage(_ state: inout State) throws(EngineError) -> Batch? {
    let lengths = try read(byteCount: 16, state)
    let values = lengths.values(as: Int.self)
    let (headerCount, bodyCount) = (values[0], values[1])
    state.readOffset += 16
    let header = try read(byteCount: headerCount, state)
    state.readOffset += headerCount
    let body = try read(byteCount: bodyCount, state)
    state.readOffset += bodyCount
    do {
      if case .batch(let batch) = try state.decoder.decode(header: header, body: body) {
        return batch
      }
      return nil
    } catch {
      throw .spool("a spooled result could not be read back: \(error)")
    }
  }

  private func read(byteCount: Int, _ state: borrowing State) throws(EngineError) -> Buffer {
    let memory = WritableBuffer(byteCount: byteCount)
    var done = 0
    while done < byteCount, let base = unsafe memory.bytes.baseAddress {
      let count = unsafe pread(
        state.file, base + done, byteCount - done, state.readOffset + done)
      guard count > 0 else {
        if count < 0 && errno == EINTR { continue }
        throw .spool("a spooled result could not be read back: errno \(errno)")
      }
      done += count
    }
    return memory.finish(byteCount: byteCount)
  }

  private static func open(in directory: String) throws(EngineError) -> Int32 {
    var path = (directory + "/spool-XXXXXX").utf8CString.map { $0 }
    let file = unsafe mkstemp(&path)
    guard file >= 0 else {
      throw .spool("no spool file can be made in \(directory): errno \(errno)")
    }
    unsafe unlink(path)
    return file
  }
}
