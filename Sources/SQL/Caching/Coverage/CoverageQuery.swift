/// Reads one SELECT.
struct CoverageQuery {
  private struct Item {
    var sql: String
    var name: String
    var source: CoveredQuery.Source
    var isAggregate = false
    var column: CoverageColumn?
    /// Whether rows may be put in the order of its values.
    var isOrdered: Bool
    var isHidden = false
  }

  private var reader: CoverageReader
  private let tables: [CopiedTable]
  private var used: [Int] = []
  /// Those that LEFT JOIN may leave without a row.
  private var optional: Set<Int> = []
  private var from = ""
  /// What is true of the rows of each relation that take part.
  private var ranges: [CoverageColumn: ValueRange] = [:]
  private var items: [Item] = []

  init(_ reader: CoverageReader, _ tables: [CopiedTable]) {
    self.reader = reader
    self.tables = tables
  }

  mutating func read() throws(NotCovered) -> CoveredQuery {
    guard reader.accept("select") else { throw NotCovered("it is no plain SELECT") }
    let start = reader.cursor.index
    while !reader.cursor.isAtEnd, !reader.isAt("from") { reader.cursor.skipTokenOrGroup() }
    guard reader.accept("from") else { throw NotCovered("it reads no table") }
    let fromEnd = reader.cursor.index
    try readFrom()
    let afterFrom = reader.cursor.index
    // Parameters without a number are counted in the order of the text.
    reader.cursor.index = start
    try readItems(until: fromEnd - 1)
    reader.cursor.index = afterFrom
    var sql = ""
    if reader.accept("where") {
      let condition = try reader.condition()
      note(condition) { [optional] in !optional.contains($0) }
      sql += " WHERE \(condition.sql)"
    }
    sql += try readGroups()
    sql += try readOrder()
    sql += try readLimit()
    guard reader.cursor.isAtEnd else { throw NotCovered("it has a clause that is not known here") }
    try checkSlices()
    let list = items.map { "\($0.sql) AS \(quotedName($0.name))" }.joined(separator: ", ")
    return CoveredQuery(
      sql: "SELECT \(list) FROM \(from)\(sql)", tables: used,
      outputs: items.map { CoveredQuery.Output(name: $0.name, source: $0.source) })
  }

  // MARK: - FROM

  private mutating func readFrom() throws(NotCovered) {
    from = try relation()
    while true {
      let isLeft = reader.isAt("left")
      if isLeft {
        _ = reader.accept("left")
        _ = reader.accept("outer")
      } else if !reader.accept("inner"), !reader.isAt("join") {
        break
      }
      guard reader.accept("join") else { throw NotCovered("it has a join of another kind") }
      let place = reader.relations.count
      let relation = try relation()
      guard reader.accept("on") else { throw NotCovered("it has a join without ON") }
      let condition = try reader.condition()
      if isLeft {
        optional.insert(place)
        note(condition) { $0 == place }
      } else {
        note(condition) { [optional] in !optional.contains($0) }
      }
      from += (isLeft ? " LEFT JOIN " : " JOIN ") + relation + " ON \(condition.sql)"
    }
  }

  private mutating func relation() throws(NotCovered) -> String {
    var parts = [try reader.name("table")]
    while reader.cursor.accept(mark: ".") { parts.append(try reader.name("table")) }
    let dialect = reader.dialect
    let place = tables.firstIndex { table in
      guard let last = parts.last, dialect.isSame(last, table.name) else { return false }
      guard parts.count > 1 else { return table.isOnPath }
      guard parts.count == 2, let schema = table.schema else { return false }
      return dialect.isSame(schema, parts[0])
    }
    guard let place else { throw NotCovered("there is no copy of \(parts.joined(separator: "."))") }
    var qualifier = parts[parts.count - 1]
    if reader.accept("as") {
      qualifier = try alias()
    } else if let token = reader.cursor.token, let word = reader.cursor.source.name(of: token),
      !Self.isClause(token, word)
    {
      qualifier = try alias()
    }
    guard !reader.relations.contains(where: { dialect.isSame($0.qualifier, qualifier) }) else {
      throw NotCovered("two relations have the name \(qualifier)")
    }
    let alias = "r\(reader.relations.count)"
    reader.relations.append(.init(qualifier: qualifier, table: tables[place], alias: alias))
    if !used.contains(place) { used.append(place) }
    return "\(tables[place].relation) AS \(alias)"
  }

  /// A name that is new. Words of the language may be operators there: `a ISNULL`.
  private mutating func alias() throws(NotCovered) -> String {
    guard let token = reader.cursor.token, token.kind == .quotedName || token.keyword == nil else {
      throw NotCovered("it has a word of the language as a name")
    }
    let name = try reader.name("alias")
    guard !["isnull", "notnull"].contains(name) else {
      throw NotCovered("it asks what something is")
    }
    return name
  }

  private static let clauses: Set<String> = [
    "where", "group", "order", "limit", "offset", "join", "left", "inner", "right", "full", "cross",
    "natural", "on", "using", "having", "union", "except", "intersect", "fetch", "for", "window",
    "tablesample", "asof", "positional", "semi", "anti", "qualify", "sample", "pivot", "unpivot",
  ]

  private static func isClause(_ token: Token, _ word: String) -> Bool {
    token.kind == .word && clauses.contains(word.lowercased())
  }

  /// - Parameter counts: Whether what is known of a relation's columns there is true of all its rows that take part.
  private mutating func note(_ condition: CoverageCondition, _ counts: (Int) -> Bool) {
    for (column, range) in condition.ranges where counts(column.relation) {
      ranges[column] = ranges[column].map { $0.intersection(range) } ?? range
    }
  }

  private func checkSlices() throws(NotCovered) {
    for (index, relation) in reader.relations.enumerated() {
      let known = ranges.filter { $0.key.relation == index }
      let byColumn = Dictionary(
        known.map { ($0.key.column, $0.value) }, uniquingKeysWith: { first, _ in first })
      guard relation.table.holdsRows(in: byColumn) else {
        throw NotCovered("the copy of \(relation.table.name) does not hold all rows that it wants")
      }
    }
  }

  // MARK: - SELECT

  private mutating func readItems(until end: Int) throws(NotCovered) {
    repeat {
      try readItem(until: end)
    } while reader.cursor.index < end && reader.cursor.accept(mark: ",")
    guard reader.cursor.index == end else { throw NotCovered("it selects something else") }
    var names: Set<String> = []
    for item in items where !names.insert(item.name.lowercased()).inserted {
      throw NotCovered("it has two columns \(item.name)")
    }
  }

  private mutating func readItem(until end: Int) throws(NotCovered) {
    if isAtStar() {
      reader.cursor.advance()
      for index in reader.relations.indices { try addAll(of: index) }
      return
    }
    if let token = reader.cursor.token, let dot = reader.cursor.token(ahead: 1), dot.isMark("."),
      let star = reader.cursor.token(ahead: 2), star.kind == .symbol,
      reader.cursor.source.text(of: star) == "*", reader.cursor.source.name(of: token) != nil
    {
      let qualifier = try reader.name("relation")
      reader.cursor.index += 2
      let dialect = reader.dialect
      guard
        let index = reader.relations.firstIndex(where: { dialect.isSame($0.qualifier, qualifier) })
      else { throw NotCovered("there is no relation \(qualifier)") }
      return try addAll(of: index)
    }
    var item = try value()
    if reader.accept("as") {
      guard let token = reader.cursor.token, let name = reader.cursor.acceptName() else {
        throw NotCovered("it has no name behind AS")
      }
      item.name = reader.dialect.folded(name, isQuoted: token.kind == .quotedName)
    } else if reader.cursor.index < end, !reader.cursor.isAt(mark: ",") {
      item.name = try alias()
    } else if item.column == nil, reader.dialect != .postgresql {
      throw NotCovered("it has a column without a name")
    }
    items.append(item)
  }

  private func isAtStar() -> Bool { reader.cursor.isAt(symbol: "*") }

  private mutating func addAll(of relation: Int) throws(NotCovered) {
    for column in reader.relations[relation].table.columns.indices {
      items.append(try plain(CoverageColumn(relation: relation, column: column)))
    }
  }

  private func plain(_ column: CoverageColumn) throws(NotCovered) -> Item {
    let copied = reader.relations[column.relation].table.columns[column.column]
    guard copied.isExact else {
      throw NotCovered("the column \(copied.name) has a type that DuckDB holds otherwise")
    }
    let table = used.firstIndex { tables[$0] == reader.relations[column.relation].table } ?? 0
    return Item(
      sql: reader.term(of: column).sql, name: copied.name,
      source: .column(table: used[table], column: column.column), column: column,
      isOrdered: copied.type != nil && copied.type != .text)
  }

  /// A column, an aggregate, or whole numbers computed.
  private mutating func value() throws(NotCovered) -> Item {
    if let call = try aggregate() { return call }
    let start = reader.cursor.index
    if let token = reader.cursor.token, token.kind == .word || token.kind == .quotedName {
      let term = try reader.column()
      if isAtEndOfValue, let column = term.column { return try plain(column) }
      reader.cursor.index = start
    }
    let term = try reader.wholeValue()
    guard let type = term.type, type.isInteger, reader.dialect == .postgresql else {
      throw NotCovered("it selects a value of another kind")
    }
    return Item(sql: term.sql, name: "?column?", source: .computed(type), isOrdered: true)
  }

  private var isAtEndOfValue: Bool {
    guard let token = reader.cursor.token else { return true }
    return token.kind != .symbol && !token.isMark("(") && !token.isMark(".") && !token.isMark("[")
      && !token.isMark(":")
  }

  private mutating func aggregate() throws(NotCovered) -> Item? {
    guard let token = reader.cursor.token, token.kind == .word,
      let bracket = reader.cursor.token(ahead: 1), bracket.isMark("(")
    else { return nil }
    let name = reader.cursor.source.text(of: token).lowercased()
    guard ["count", "sum", "min", "max", "avg"].contains(name) else {
      throw NotCovered("it calls \(name)")
    }
    reader.cursor.index += 2
    let (sql, type) = try aggregated(name)
    guard reader.cursor.accept(mark: ")"), !reader.isAt("filter"), !reader.isAt("over"),
      !reader.isAt("within"), isAtEndOfValue
    else { throw NotCovered("it has a call of \(name) of another kind") }
    return Item(
      sql: sql, name: name, source: .computed(type), isAggregate: true, isOrdered: true)
  }

  private mutating func aggregated(
    _ name: String
  ) throws(NotCovered) -> (sql: String, type: AgreedType) {
    if name == "count", isAtStar() {
      reader.cursor.advance()
      return ("count(*)", .int64)
    }
    let isDistinct = reader.accept("distinct")
    guard !isDistinct || name == "count" else { throw NotCovered("it has DISTINCT in \(name)") }
    let term = try reader.aggregatedValue()
    return try Self.aggregated(
      name, isDistinct: isDistinct, term.sql, term.type,
      isPostgreSQL: reader.dialect == .postgresql)
  }

  private static func aggregated(
    _ name: String, isDistinct: Bool, _ sql: String, _ known: AgreedType?, isPostgreSQL: Bool
  ) throws(NotCovered) -> (sql: String, type: AgreedType) {
    if name == "count" {
      guard !isDistinct || known?.isFloat == false else {
        throw NotCovered("it counts distinct values of a type that is not known here")
      }
      return ("count(\(isDistinct ? "DISTINCT " : "")\(sql))", .int64)
    }
    guard let type = known else { throw NotCovered("it has \(name) of an unknown type") }
    switch (name, type) {
    case ("sum", .int16) where isPostgreSQL, ("sum", .int32) where isPostgreSQL:
      return (CoverageCondition.cast("sum(\(sql))", .int64), .int64)
    case ("sum", .float64), ("avg", .float64): return ("\(name)(\(sql))", .float64)
    case ("avg", .float32) where isPostgreSQL:
      return ("avg(\(CoverageCondition.cast(sql, .float64)))", .float64)
    case ("min", _) where type != .text && type != .bool,
      ("max", _) where type != .text && type != .bool:
      return ("\(name)(\(sql))", type)
    default: throw NotCovered("it has \(name) of a type for which databases differ")
    }
  }

  // MARK: - GROUP BY, ORDER BY, LIMIT

  private mutating func readGroups() throws(NotCovered) -> String {
    var groups: [CoverageColumn] = []
    let isGrouped = reader.accept("group")
    if isGrouped {
      guard reader.accept("by") else { throw NotCovered("it has no BY behind GROUP") }
      repeat { groups.append(try group()) } while reader.cursor.accept(mark: ",")
    }
    guard isGrouped || items.contains(where: \.isAggregate) else { return "" }
    for item in items where !item.isAggregate {
      guard let column = item.column, groups.contains(column) else {
        throw NotCovered("it selects \(item.name), which is no group")
      }
    }
    groupColumns = groups
    return isGrouped
      ? " GROUP BY " + groups.map { reader.term(of: $0).sql }.joined(separator: ", ") : ""
  }

  private var groupColumns: [CoverageColumn]?

  private mutating func group() throws(NotCovered) -> CoverageColumn {
    let column: CoverageColumn
    if let item = try ordinal() {
      guard let named = item.column else { throw NotCovered("it groups by a value") }
      column = named
    } else {
      guard let named = try reader.column().column, isAtEndOfValue else {
        throw NotCovered("it groups by a value")
      }
      column = named
    }
    let type = reader.relations[column.relation].table.columns[column.column].type
    guard let type, !type.isFloat else { throw NotCovered("it groups by a type that is not known") }
    return column
  }

  /// `1` for the first column of the answer.
  private mutating func ordinal() throws(NotCovered) -> Item? {
    guard let token = reader.cursor.token, token.kind == .number else { return nil }
    guard let number = Int(reader.cursor.source.text(of: token)), items.indices.contains(number - 1)
    else { throw NotCovered("there is no column of that number") }
    reader.cursor.advance()
    guard isAtEndOfValue else { throw NotCovered("it orders by a value") }
    return items[number - 1]
  }

  private mutating func readOrder() throws(NotCovered) -> String {
    guard reader.accept("order") else { return "" }
    guard reader.accept("by") else { throw NotCovered("it has no BY behind ORDER") }
    var parts: [String] = []
    repeat {
      let item = try orderItem()
      guard item.isOrdered else { throw NotCovered("it orders by \(item.name)") }
      let isDescending = reader.accept("desc")
      if !isDescending { _ = reader.accept("asc") }
      var isNullFirst = reader.dialect == .postgresql && isDescending
      if reader.accept("nulls") {
        isNullFirst = reader.isAt("first")
        guard reader.accept("first") || reader.accept("last") else {
          throw NotCovered("it has no FIRST or LAST behind NULLS")
        }
      }
      parts.append(
        "\(item.sql) \(isDescending ? "DESC" : "ASC") NULLS \(isNullFirst ? "FIRST" : "LAST")")
    } while reader.cursor.accept(mark: ",")
    return " ORDER BY " + parts.joined(separator: ", ")
  }

  private mutating func orderItem() throws(NotCovered) -> Item {
    if let item = try ordinal() { return item }
    if let call = try aggregate() {
      guard groupColumns != nil else { throw NotCovered("it orders by an aggregate") }
      return call
    }
    let start = reader.cursor.index
    let name = try reader.name("column")
    let dialect = reader.dialect
    if !reader.cursor.isAt(mark: "."), isAtEndOfValue,
      let item = items.first(where: { dialect.isSame($0.name, name) })
    {
      return item
    }
    reader.cursor.index = start
    guard let column = try reader.column().column, isAtEndOfValue else {
      throw NotCovered("it orders by a value")
    }
    if let groupColumns, !groupColumns.contains(column) {
      throw NotCovered("it orders by what is no group")
    }
    return try plain(column)
  }

  private mutating func readLimit() throws(NotCovered) -> String {
    var sql = ""
    for word in ["limit", "offset"] where reader.accept(word) {
      guard let token = reader.cursor.token, token.kind == .number,
        let count = Int64(reader.cursor.source.text(of: token))
      else { throw NotCovered("its \(word.uppercased()) is no number") }
      reader.cursor.advance()
      sql += " \(word.uppercased()) \(count)"
    }
    return sql
  }
}

extension CoverageReader {
  /// A value that is selected, and no condition.
  fileprivate mutating func wholeValue() throws(NotCovered) -> CoverageTerm {
    let term = try computation()
    if case .integer(_, let type) = term.kind, !term.isParameter {
      return CoverageTerm(
        kind: .typed(type), sql: CoverageCondition.cast(term.sql, type))
    }
    return term
  }

  /// What an aggregate is of: a column, or whole numbers computed.
  fileprivate mutating func aggregatedValue() throws(NotCovered) -> CoverageTerm {
    let term = try computation()
    guard !term.isLiteral else { throw NotCovered("it aggregates a constant") }
    return term
  }
}
