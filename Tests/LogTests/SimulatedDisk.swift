import Columnar
import Log
import Synchronization
import TestSupport

/// A disk that forgets what was not synced when its power is cut, and fails when it is told to.
final class SimulatedDisk: FileSystem {
  struct Write {
    var position: Int
    var bytes: [UInt8]
  }

  struct FileState {
    /// What is on the platter.
    var durable: [UInt8] = []
    /// What programs see.
    var seen: [UInt8] = []
    /// Written or cut since the last sync.
    var pending: [Write] = []
    var isEntryDurable = false
    var isRemoved = false
  }

  enum Fault: CaseIterable { case error, full, short }

  struct State {
    var files: [String: FileState] = [:]
    var callCount = 0
    var failsAt: Int?
    var fault = Fault.error
    /// The call that failed.
    var failedCall: String?
    /// After a power cut nothing works any more.
    var isOff = false
    var capacity: Int?
  }

  let state: Mutex<State>

  init(_ state: State = State()) { self.state = Mutex(state) }

  /// Counts a call, and fails it if it is the one that is to fail.
  func call(_ name: String) throws(FileError) {
    let fault = state.withLock { state -> Fault? in
      state.callCount += 1
      if state.isOff { return .error }
      guard state.callCount == state.failsAt else { return nil }
      state.failedCall = name
      return state.fault
    }
    switch fault {
    case nil: return
    case .error: throw FileError(.other, "\(name): Input/output error")
    case .full, .short: throw FileError(.full, "\(name): No space left on device")
    }
  }

  func names() throws(FileError) -> [String] {
    try call("opendir")
    return state.withLock { $0.files.filter { !$0.value.isRemoved }.map(\.key) }
  }

  func open(_ name: String, creates: Bool) throws(FileError) -> any LogFile {
    try call("open")
    let exists = state.withLock { state in
      let exists = state.files[name].map { !$0.isRemoved } ?? false
      if creates { state.files[name] = FileState() }
      return exists || creates
    }
    guard exists else { throw FileError(.notFound, "open: No such file") }
    return SimulatedFile(self, name)
  }

  func remove(_ name: String) throws(FileError) {
    try call("unlink")
    state.withLock { $0.files[name]?.isRemoved = true }
  }

  func syncFolder() throws(FileError) {
    try call("fsync")
    state.withLock { state in
      for name in state.files.keys {
        if state.files[name]?.isRemoved == true {
          state.files[name] = nil
        } else {
          state.files[name]?.isEntryDurable = true
        }
      }
    }
  }

  /// The disk as it is found when power comes back: synced bytes, and some sectors of what was not.
  func afterPowerCut(_ random: inout SeededRandom) -> SimulatedDisk {
    var after = State()
    let files = state.withLock { state in
      state.isOff = true
      return state.files
    }
    for (name, file) in files.sorted(by: { $0.key < $1.key }) {
      if !file.isEntryDurable, Bool.random(using: &random) { continue }
      var bytes = file.durable
      for write in file.pending { Self.apply(write, partly: &random, to: &bytes) }
      after.files[name] = FileState(
        durable: bytes, seen: bytes, pending: [], isEntryDurable: true)
    }
    return SimulatedDisk(after)
  }

  /// The disk as it is found when the process was killed: the system has all that was written.
  func afterKill() -> SimulatedDisk {
    var after = State()
    let files = state.withLock { state in
      state.isOff = true
      return state.files
    }
    for (name, file) in files where !file.isRemoved {
      after.files[name] = FileState(
        durable: file.seen, seen: file.seen, pending: [], isEntryDurable: true)
    }
    return SimulatedDisk(after)
  }

  private static func apply(
    _ write: Write, partly random: inout SeededRandom, to bytes: inout [UInt8]
  ) {
    var position = 0
    while position < write.bytes.count {
      // Sectors of the file, not of the write.
      let count = min(512 - (write.position + position) % 512, write.bytes.count - position)
      if Int.random(in: 0..<3, using: &random) > 0 {
        let end = write.position + position + count
        if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
        bytes.replaceSubrange(
          (write.position + position)..<end, with: write.bytes[position..<(position + count)])
      }
      position += count
    }
  }
}

final class SimulatedFile: LogFile {
  private let disk: SimulatedDisk
  private let name: String

  init(_ disk: SimulatedDisk, _ name: String) {
    self.disk = disk
    self.name = name
  }

  func size() throws(FileError) -> Int {
    try disk.call("fstat")
    return disk.state.withLock { $0.files[name]?.seen.count ?? 0 }
  }

  func read(at position: Int, count: Int) throws(FileError) -> Buffer {
    try disk.call("pread")
    let bytes = disk.state.withLock { state -> [UInt8] in
      let all = state.files[name]?.seen ?? []
      let start = min(position, all.count)
      return Array(all[start..<min(start + count, all.count)])
    }
    return Buffer(copying: bytes)
  }

  func write(_ parts: [Buffer], at position: Int) throws(FileError) {
    let bytes = parts.flatMap { unsafe Array($0.unsafeBytes) }
    do throws(FileError) {
      try disk.call("pwritev")
    } catch {
      let isShort = disk.state.withLock { $0.fault == .short && !$0.isOff }
      if isShort { put(Array(bytes.prefix(bytes.count / 2)), at: position) }
      throw error
    }
    let isFull = disk.state.withLock { state in
      state.capacity.map { position + bytes.count > $0 } ?? false
    }
    if isFull { throw FileError(.full, "pwritev: No space left on device") }
    put(bytes, at: position)
  }

  private func put(_ bytes: [UInt8], at position: Int) {
    disk.state.withLock { state in
      let end = position + bytes.count
      var seen = state.files[name]?.seen ?? []
      if seen.count < end { seen += [UInt8](repeating: 0, count: end - seen.count) }
      seen.replaceSubrange(position..<end, with: bytes)
      state.files[name]?.seen = seen
      state.files[name]?.pending.append(.init(position: position, bytes: bytes))
    }
  }

  func sync() throws(FileError) {
    try disk.call("fdatasync")
    disk.state.withLock { state in
      let seen = state.files[name]?.seen ?? []
      state.files[name]?.durable = seen
      state.files[name]?.pending = []
    }
  }

  func truncate(to size: Int) throws(FileError) {
    try disk.call("ftruncate")
    disk.state.withLock { state in
      guard let count = state.files[name]?.seen.count else { return }
      if size < count {
        state.files[name]?.seen.removeLast(count - size)
      } else {
        let zeros = [UInt8](repeating: 0, count: size - count)
        state.files[name]?.seen += zeros
      }
    }
  }

  func allocate(to size: Int) throws(FileError) {
    try disk.call("fallocate")
    let isFull = disk.state.withLock { state in state.capacity.map { size > $0 } ?? false }
    if isFull { throw FileError(.full, "fallocate: No space left on device") }
    disk.state.withLock { state in
      guard let count = state.files[name]?.seen.count, size > count else { return }
      let zeros = [UInt8](repeating: 0, count: size - count)
      state.files[name]?.seen += zeros
    }
  }
}
