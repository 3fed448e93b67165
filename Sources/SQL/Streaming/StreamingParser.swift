/// Reads the statements of the streaming dialect.
///
/// The words are not reserved: a statement is ours only if it begins like one of ours, or ends with
/// EMIT CHANGES.
public struct StreamingParser {
  var cursor: TokenCursor
  let statement: StatementText

  private init(_ statement: StatementText) {
    self.statement = statement
    cursor = TokenCursor(statement)
  }

  /// - Returns: Nil if the statement is not one of the dialect.
  /// - Throws: When it begins like one and goes on otherwise.
  public static func parse(_ statement: StatementText) throws(SQLError) -> StreamStatement? {
    var parser = StreamingParser(statement)
    guard let read = try parser.parse() else { return nil }
    guard parser.cursor.isAtEnd else { throw parser.expected("the end of the statement") }
    return read
  }

  private mutating func parse() throws(SQLError) -> StreamStatement? {
    if accept("create") { return try create() }
    if accept("drop") { return try drop() }
    if accept("alter") {
      guard accept("stream") else { return nil }
      return try alter()
    }
    if accept("show") { return try show() }
    if accept("describe") || accept("desc") {
      guard accept("stream") else { return nil }
      return .describeStream(try name())
    }
    if accept("terminate") {
      _ = accept("query")
      return .terminateQuery(id: try queryID())
    }
    if accept("pause"), accept("query") { return .pauseQuery(id: try queryID()) }
    if accept("resume"), accept("query") { return .resumeQuery(id: try queryID()) }
    if accept("subscribe") { return try subscribe() }
    if accept("acknowledge") { return try acknowledge() }
    if let statement = try engineStatement() { return statement }
    if accept("flush"), accept("cache") {
      return .flushCache(name: cursor.isAtEnd ? nil : try name().name)
    }
    if accept("cache") { return try cache() }
    if accept("uncache") { return try uncache() }
    if accept("declare") { return .declareCursor(try declareCursor()) }
    if accept("fetch") { return .fetch(try fetch()) }
    if accept("close") { return .closeCursor(name: try cursorName()) }
    return try emit()
  }

  // MARK: Streams

  private mutating func create() throws(SQLError) -> StreamStatement? {
    let start = cursor.index
    if accept("or"), accept("replace"), accept("stream") {
      throw error(
        "a stream cannot be replaced, since its rows would be lost; drop it first", at: start)
    }
    cursor.index = start
    if let create = try createEngine() { return create }
    cursor.index = start
    if accept("subscription") { return try createSubscription() }
    guard accept("stream") else { return nil }
    var create = CreateStream(name: QualifiedName())
    create.isIfNotExists = try acceptIfNotExists()
    create.name = try name()
    if cursor.accept(mark: "(") {
      try columns(into: &create)
    }
    if accept("with") { create.options = try options() }
    if accept("as") {
      guard !cursor.isAtEnd else { throw expected("a query after AS") }
      try query(of: &create)
    }
    return .createStream(create)
  }

  private mutating func columns(into create: inout CreateStream) throws(SQLError) {
    repeat {
      if cursor.isAt(mark: ")") { break }
      let start = cursor.index
      if accept("watermark"), accept("for") {
        guard create.watermark == nil else {
          throw error("a stream has one watermark", at: start)
        }
        create.watermark = try watermark()
      } else {
        cursor.index = start
        create.columns.append(try column())
      }
    } while cursor.accept(mark: ",")
    guard cursor.accept(mark: ")") else { throw expected(", or ) after a column") }
    if let watermark = create.watermark,
      !create.columns.contains(where: { $0.name.lowercased() == watermark.column.lowercased() })
    {
      throw SQLError("the watermark is for '\(watermark.column)', which is no column of the stream")
    }
  }

  private mutating func column() throws(SQLError) -> StreamColumn {
    guard let name = cursor.acceptName() else { throw expected("the name of a column") }
    let start = cursor.index
    while !cursor.isAtEnd, !cursor.isAt(mark: ","), !cursor.isAt(mark: ")"), !isAtConstraint {
      cursor.skipTokenOrGroup()
    }
    guard cursor.index > start else { throw expected("the type of column '\(name)'") }
    var column = StreamColumn(name: name, type: cursor.source.text(ofTokens: start..<cursor.index))
    while isAtConstraint {
      let start = cursor.index
      if accept("not"), accept("null") {
        column.isNullable = false
      } else if accept("null") {
        column.isNullable = true
      } else if accept("default") {
        let start = cursor.index
        while !cursor.isAtEnd, !cursor.isAt(mark: ","), !cursor.isAt(mark: ")"), !isAtConstraint {
          cursor.skipTokenOrGroup()
        }
        column.defaultExpression = cursor.source.text(ofTokens: start..<cursor.index)
      } else {
        throw error("a column of a stream takes NOT NULL and DEFAULT only", at: start)
      }
    }
    return column
  }

  private var isAtConstraint: Bool {
    ["not", "null", "default", "primary", "unique", "check", "references"].contains { isAt($0) }
  }

  /// `c AS c [- INTERVAL …]`, behind FOR.
  mutating func watermark() throws(SQLError) -> StreamWatermark {
    guard let column = cursor.acceptName() else { throw expected("the column of the watermark") }
    guard accept("as"), let again = cursor.acceptName(),
      again.lowercased() == column.lowercased()
    else { throw expected("AS \(column), with or without - INTERVAL '…' SECOND") }
    var watermark = StreamWatermark(column: column, delayMicroseconds: 0)
    if cursor.accept(symbol: "-") {
      guard let delay = interval() else { throw expected("INTERVAL '…' SECOND") }
      watermark.delayMicroseconds = delay
    }
    return watermark
  }

  /// `INTERVAL '5' SECOND`, `INTERVAL 5 SECOND`, `INTERVAL '5 seconds'`.
  mutating func interval() -> Int64? {
    guard accept("interval") else { return nil }
    guard let text = cursor.acceptString() ?? acceptNumber() else { return nil }
    if let whole = DurationText.microseconds(text) { return whole }
    guard let count = Int64(text), let word = cursor.acceptName(),
      let unit = DurationText.unit(word.lowercased())
    else { return nil }
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    return overflow ? nil : product
  }

  private mutating func drop() throws(SQLError) -> StreamStatement? {
    if accept("subscription") {
      let isIfExists = try acceptIfExists()
      let name = try identifier("the name of a subscription")
      return .dropSubscription(name: name, isIfExists: isIfExists)
    }
    if accept("engine") {
      let isIfExists = try acceptIfExists()
      let name = try identifier("the name of an engine")
      return .dropEngine(name: name, isIfExists: isIfExists, isCascading: accept("cascade"))
    }
    guard accept("stream") else { return nil }
    var isIfExists = try acceptIfExists()
    let name = try name()
    // HStreamDB writes it at the end.
    if !isIfExists { isIfExists = try acceptIfExists() }
    let isCascading = accept("cascade")
    if !isCascading { _ = accept("restrict") }
    return .dropStream(name, isIfExists: isIfExists, isCascading: isCascading)
  }

  private mutating func alter() throws(SQLError) -> StreamStatement {
    _ = try acceptIfExists()
    let stream = try name()
    return .alterStream(stream, try change())
  }

  private mutating func change() throws(SQLError) -> AlterStream {
    if accept("add") {
      _ = accept("column")
      let isIfNotExists = try acceptIfNotExists()
      return .addColumn(try column(), isIfNotExists: isIfNotExists)
    }
    if accept("rename") {
      if accept("to") { return .rename(to: try identifier("the new name")) }
      _ = accept("column")
      let old = try identifier("the name of a column")
      guard accept("to") else { throw expected("TO and the new name") }
      return .renameColumn(old, to: try identifier("the new name"))
    }
    if accept("alter") {
      _ = accept("column")
      let column = try identifier("the name of a column")
      _ = accept("set")
      _ = accept("data")
      guard accept("type") else { throw expected("TYPE and the new type") }
      let start = cursor.index
      while !cursor.isAtEnd { cursor.skipTokenOrGroup() }
      guard cursor.index > start else { throw expected("the new type") }
      return .setType(
        column: column, type: cursor.source.text(ofTokens: start..<cursor.index))
    }
    guard accept("set") else {
      throw expected("ADD, ALTER, RENAME or SET: a stream's columns cannot be dropped")
    }
    if accept("watermark") {
      guard accept("for") else { throw expected("FOR and a column") }
      return .setWatermark(try watermark())
    }
    return .setOptions(try options())
  }

  private mutating func show() throws(SQLError) -> StreamStatement? {
    if accept("streams") { return (.showStreams) }
    if accept("queries") { return (.showQueries) }
    if accept("engines") { return .showEngines }
    if accept("cache") { return .showCache }
    if accept("subscriptions") { return (.showSubscriptions) }
    if accept("create"), accept("stream") { return (.showCreateStream(try name())) }
    return nil
  }

  // MARK: Subscriptions

  private mutating func createSubscription() throws(SQLError) -> StreamStatement {
    let isIfNotExists = try acceptIfNotExists()
    let name = try identifier("the name of the subscription")
    var create = CreateSubscription(name: name, isIfNotExists: isIfNotExists, query: "")
    if accept("from") {
      let source = try self.name()
      create.query = "SELECT * FROM \(source)"
      let start = cursor.index
      while !cursor.isAtEnd, !isAt("with") { cursor.skipTokenOrGroup() }
      if cursor.index > start {
        create.query += " " + cursor.source.text(ofTokens: start..<cursor.index)
      }
      if accept("with") { create.options = try options() }
    } else {
      if accept("with") { create.options = try options() }
      guard accept("as"), !cursor.isAtEnd else {
        throw expected("FROM and a stream, or AS SELECT …")
      }
      create.query = rest()
      cursor.index = cursor.end
    }
    return .createSubscription(create)
  }

  private mutating func subscribe() throws(SQLError) -> StreamStatement {
    _ = accept("to")
    var subscribe = Subscribe()
    if cursor.isAt(mark: "(") {
      let start = cursor.index
      cursor.skipTokenOrGroup()
      subscribe.query = cursor.source.text(ofTokens: (start + 1)..<(cursor.index - 1))
    } else {
      subscribe.name = try name()
    }
    if accept("since") {
      guard let token = cursor.acceptString() else { throw expected("a resume token in quotes") }
      subscribe.since = token
    }
    return .subscribe(subscribe)
  }

  private mutating func acknowledge() throws(SQLError) -> StreamStatement {
    let name = try identifier("the name of a subscription")
    guard accept("up"), accept("to"), let token = cursor.acceptString() else {
      throw expected("UP TO and a resume token in quotes")
    }
    return .acknowledge(subscription: name, token: token)
  }
}
