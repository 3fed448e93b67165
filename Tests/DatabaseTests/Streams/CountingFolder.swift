import Columnar
import Log
import Synchronization

/// A folder in memory that counts what is read of its files.
final class CountingFolder: FileSystem {
  private let files: any FileSystem
  fileprivate let counted = Atomic(0)

  init(_ files: any FileSystem = MemoryFolder()) { self.files = files }

  var readByteCount: Int { counted.load(ordering: .relaxed) }

  func names() throws(FileError) -> [String] { try files.names() }
  func remove(_ name: String) throws(FileError) { try files.remove(name) }
  func syncFolder() throws(FileError) { try files.syncFolder() }

  func open(_ name: String, creates: Bool) throws(FileError) -> any LogFile {
    CountingFile(try files.open(name, creates: creates), self)
  }
}

private final class CountingFile: LogFile {
  private let file: any LogFile
  private let folder: CountingFolder

  init(_ file: any LogFile, _ folder: CountingFolder) {
    self.file = file
    self.folder = folder
  }

  func read(at position: Int, count: Int) throws(FileError) -> Buffer {
    folder.counted.add(count, ordering: .relaxed)
    return try file.read(at: position, count: count)
  }

  func size() throws(FileError) -> Int { try file.size() }
  func write(_ parts: [Buffer], at position: Int) throws(FileError) {
    try file.write(parts, at: position)
  }
  func sync() throws(FileError) { try file.sync() }
  func truncate(to size: Int) throws(FileError) { try file.truncate(to: size) }
  func allocate(to size: Int) throws(FileError) { try file.allocate(to: size) }
}
