/// Decides whether a statement may reach beyond the database: files, the network, the environment,
/// extensions, and settings of the whole instance.
///
/// It reads tokens, before DuckDB sees the statement, and refuses with a sentence that says what, why
/// and which option of the server allows it. DuckDB's own locks (`enable_external_access`,
/// `allowed_directories`, `lock_configuration`) are the second wall: what cannot be decided here, such
/// as a path that is computed, is left to them, unless the function opens files past DuckDB.
public struct MachineAccessPolicy: Hashable, Sendable {
  /// Files in these directories and below may be read and written. Absolute paths or URLs.
  public var allowedDirectories: [String]

  public init(allowedDirectories: [String] = []) { self.allowedDirectories = allowedDirectories }

  /// - Throws: A refusal (`SQLError.Kind.refused`) when the statement may not run.
  public func check(_ statement: StatementText, head: StatementHead) throws(SQLError) {
    if let refusal = refusal(of: statement, head: head) { throw refusal }
  }

  /// Why the statement may not run; nil if it may.
  public func refusal(of statement: StatementText, head: StatementHead) -> SQLError? {
    refusal(of: statement, head: head, depth: 0)
  }

  /// - Parameter depth: How many statements in strings this one is inside of.
  func refusal(of statement: StatementText, head: StatementHead, depth: Int) -> SQLError? {
    if let sentence = refusal(of: head.kind, in: statement) {
      return SQLError(
        sentence, kind: .refused, at: statement.position(ofToken: head.verbToken))
    }
    var scan = MachineAccessScan(policy: self, statement: statement, head: head, depth: depth)
    return scan.refusal()
  }

  private func refusal(of kind: StatementKind, in statement: StatementText) -> String? {
    switch kind {
    case .explain(_, let inner), .prepare(_, let inner):
      refusal(of: inner.kind, in: statement)
    case .copy(let head): refusal(of: head)
    case .attach(let head): refusal(of: head)
    case .detach:
      "DETACH is not allowed: attached databases belong to all sessions of this server"
    case .install, .load, .updateExtensions:
      "extensions are installed and loaded by the operator of this server, not by statements"
    case .exportDatabase(let path): refusal(of: "EXPORT DATABASE", path: path, writes: true)
    case .importDatabase(let path): refusal(of: "IMPORT DATABASE", path: path, writes: false)
    case .create(let head) where head.object == .secret: Self.secretSentence
    case .drop(let head) where head.object == .secret: Self.secretSentence
    case .set(let head): refusal(of: head, verb: "SET")
    case .reset(let head): refusal(of: head, verb: "RESET")
    case .pragma(let head): refusal(of: head, in: statement)
    default: nil
    }
  }

  private static let secretSentence =
    "secrets hold credentials for other systems, which the operator of this server sets up"

  private func refusal(of head: CopyHead) -> String? {
    switch head.direction {
    case .databases: nil
    case .fromFile: refusal(of: "COPY … FROM a file", path: head.path, writes: false)
    case .toFile: refusal(of: "COPY … TO a file", path: head.path, writes: true)
    }
  }

  private func refusal(of head: AttachHead) -> String? {
    if let type = head.type, type != "duckdb", type != "sqlite", type != "file" {
      return "ATTACH of a \(type) database is not allowed: "
        + "connections to other systems are set up by the operator of this server"
    }
    return refusal(of: "ATTACH of a database file", path: head.path, writes: !head.isReadOnly)
  }
}

// MARK: - Paths

extension MachineAccessPolicy {
  /// Why a statement or function may not use a path; nil if it may.
  ///
  /// - Parameter path: Nil when it is no plain string; DuckDB then decides if any directory is allowed.
  func refusal(of what: String, path: String?, writes: Bool) -> String? {
    if allowedDirectories.isEmpty {
      let access = writes ? "writes to" : "reads from"
      return "\(what) is not allowed, because it \(access) the machine that this server runs on; "
        + "the operator can allow it for some directories with the option allowed_directories"
    }
    guard let path, !allows(path) else { return nil }
    return "\(what) is not allowed for \(stringLiteral(path)), which is in none of the directories "
      + "that the option allowed_directories names"
  }

  /// Whether a path is in an allowed directory. A path with `..` in it, or a relative one, is not.
  public func allows(_ path: String) -> Bool {
    let plain = path.hasPrefix("file://") ? String(path.dropFirst(7)) : path
    if plain.split(separator: "/", omittingEmptySubsequences: false).contains("..") { return false }
    return allowedDirectories.contains { directory in
      var prefix = directory
      while prefix.count > 1, prefix.hasSuffix("/") { prefix.removeLast() }
      return !prefix.isEmpty
        && (plain == prefix || plain.hasPrefix(prefix == "/" ? "/" : prefix + "/"))
    }
  }
}
