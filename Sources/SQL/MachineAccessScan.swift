/// Walks over the tokens of a statement and looks for functions that reach the machine, and for files
/// in the place of a table (`FROM 'data.csv'`).
struct MachineAccessScan {
  let policy: MachineAccessPolicy
  let statement: StatementText
  let depth: Int
  private let isMacro: Bool
  private let source: SQLText
  private let end: Int

  /// One open bracket, or the statement itself.
  private struct Frame {
    /// Whether `FROM` in it is a clause, not a word of `EXTRACT(… FROM …)`.
    var isQuery: Bool
    /// Whether a comma is followed by a table.
    var isInFrom = false
  }

  private var frames: [Frame] = [Frame(isQuery: true)]
  private var expectsTable = false

  /// `query('…')` is looked into this deep.
  private static let maxDepth = 4

  init(policy: MachineAccessPolicy, statement: StatementText, head: StatementHead, depth: Int) {
    self.policy = policy
    self.statement = statement
    self.depth = depth
    source = statement.source
    end = min(statement.tokenRange.upperBound, statement.source.tokens.count)
    if case .create(let head) = head.kind {
      isMacro = head.object == .macro
    } else {
      isMacro = false
    }
  }

  mutating func refusal() -> SQLError? {
    for index in statement.tokenRange where index < end {
      let token = source.tokens[index]
      switch token.kind {
      case .string:
        if expectsTable, let refusal = refusalOfFile(token, at: index) { return refusal }
        expectsTable = false
      case .word, .quotedName:
        if isCall(at: index), let refusal = refusalOfCall(at: index) { return refusal }
        note(token, at: index)
      case .punctuation: note(mark: token, at: index)
      default: expectsTable = false
      }
    }
    return nil
  }

  private func token(_ index: Int) -> Token? {
    statement.tokenRange.contains(index) && index < end ? source.tokens[index] : nil
  }

  // MARK: Where a table may stand

  private mutating func note(_ token: Token, at index: Int) {
    let wasExpecting = expectsTable
    expectsTable = false
    guard let keyword = token.keyword else { return }
    if isLabel(at: index) { return }
    switch keyword {
    case .from:
      guard let frame = frames.last, frame.isQuery, !isDistinctFrom(at: index) else { return }
      frames[frames.count - 1].isInFrom = true
      expectsTable = true
    case .join, .using, .summarize, .describe, .pivot, .unpivot, .table: expectsTable = true
    case .desc: expectsTable = index == statement.tokenRange.lowerBound
    case .lateral, .only: expectsTable = wasExpecting
    case .where, .group, .having, .order, .limit, .qualify, .window, .select, .union, .except,
      .intersect, .set, .values, .returning:
      frames[frames.count - 1].isInFrom = false
    default: break
    }
  }

  /// Whether the keyword is a name, after `.` or `AS`. `CREATE TABLE t AS FROM 'x'` has a clause there.
  private func isLabel(at index: Int) -> Bool {
    guard let previous = token(index - 1) else { return false }
    if previous.isMark(".") { return true }
    guard previous.isKeyword(.as) else { return false }
    guard token(index)?.keyword == .from, let next = token(index + 1) else { return true }
    switch next.kind {
    case .string, .quotedName: return false
    case .word: return next.keyword?.category == .reserved
    default: return !next.isMark("(")
    }
  }

  private mutating func note(mark: Token, at index: Int) {
    let wasExpecting = expectsTable
    expectsTable = false
    switch mark.firstByte {
    case UInt8(ascii: "("):
      let isTrim = token(index - 1)?.keyword == .trim
      frames.append(Frame(isQuery: !isTrim && isQueryStart(token(index + 1))))
      expectsTable = wasExpecting
    case UInt8(ascii: "["), UInt8(ascii: "{"): frames.append(Frame(isQuery: false))
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
      if frames.count > 1 { frames.removeLast() }
    case UInt8(ascii: ","): expectsTable = frames.last?.isInFrom ?? false
    default: break
    }
  }

  private func isQueryStart(_ token: Token?) -> Bool {
    switch token?.keyword {
    case .select, .with, .from, .values, .pivot, .unpivot, .summarize, .describe, .table, .show:
      true
    default: token?.isMark("(") ?? false
    }
  }

  /// `IS DISTINCT FROM`, `IS NOT DISTINCT FROM`.
  private func isDistinctFrom(at index: Int) -> Bool {
    guard token(index - 1)?.keyword == .distinct else { return false }
    let before = token(index - 2)?.keyword
    return before == .is || before == .not
  }

  private func refusalOfFile(_ token: Token, at index: Int) -> SQLError? {
    guard let path = source.stringValue(of: token), Self.looksLikeFile(path),
      let sentence = policy.refusal(of: "reading a file", path: path, writes: false)
    else { return nil }
    return SQLError(sentence, kind: .refused, at: statement.position(ofToken: index))
  }

  /// Whether a string in the place of a table is a file rather than a table in odd quotes.
  static func looksLikeFile(_ path: String) -> Bool {
    if path.contains(where: { "/\\*?[".contains($0) }) { return true }
    guard let dot = path.lastIndex(of: ".") else { return false }
    return fileExtensions.contains(path[path.index(after: dot)...].lowercased())
  }

  private static let fileExtensions: Set<String> = [
    "arrow", "avro", "csv", "db", "duckdb", "feather", "gz", "ipc", "json", "jsonl", "ndjson",
    "parquet", "sqlite", "text", "tsv", "txt", "xlsx", "xml", "yaml", "yml", "zst",
  ]
}

// MARK: - Functions

extension MachineAccessScan {
  /// Whether the name at `index` is called as a function: not a table with its columns, not an alias,
  /// not the operator `GLOB`.
  private func isCall(at index: Int) -> Bool {
    guard token(index + 1)?.isMark("(") ?? false else { return false }
    var first = index
    while token(first - 1)?.isMark(".") ?? false, let part = token(first - 2),
      part.kind == .word || part.kind == .quotedName
    {
      first -= 2
    }
    guard let previous = token(first - 1) else { return false }
    if token(index)?.keyword == .glob { return callsGlob(after: previous, at: index) }
    switch previous.kind {
    case .string, .number, .parameter, .quotedName: return false
    case .symbol, .unknown: return true
    case .punctuation:
      if previous.isMark(")") || previous.isMark("]") { return false }
      return !isCommonTable(at: index)
    case .word: return isCall(after: previous, at: index)
    }
  }

  private func isCall(after previous: Token, at index: Int) -> Bool {
    guard let keyword = previous.keyword else { return false }
    switch keyword {
    case .into, .table, .exists, .view, .macro, .function, .references, .type: return false
    case .as: return isMacro
    case .with, .recursive: return !isCommonTable(at: index)
    // Words that may be names, but stand before an expression here.
    case .call, .between, .escape, .zone, .rows, .range, .groups, .by: return true
    case .copy, .update: return false
    default: return keyword.category == .reserved || keyword.category == .typeOrFunction
    }
  }

  private func callsGlob(after previous: Token, at index: Int) -> Bool {
    if previous.isMark("(") || previous.isMark(",") { return !isCommonTable(at: index) }
    switch previous.keyword {
    case .from, .join, .lateral, .call, .summarize, .describe, .pivot, .unpivot: return true
    default: return false
    }
  }

  /// `name (columns) AS [[NOT] MATERIALIZED] (`: a table that `WITH` defines.
  private func isCommonTable(at index: Int) -> Bool {
    var cursor = TokenCursor(statement, tokens: index + 1..<end)
    cursor.skipTokenOrGroup()
    guard cursor.accept(.as) else { return false }
    _ = cursor.accept(.not)
    _ = cursor.accept(.materialized)
    return cursor.isAt(mark: "(")
  }

  private func refusalOfCall(at index: Int) -> SQLError? {
    guard let token = token(index), let name = source.name(of: token)?.lowercased() else {
      return nil
    }
    if name == "query" { return refusalOfInnerStatement(at: index + 2) }
    guard let access = MachineFunctions.access(of: name) else { return nil }
    let sentence: String? =
      switch access {
      case .path:
        policy.refusal(of: "\(name)()", path: onlyString(at: index + 2), writes: false)
      case .unguardedPath: refusalOfUnguarded(name, path: onlyString(at: index + 2))
      case .always(let reason): "\(name)() is not allowed: \(reason)"
      }
    return sentence.map {
      SQLError($0, kind: .refused, at: statement.position(ofToken: index))
    }
  }

  private func refusalOfUnguarded(_ name: String, path: String?) -> String? {
    if path == nil, !policy.allowedDirectories.isEmpty {
      return "\(name)() is not allowed with a path that is computed: write it as a plain string, "
        + "so that it can be checked"
    }
    return policy.refusal(of: "\(name)()", path: path, writes: false)
  }

  /// The string at `index`, if nothing but `,` or `)` follows: a path that is known in full.
  private func onlyString(at index: Int) -> String? {
    guard let token = token(index), let next = self.token(index + 1),
      next.isMark(",") || next.isMark(")")
    else { return nil }
    return source.stringValue(of: token)
  }

  /// `query('SELECT …')` runs its text.
  private func refusalOfInnerStatement(at index: Int) -> SQLError? {
    guard depth < Self.maxDepth, let text = onlyString(at: index) else {
      return SQLError(
        "query() is not allowed with a text that is computed: write it as a plain string, so that "
          + "it can be checked", kind: .refused, at: statement.position(ofToken: index - 2))
    }
    guard let statements = try? StatementText.split(text) else { return nil }
    for inner in statements {
      guard var refusal = policy.refusal(of: inner, head: inner.head, depth: depth + 1) else {
        continue
      }
      refusal.position = statement.position(ofToken: index)
      return refusal
    }
    return nil
  }
}
