internal import SQL

/// What a statement does that changes something of an engine that it names.
enum EngineChange: Sendable {
  /// It is about that engine alone, which gets it without the engine's name.
  case passed(Backend, StatementText)
  /// Rows of a query of ours go into one of its tables.
  case load(EngineLoad)

  var backend: Backend {
    switch self {
    case .passed(let backend, _): backend
    case .load(let load): load.backend
    }
  }
}

/// `INSERT INTO engine.schema.table SELECT …` and `CREATE TABLE engine.schema.table AS SELECT …` over other relations than the
/// engine's own.
struct EngineLoad: Sendable {
  var backend: Backend
  /// Schema and name, or the name alone.
  var path: [String]
  /// The columns that are named; nil for all of them in their order.
  var columns: [String]?
  var isByName = false
  var makesTable = false
  var isIfNotExists = false
  var isReplacing = false
  /// The query, with a WITH that stands before the verb.
  var source: String
}

extension StatementPlanner {
  /// What a statement changes at an engine that its target names.
  ///
  /// - Returns: Nil if its target is no engine's.
  func engineChange(
    _ statement: StatementText, _ session: MetricsRelation.Session
  ) throws(SQLError) -> EngineChange? {
    let head = statement.head
    guard let target = head.target, !engines.isEmpty,
      let (backend, path) = foreignTarget(head, target)
    else { return nil }
    let isStandard = backend === standardEngine(session)
    let others = statement.relationReferences.filter { reference in
      if let (engine, _) = foreignName(reference.name) { return engine !== backend }
      guard isStandard else { return true }
      return isOurs(reference.name, session)
    }
    guard !others.isEmpty else {
      return .passed(backend, try statement.without(engine: target.parts[0]))
    }
    guard let load = EngineLoad(statement, head, backend, path) else {
      throw SQLError(
        "\(target) is a table of the engine \(backend.name), which cannot read \(others[0].name): only INSERT … SELECT and "
          + "CREATE TABLE … AS SELECT take rows from elsewhere")
    }
    return .load(load)
  }

  /// The engine where statements of a session go that name none.
  func standardEngine(_ session: MetricsRelation.Session) -> Backend? {
    session.engine.flatMap { engines.find($0) } ?? engines.standard
  }

  private func foreignTarget(
    _ head: StatementHead, _ target: QualifiedName
  ) -> (engine: Backend, path: [String])? {
    switch head.kind {
    case .insert, .update, .delete, .merge, .create, .drop, .alter, .comment:
      return foreignName(target)
    default: return nil
    }
  }
}

extension EngineLoad {
  fileprivate init?(
    _ statement: StatementText, _ head: StatementHead, _ backend: Backend, _ path: [String]
  ) {
    let source = statement.source
    let leading =
      head.hasLeadingWith
      ? source.text(ofTokens: statement.tokenRange.lowerBound..<head.verbToken) + " " : ""
    switch head.kind {
    case .insert(let insert):
      guard insert.source != .defaultValues, insert.conflict == nil, insert.onConflictTokens == nil,
        insert.returningTokens == nil
      else { return nil }
      self.init(
        backend: backend, path: path, columns: insert.columns, isByName: insert.isByName,
        source: leading + source.text(ofTokens: insert.sourceTokens))
    case .create(let create):
      guard create.object == .table, create.isFromQuery, !create.isTemporary,
        let place = statement.tokenRange.first(where: {
          $0 > head.verbToken && source.tokens[$0].isKeyword(.as)
        })
      else { return nil }
      self.init(
        backend: backend, path: path, makesTable: true, isIfNotExists: create.isIfNotExists,
        isReplacing: create.isReplacing,
        source: leading + source.text(ofTokens: (place + 1)..<statement.tokenRange.upperBound))
    default: return nil
    }
  }
}

extension StatementText {
  /// The statement without the name of an engine in front of names.
  fileprivate func without(engine: String) throws(SQLError) -> StatementText {
    var edit = StatementEdit(self)
    let engine = engine.lowercased()
    var index = tokenRange.lowerBound
    while index + 1 < tokenRange.upperBound {
      let token = source.tokens[index]
      if source.tokens[index + 1].isMark("."), source.name(of: token)?.lowercased() == engine,
        index == tokenRange.lowerBound || !source.tokens[index - 1].isMark(".")
      {
        edit.replace(tokens: index..<(index + 2), with: "")
        index += 2
      }
      index += 1
    }
    return try StatementText.single(edit.text)
  }
}
