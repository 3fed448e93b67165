internal import ADBC
internal import SQL

/// Tables of databases behind in our SQL: `engine.schema.table` and `engine.table`.
extension StatementPlanner {
  /// The engine that a name begins with, and the rest of the name.
  func foreignName(_ name: QualifiedName) -> (engine: Backend, path: [String])? {
    guard name.parts.count > 1, let engine = engines.find(name.parts[0]) else { return nil }
    return (engine, Array(name.parts.dropFirst()))
  }

  /// The tables behind that the statements of a text name in FROM clauses.
  func foreignTables(
    _ sql: String, _ session: MetricsRelation.Session
  ) throws(DatabaseError) -> [(engine: Backend, path: [String])] {
    do throws(SQLError) {
      var found: [(engine: Backend, path: [String])] = []
      for statement in try StatementText.split(sql) {
        if case .passed = try engineChange(statement, session) { continue }
        found += statement.relationReferences.compactMap { foreignName($0.name) }
      }
      return found
    } catch {
      throw DatabaseError(error)
    }
  }

  /// The statement with reads of the engines in the place of tables behind; nil if it names none.
  ///
  ///
  /// - Parameter usesCopies: Whether a cached copy may stand in the place of a table whose wanted rows it has.
  func showingForeignTables(
    _ statement: StatementText, usesCopies: Bool = true
  ) throws(SQLError) -> ShownForeignTables? {
    guard !engines.isEmpty else { return nil }
    var edit = StatementEdit(statement)
    var parameterEdit = StatementEdit(statement)
    var (found, isWrittenWhole, comparesParameters) = ([Backend](), true, false)
    var copies: [CoveringCopy] = []
    for reference in statement.relationReferences {
      guard let (engine, path) = foreignName(reference.name),
        let (table, id) = engine.foreign.known(path)
      else { continue }
      isWrittenWhole = isWrittenWhole && path.count > 1
      if !found.contains(where: { $0 === engine }) { found.append(engine) }
      if statement.head.isDDL, !statement.head.makesTable {
        edit.replace(tokens: reference.tokens, with: table.localName.description)
        continue
      }
      let conditions = statement.conditions(on: reference)
      var comparisons = conditions?.comparisons ?? []
      let alias = conditions?.hasAlias ?? statement.aliasFollows(reference)
      let copy =
        !usesCopies
        ? nil
        : engine.cachedCopy(
          schema: table.name.schema, table: table.name.name,
          where: comparisons.filter { !$0.isParameter && $0.alternatives.isEmpty })
      let copied = copy.flatMap { table.relation(of: $0) }
      if let copy, copied != nil { copies.append(copy) }
      func show(hasParameters: Bool, in edit: inout StatementEdit) {
        let filter = ForeignFilter(
          comparisons, table.columns, table.dialect, hasParameters: hasParameters)
        let text = "(\(copied ?? table.relation(id, filter: filter.expression)))"
        edit.replace(
          tokens: reference.tokens, with: alias ? text : text + " AS " + quotedName(path.last ?? "")
        )
        if !alias { statement.unqualify(reference, in: &edit) }
      }
      show(hasParameters: false, in: &edit)
      comparisons = statement.numberingParameters(comparisons)
      comparesParameters = comparesParameters || comparisons.contains(where: \.isParameter)
      show(hasParameters: true, in: &parameterEdit)
    }
    guard !found.isEmpty else { return nil }
    if comparesParameters { statement.numberParameters(in: &parameterEdit) }
    return ShownForeignTables(
      statement: try StatementText.single(edit.text), engines: found,
      isWrittenWhole: isWrittenWhole,
      withParameters: comparesParameters ? parameterEdit.text : nil, copies: copies)
  }
}

/// A statement with reads of engines in it.
struct ShownForeignTables {
  var statement: StatementText
  var engines: [Backend]
  /// Whether DuckDB would understand the statement as it was written.
  var isWrittenWhole: Bool
  /// The same for a run with parameters, which say what is read; nil if they do not. The columns of this text are known only then.
  var withParameters: String?
  /// Copies that are read in the place of tables.
  var copies: [CoveringCopy]
}

extension StatementText {
  private var plainParameters: [Int] {
    tokenRange.filter {
      source.tokens[$0].kind == .parameter && source.text(of: source.tokens[$0]) == "?"
    }
  }

  /// `?` as `$1`, `$2`, …, so that each may stand in several places.
  fileprivate func numberParameters(in edit: inout StatementEdit) {
    for (number, index) in plainParameters.enumerated() {
      edit.replace(tokens: index..<(index + 1), with: "$\(number + 1)")
    }
  }

  /// The comparisons with the numbers of their parameters.
  fileprivate func numberingParameters(_ comparisons: [ColumnComparison]) -> [ColumnComparison] {
    let places = plainParameters.map { Int(source.tokens[$0].start) }
    return comparisons.map { comparison in
      guard comparison.isParameter, comparison.constant == "?" else { return comparison }
      var numbered = comparison
      numbered.constant = places.firstIndex(of: comparison.place).map { "$\($0 + 1)" } ?? "NULL"
      return numbered
    }
  }
}

extension StreamStatement {
  /// The statement with tables behind in reach of the query that makes a stream.
  func showingForeignTables(_ planner: StatementPlanner) throws(SQLError) -> StreamStatement {
    guard case .createStream(var create) = self, let query = create.query,
      let shown = try planner.showingForeignTables(
        try StatementText.single(query), usesCopies: false)
    else { return self }
    create.queryAtRest = shown.statement.text
    return .createStream(create)
  }
}

extension StatementHead {
  /// Whether it keeps rows and not its text.
  fileprivate var makesTable: Bool {
    if case .create(let create) = kind { return create.object == .table }
    return false
  }
}
