/// Why a data folder cannot be used.
public enum DataFolderError: Error, Hashable, Sendable {
  /// Another process works with it; its id, if it left one.
  case locked(folder: String, processID: Int?)
  /// A later version of the program has written it.
  case newerVersion(folder: String, found: Int, known: Int)
  case noMigration(folder: String, from: Int, to: Int)
  case malformedVersion(folder: String, text: String)
  /// There are files in it, and they are not ours.
  case foreign(folder: String, example: String)
  /// A system call failed; `reason` is the system's text.
  case system(call: String, path: String, errno: Int32, reason: String)
}

extension DataFolderError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .locked(let folder, let processID):
      "the data folder \(folder) is in use by "
        + (processID.map { "the server with process id \($0)" } ?? "another process")
        + "; stop it, or choose another folder with --data-dir"
    case .newerVersion(let folder, let found, let known):
      "the data folder \(folder) has version \(found), written by a newer hyprstream; this one "
        + "knows versions up to \(known)"
    case .noMigration(let folder, let from, let to):
      "the data folder \(folder) has version \(from), and there is no way from it to \(to)"
    case .malformedVersion(let folder, let text):
      "\(folder)/VERSION holds \"\(text)\", which is not a version"
    case .foreign(let folder, let example):
      "the folder \(folder) is not a data folder of hyprstream: it has no VERSION but holds "
        + "\"\(example)\"; choose an empty folder with --data-dir"
    case .system(let call, let path, _, let reason):
      "\(call) failed on \(path): \(reason)"
    }
  }
}
