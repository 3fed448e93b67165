/// The folder that keeps everything a server keeps, held by one process at a time.
///
///     LOCK                 flock(2) while a server runs; the text is its process id
///     VERSION              one line: the number of this layout
///     hyprstream.duckdb    DuckDB's file, and beside it its write-ahead log
///     tmp/                 results set aside; emptied at every start
///
/// A folder of a newer version is refused, one of an older version is migrated step by step before
/// anything else touches it. The lock goes with the process however it ends, because the kernel
/// holds it; the file itself stays.
///
/// **Ownership.** The lock is held for as long as this object lives.
public final class DataFolder: Sendable {
  /// The layout that this program writes.
  public static let currentVersion = 1

  /// Absolute path, without a slash at the end.
  public let path: String
  /// The version that was found, before any migration; nil for a new folder.
  public let foundVersion: Int?
  private let lock: FileLock

  public var databasePath: String { path + "/hyprstream.duckdb" }
  /// The segments of the log of streams.
  public var eventLogPath: String { path + "/log" }
  /// The folder of rows that have left the log.
  public var coldPath: String { path + "/cold" }
  public var temporaryPath: String { path + "/tmp" }

  /// Makes the folder if it is missing, locks it and brings it to the current version.
  ///
  /// - Parameter path: Absolute or relative to the working directory.
  public convenience init(path: String) throws(DataFolderError) {
    try self.init(path: path, migrations: Migration.all)
  }

  init(path: String, migrations: [Migration]) throws(DataFolderError) {
    try Files.makeFolder(path)
    self.path = try Files.absolutePath(path)
    lock = try FileLock(path: self.path + "/LOCK", folder: self.path)
    let latest = migrations.map(\.to).max() ?? 1
    foundVersion = try Self.readVersion(in: self.path)
    guard let foundVersion else {
      try Self.refuseForeign(self.path)
      try Self.writeVersion(latest, in: self.path)
      try Files.makeEmptyFolder(temporaryPath)
      return
    }
    guard foundVersion <= latest else {
      throw .newerVersion(folder: self.path, found: foundVersion, known: latest)
    }
    var version = foundVersion
    while version < latest {
      guard let step = migrations.first(where: { $0.from == version }) else {
        throw .noMigration(folder: self.path, from: version, to: latest)
      }
      try step.run(self.path)
      version = step.to
      try Self.writeVersion(version, in: self.path)
    }
    try Files.makeEmptyFolder(temporaryPath)
  }

  private static func readVersion(in path: String) throws(DataFolderError) -> Int? {
    guard let text = try Files.read(path + "/VERSION", limitBytes: 64) else { return nil }
    let line = text.prefix { $0 != "\n" }
    guard let version = Int(line), version > 0 else {
      throw .malformedVersion(folder: path, text: String(line))
    }
    return version
  }

  private static func writeVersion(_ version: Int, in path: String) throws(DataFolderError) {
    try Files.replace(path + "/VERSION", with: "\(version)\n", folder: path)
  }

  /// A folder with other things in it and no VERSION is probably a mistyped path.
  private static func refuseForeign(_ path: String) throws(DataFolderError) {
    let ours: Set<String> = ["LOCK", "VERSION.new", "tmp", "lost+found"]
    if let other = try Files.names(in: path).sorted().first(where: { !ours.contains($0) }) {
      throw .foreign(folder: path, example: other)
    }
  }
}

/// One step from a version of the layout to the next.
///
/// A step may be interrupted at any point and is then run again from its beginning: VERSION is
/// written after it.
struct Migration: Sendable {
  let from: Int
  let to: Int
  let run: @Sendable (_ path: String) throws(DataFolderError) -> Void

  /// Every step there is; version 1 is the first.
  static let all: [Migration] = []
}
