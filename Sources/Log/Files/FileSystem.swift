public import Columnar

/// The folder that a log lives in. Everything that the log does to a disk goes through it, so that
/// tests can give it a disk that fails.
public protocol FileSystem: AnyObject, Sendable {
  /// The names of all files.
  func names() throws(FileError) -> [String]
  /// Opens a file for reading and writing.
  ///
  /// - Parameter creates: Makes it if there is none; an existing one is emptied.
  func open(_ name: String, creates: Bool) throws(FileError) -> any LogFile
  func remove(_ name: String) throws(FileError)
  /// Makes the folder's entries durable.
  func syncFolder() throws(FileError)
}

/// One file of a log. Positions and lengths are in bytes.
public protocol LogFile: AnyObject, Sendable {
  func size() throws(FileError) -> Int
  /// Reads up to `count` bytes; fewer only at the end of the file.
  func read(at position: Int, count: Int) throws(FileError) -> Buffer
  /// Writes all parts behind each other.
  func write(_ parts: [Buffer], at position: Int) throws(FileError)
  /// Makes what was written durable.
  func sync() throws(FileError)
  func truncate(to size: Int) throws(FileError)
  /// Takes space ahead: the file becomes `size` bytes long, with zeros.
  func allocate(to size: Int) throws(FileError)
}

/// A call of the operating system that has failed.
public struct FileError: Error, Hashable, Sendable {
  public enum Kind: Sendable, Hashable {
    /// No space, or a quota was reached.
    case full
    case notFound
    case other
  }

  public var kind: Kind
  /// The call and the file, with the system's reason.
  public var sentence: String

  public init(_ kind: Kind, _ sentence: String) {
    self.kind = kind
    self.sentence = sentence
  }
}

extension LogError {
  init(_ error: FileError) {
    self = error.kind == .full ? .full(error.sentence) : .failed(error.sentence)
  }
}
