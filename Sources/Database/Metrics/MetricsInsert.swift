import SQL

/// `INSERT INTO metrics …` as an insert into its table.
///
/// A short `VALUES` stays one, with the number of arrival added to each row and integers made times:
/// the cheapest plan for one row. Any other source is selected from, numbered in its own order.
struct MetricsInsert {
  let relation: MetricsRelation
  let statement: StatementText
  let head: InsertHead
  private let source: SQLText

  /// A call of the time function costs 0.2 ms to bind, so longer lists select from a subquery.
  private static let maxBoundCalls = 4

  init(relation: MetricsRelation, statement: StatementText, head: InsertHead) {
    self.relation = relation
    self.statement = statement
    self.head = head
    source = statement.source
  }

  mutating func text(_ columnsOfQuery: MetricsRelation.ColumnsOfQuery) throws(SQLError) -> String {
    if head.conflict != nil || head.onConflictTokens != nil {
      throw error("metrics keeps every row that arrives: it has no key for ON CONFLICT")
    }
    if head.source == .defaultValues {
      throw error("a row of metrics needs metric_id, timestamp and value")
    }
    if !head.isByName, head.source == .values, let rows = valueRows() {
      let columns = try columns(ofValues: rows)
      for row in rows where row.count != columns.count {
        throw SQLError(
          "a row has \(row.count) values for the \(columns.count) columns "
            + columns.joined(separator: ", "),
          at: row.first.map { position(ofToken: $0.lowerBound) })
      }
      if let text = try directText(rows: rows, columns: columns) { return text }
      return try selectText(columns: columns, rows: rows)
    }
    return try selectText(columns: try columns(ofQuery: columnsOfQuery), rows: nil)
  }

  private func error(_ message: String) -> SQLError {
    SQLError(message, at: position(ofToken: head.targetTokens.lowerBound))
  }

  private func position(ofToken index: Int) -> SourcePosition {
    source.position(
      ofByte: source.byteRange(ofTokens: index..<index + 1)?.lowerBound
        ?? statement.byteRange.upperBound)
  }

  // MARK: Columns

  /// The columns that the statement names, in lower case; nil if it names none.
  private func namedColumns() throws(SQLError) -> [String]? {
    guard let names = head.columns else { return nil }
    return try checked(names)
  }

  private func checked(_ names: [String]) throws(SQLError) -> [String] {
    var columns: [String] = []
    for name in names {
      let column = name.lowercased()
      guard MetricsRelation.columns.contains(column) else {
        throw error(
          "metrics has no column \(quotedName(name)); it has "
            + MetricsRelation.columns.joined(separator: ", "))
      }
      guard !columns.contains(column) else {
        throw error("column \(quotedName(name)) is there twice")
      }
      columns.append(column)
    }
    return columns
  }

  private func columns(ofCount count: Int) throws(SQLError) -> [String] {
    switch count {
    case MetricsRelation.givenColumns.count: return MetricsRelation.givenColumns
    case MetricsRelation.columns.count: return MetricsRelation.columns
    default:
      throw error(
        "metrics takes 3 values (metric_id, timestamp, value) or 6 (with the running columns), "
          + "not \(count)")
    }
  }

  private func columns(ofValues rows: [[Range<Int>]]) throws(SQLError) -> [String] {
    if let named = try namedColumns() { return named }
    return try columns(ofCount: rows.first?.count ?? 0)
  }

  private func columns(
    ofQuery columnsOfQuery: MetricsRelation.ColumnsOfQuery
  ) throws(SQLError) -> [String] {
    if let named = try namedColumns(), !head.isByName { return named }
    let prefix = leadingWith.map { $0 + " " } ?? ""
    let names = try columnsOfQuery(prefix + source.text(ofTokens: head.sourceTokens))
    return head.isByName ? try checked(names) : try columns(ofCount: names.count)
  }

  /// `WITH …` before `INSERT`.
  private var leadingWith: String? {
    guard let verb = insertToken, verb > statement.tokenRange.lowerBound else { return nil }
    var start = verb
    // An EXPLAIN or PREPARE before WITH is no part of it.
    for index in statement.tokenRange.lowerBound..<verb
    where source.tokens[index].isKeyword(.with) {
      start = index
      break
    }
    return start < verb ? source.text(ofTokens: start..<verb) : nil
  }

  private var insertToken: Int? {
    (statement.tokenRange.lowerBound..<head.targetTokens.lowerBound)
      .last { source.tokens[$0].isKeyword(.insert) }
  }

  // MARK: VALUES

  /// The expressions of each row; nil when there is more than rows (`VALUES … UNION …`).
  private func valueRows() -> [[Range<Int>]]? {
    let body = head.sourceTokens.dropFirst()
    var rows: [[Range<Int>]] = []
    for item in TopLevelList(source, in: body).items {
      guard item.count > 2, source.tokens[item.lowerBound].isMark("("),
        isOneGroup(item)
      else { return nil }
      let inner = item.dropFirst().dropLast()
      rows.append(TopLevelList(source, in: inner).items)
    }
    return rows.isEmpty ? nil : rows
  }

  /// Whether the bracket that opens first closes last.
  private func isOneGroup(_ tokens: Range<Int>) -> Bool {
    var depth = 0
    for index in tokens {
      let token = source.tokens[index]
      if token.isMark("(") { depth += 1 }
      if token.isMark(")") { depth -= 1 }
      if depth == 0, index < tokens.upperBound - 1 { return false }
    }
    return depth == 0
  }

  private enum Time {
    /// To be written as it is.
    case plain
    /// Microseconds since 1970.
    case literal(Int64)
    /// To be given to the time function.
    case call
  }

  private func time(_ expression: Range<Int>) -> Time {
    guard let first = source.tokens[expression].first else { return .plain }
    if expression.count == 1 {
      switch first.kind {
      case .string: return .plain
      case .number:
        guard let integer = Int64(source.text(of: first)) else { return .call }
        return .literal(MetricsRelation.microseconds(ofTime: integer))
      default: if first.isKeyword(.default) || first.isKeyword(.null) { return .plain }
      }
    }
    let text = source.text(ofTokens: expression).lowercased()
    return ["now()", "current_timestamp", "get_current_timestamp()"].contains(text) ? .plain : .call
  }

  /// The statement with its `VALUES`; nil when too many calls would have to be bound.
  private func directText(
    rows: [[Range<Int>]], columns: [String]
  ) throws(SQLError) -> String? {
    var edit = StatementEdit(statement)
    var callCount = 0
    let timeColumn = columns.firstIndex(of: "timestamp")
    for row in rows {
      guard let first = row.first else { return nil }
      edit.insert("\(relation.nextArrival), 0, ", beforeToken: first.lowerBound)
      guard let timeColumn else { continue }
      let expression = row[timeColumn]
      switch time(expression) {
      case .plain: break
      case .literal(let microseconds):
        edit.replace(tokens: expression, with: "make_timestamptz(\(microseconds))")
      case .call:
        callCount += 1
        edit.insert("\(relation.timeFunction)(", beforeToken: expression.lowerBound)
        edit.insert(")", afterToken: expression.upperBound - 1)
      }
    }
    guard callCount <= Self.maxBoundCalls else { return nil }
    replaceTarget(columns: columns, edit: &edit)
    try relation.rewriteReturning(head.returningTokens, of: statement, edit: &edit)
    return edit.text
  }

  /// Everything from the target up to the source becomes the table and its columns.
  private func replaceTarget(columns: [String], edit: inout StatementEdit) {
    let names = columns.map { quotedIfNeeded(MetricsRelation.storedName(of: $0)) }
    let alias = head.alias.map { " AS " + quotedIfNeeded($0) } ?? ""
    edit.replace(
      tokens: head.targetTokens.lowerBound..<head.sourceTokens.lowerBound,
      with: "\(relation.table)\(alias) (arrival, arrival_row, \(names.joined(separator: ", ")))")
  }

  // MARK: Any source

  private func selectText(columns: [String], rows: [[Range<Int>]]?) throws(SQLError) -> String {
    var edit = StatementEdit(statement)
    replaceTarget(columns: columns, edit: &edit)
    // A subquery knows no DEFAULT; no column of metrics has one.
    for expression in (rows ?? []).joined()
    where expression.count == 1 && source.tokens[expression.lowerBound].isKeyword(.default) {
      edit.replace(tokens: expression, with: "NULL")
    }
    let names = columns.map(quotedName)
    let expressions = zip(columns, names).map { column, name in
      column == "timestamp" ? "\(relation.timeFunction)(\(name))" : name
    }
    edit.insert(
      "\(relation.selection(of: expressions)) FROM (", beforeToken: head.sourceTokens.lowerBound)
    edit.insert(
      ") AS given (\(names.joined(separator: ", ")))",
      afterToken: head.sourceTokens.upperBound - 1)
    try relation.rewriteReturning(head.returningTokens, of: statement, edit: &edit)
    return edit.text
  }
}
