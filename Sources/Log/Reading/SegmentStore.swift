internal import Threads
internal import Columnar
internal import Synchronization

/// The segment files as readers use them: opened when needed, and a few kept open.
final class SegmentStore: Sendable {
  private struct State {
    var open: [(number: UInt64, file: any LogFile)] = []
    var failure: LogError?
    var isIndexLoaded = true
    var cold: (any ColdStore)?
  }

  /// How many files are kept open for reading.
  private static let maxOpenCount = 16

  let files: any FileSystem
  private let state = Mutex(State())
  private let monitor = Monitor()

  init(_ files: any FileSystem) { self.files = files }

  static func name(_ number: UInt64) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 12 - digits.count)) + digits + ".seg"
  }

  static func number(ofName name: String) -> UInt64? {
    name.hasSuffix(".seg") ? UInt64(name.dropLast(4)) : nil
  }

  // MARK: Reading

  func read(
    _ segment: UInt64, at position: Int, count: Int, of topic: SegmentTopic
  ) throws(LogError) -> Buffer {
    do throws(FileError) {
      let bytes = try file(segment).read(at: position, count: count)
      guard bytes.count == count else {
        throw FileError(.other, "it is shorter than its index says")
      }
      return bytes
    } catch {
      let start = topic.state.start
      if error.kind == .notFound { throw .gone(start, start: start) }
      throw .damaged("segment \(Self.name(segment)), byte \(position): \(error.sentence)")
    }
  }

  func context(in segment: UInt64, at position: Int) throws(LogError) -> LogContext {
    do throws(FileError) {
      let file = try file(segment)
      let head = try file.read(at: position, count: FrameHeader.byteCount)
      guard let header = FrameHeader(head, at: 0), header.kind == .context else {
        throw FileError(.other, "there is no context there")
      }
      let payload = try file.read(
        at: position + FrameHeader.byteCount, count: header.payloadByteCount)
      guard Checksum.of(payload) == header.payloadChecksum,
        let context = Payloads.context(from: payload)
      else { throw FileError(.other, "the context there is damaged") }
      return context.context
    } catch {
      throw .damaged("segment \(Self.name(segment)), byte \(position): \(error.sentence)")
    }
  }

  func damage(_ segment: UInt64, _ position: Int) -> LogError {
    .damaged(
      "segment \(Self.name(segment)), byte \(position): what is there is not what was written")
  }

  private func file(_ number: UInt64) throws(FileError) -> any LogFile {
    if let known = state.withLock({ state in state.open.first { $0.number == number }?.file }) {
      return known
    }
    let file = try files.open(Self.name(number), creates: false)
    keep(file, as: number)
    return file
  }

  /// Readers share the file that is being written, too.
  func keep(_ file: any LogFile, as number: UInt64) {
    state.withLock { state in
      state.open.removeAll { $0.number == number }
      state.open.append((number, file))
      if state.open.count > Self.maxOpenCount { state.open.removeFirst() }
    }
  }

  func forget(_ number: UInt64) {
    state.withLock { state in state.open.removeAll { $0.number == number } }
  }

  /// What reads rows that are in files outside of the log.
  var cold: (any ColdStore)? { state.withLock { $0.cold } }

  func setCold(_ store: any ColdStore) { state.withLock { $0.cold = store } }

  // MARK: State of the log

  var failure: LogError? { state.withLock { $0.failure } }

  func fail(_ error: LogError) {
    state.withLock { $0.failure = $0.failure ?? error }
  }

  func setIndexLoaded(_ isLoaded: Bool) {
    state.withLock { $0.isIndexLoaded = isLoaded }
    monitor.broadcast()
  }

  /// Blocks until the index of sealed segments has been read, which begins when the log is opened.
  func waitForIndex() {
    if state.withLock({ $0.isIndexLoaded }) { return }
    monitor.wait { state.withLock { $0.isIndexLoaded } }
  }
}
