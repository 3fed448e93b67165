internal import Columnar
internal import Synchronization

/// A folder in memory, for a server that keeps nothing, and for tests.
public final class MemoryFolder: FileSystem {
  private let files = Mutex<[String: MemoryFile]>([:])

  public init() {}

  public func names() throws(FileError) -> [String] { files.withLock { Array($0.keys) } }

  public func open(_ name: String, creates: Bool) throws(FileError) -> any LogFile {
    let file = files.withLock { files -> MemoryFile? in
      if creates { files[name] = MemoryFile() }
      return files[name]
    }
    guard let file else { throw FileError(.notFound, "there is no file \(name)") }
    return file
  }

  public func remove(_ name: String) throws(FileError) { files.withLock { $0[name] = nil } }
  public func syncFolder() throws(FileError) {}
}

private final class MemoryFile: LogFile {
  private let bytes = Mutex<[UInt8]>([])

  func size() throws(FileError) -> Int { bytes.withLock { $0.count } }

  func read(at position: Int, count: Int) throws(FileError) -> Buffer {
    bytes.withLock { bytes in
      let start = min(max(position, 0), bytes.count)
      let part = max(0, min(count, bytes.count - start))
      let memory = WritableBuffer(byteCount: part)
      unsafe bytes.withUnsafeBytes { all in
        unsafe memory.bytes.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: all[start..<(start + part)]))
      }
      return memory.finish(byteCount: part)
    }
  }

  func write(_ parts: [Buffer], at position: Int) throws(FileError) {
    bytes.withLock { bytes in
      if bytes.count > position { bytes.removeLast(bytes.count - position) }
      if bytes.count < position {
        bytes.append(contentsOf: repeatElement(0, count: position - bytes.count))
      }
      for part in parts { unsafe bytes.append(contentsOf: part.unsafeBytes) }
    }
  }

  func sync() throws(FileError) {}

  func truncate(to size: Int) throws(FileError) {
    bytes.withLock { bytes in
      if size < bytes.count { bytes.removeLast(bytes.count - size) }
    }
  }

  /// Memory is not taken ahead.
  func allocate(to size: Int) throws(FileError) {}
}
